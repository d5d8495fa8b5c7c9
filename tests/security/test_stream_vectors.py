"""The vectors of sealed streams that `docs/protocol.md` promises, by both sides."""

import json
from pathlib import Path
from typing import Any

import pytest

from nwip.security.invitations import guest_psk, mark_of
from nwip.security.keys import KeyPair
from nwip.security.records import RECORDS_PER_KEY, RecordKey
from nwip.security.statements import Member, read_statement
from nwip.security.stream import CallingStream, Choice, ServingStream, of_guest, of_member

DOCS = Path(__file__).parents[2] / "docs"
STREAMS = json.loads((DOCS / "protocol-vectors.json").read_text())["streams"]


def octets(*path: str) -> bytes:
    found = STREAMS
    for name in path:
        found = found[name]
    return bytes.fromhex(found)


def keys(side: str) -> tuple[KeyPair, KeyPair]:
    return KeyPair.from_octets(octets(side, "private")), KeyPair.from_octets(octets(side, "ephemeral"))


@pytest.mark.parametrize("side", ["client", "server"])
def test_public_keys_and_identities_follow_from_private_keys(side: str) -> None:
    static, _ = keys(side)
    assert static.public == octets(side, "public")
    assert static.identity == octets(side, "identity")


@pytest.mark.parametrize("vector", STREAMS["vectors"], ids=lambda vector: vector["name"])
def test_both_sides_say_what_the_vector_says(vector: dict[str, Any]) -> None:
    secret, domain, epoch = octets("invitation"), STREAMS["domain"], STREAMS["epoch"]
    member = Choice(of_member(epoch), octets("domain_secret"))
    choice = member if vector["who"] == "member" else Choice(of_guest(mark_of(secret)), guest_psk(secret))
    (client, client_ephemeral), (server, server_ephemeral) = keys("client"), keys("server")
    known = None if vector["asks"] else server.public
    calling = CallingStream(client, domain, lambda _: choice, known, lambda: client_ephemeral)
    statement = octets("statement")
    serving = ServingStream(
        server, domain, epoch, lambda _, __: choice.psk, statement, generate=lambda: server_ephemeral
    )
    for turn in vector["turns"]:
        speaker, hearer = (calling, serving) if turn["from"] == "client" else (serving, calling)
        if turn["text"]:
            speaker.send(bytes.fromhex(turn["text"]))
        elif turn["text"] is not None:
            speaker.end()
        assert speaker.take().hex() == turn["octets"]
        assert b"".join(hearer.receive(bytes.fromhex(turn["octets"]))).hex() == (turn["text"] or "")
        assert hearer.ended == (turn["text"] == "")


def test_the_statement_is_the_authoritys_about_the_servers_key() -> None:
    said = read_statement(octets("statement"), octets("authority"), STREAMS["domain"])
    assert said == Member(octets("server", "public"), "dss", "dss1", (), 1)


def test_a_key_is_changed_as_the_vector_says() -> None:
    key = RecordKey(octets("rekey", "key"))
    for _ in range(RECORDS_PER_KEY):
        key.seal(b"")
    assert key._key == octets("rekey", "after_65536_records")
