"""The vectors of statements and invitations that `docs/protocol.md` promises, both ways."""

import json
from pathlib import Path
from typing import Any

import pytest

from nwip.security.invitations import Invitation
from nwip.security.statements import Authority, read_statement

DOCS = Path(__file__).parents[2] / "docs"
VECTORS = json.loads((DOCS / "protocol-vectors.json").read_text())["membership"]
AUTHORITY = Authority.from_octets(bytes.fromhex(VECTORS["authority"]["private"]))


def test_the_public_key_follows_from_the_private_one() -> None:
    assert AUTHORITY.public.hex() == VECTORS["authority"]["public"]


@pytest.mark.parametrize("vector", VECTORS["statements"], ids=lambda vector: vector["name"])
def test_a_statement_is_read_and_signed_as_the_vector_says(vector: dict[str, Any]) -> None:
    said = read_statement(bytes.fromhex(vector["signed"]), AUTHORITY.public, VECTORS["domain"])
    assert type(said).__name__ == vector["type"]
    fields = {name: getattr(said, name) for name in vector["fields"]}
    shown = {name: value.hex() if isinstance(value, bytes) else value for name, value in fields.items()}
    assert {**shown, **({"grants": list(shown["grants"])} if "grants" in shown else {})} == vector["fields"]
    assert AUTHORITY.sign(said, VECTORS["domain"]).hex() == vector["signed"]


@pytest.mark.parametrize("vector", VECTORS["invitations"], ids=lambda vector: vector["name"])
def test_an_invitation_is_read_and_written_as_the_vector_says(vector: dict[str, Any]) -> None:
    expected = Invitation(
        domain=VECTORS["domain"],
        servers=[(host, port) for host, port in vector["servers"]],
        dss_key=bytes.fromhex(VECTORS["dss_key"]),
        authority=AUTHORITY.public,
        secret=bytes.fromhex(VECTORS["invitation"]),
        peers=[(host, port) for host, port in vector["peers"]],
    )
    assert Invitation.decode(vector["line"]) == expected
    assert expected.encode() == vector["line"]
