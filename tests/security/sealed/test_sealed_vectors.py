"""The vectors of sealed datagrams that `docs/protocol.md` promises, made and read."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dss.sealed_parties import party
from nwip.security.keys import KeyPair
from nwip.security.noise import Initiator, Keys, Responder
from nwip.security.sealed import answering, contents, framing, path, splitting, timing
from nwip.security.sealed.cookies import COOKIE_LASTS, CookieGiver, read_cookie
from nwip.security.sealed.macs import Macs, has_cookie, mac1_of
from nwip.security.sealed.questions import SealedQuestions
from nwip.security.sealed.replay import WINDOW
from nwip.security.sealed.session import Session
from nwip.security.sealed.tunnels import PROLOGUE

DOCS = Path(__file__).parents[3] / "docs"
VECTORS: dict[str, Any] = json.loads((DOCS / "protocol-vectors.json").read_text())
VECTOR: dict[str, Any] = VECTORS["sealed"]
QUESTIONS: list[dict[str, Any]] = VECTORS["questions"]["vectors"]
SECTION = (DOCS / "protocol.md").read_text().split("\n## Sealed datagrams\n")[1].split("\n## ")[0]
PLAIN = {entry["name"]: bytes.fromhex(entry["plaintext"]) for entry in VECTOR["data"]}


def octets(*path_to: str) -> bytes:
    value: Any = VECTOR
    for name in path_to:
        value = value[name]
    return bytes.fromhex(value)


def pair(who: str, which: str = "private") -> KeyPair:
    return KeyPair.from_octets(octets(who, which))


def shaken() -> tuple[bytes, bytes, Keys, Keys]:
    """Return both datagrams of the handshake, and what both sides have after it."""
    prologue = PROLOGUE + VECTOR["domain"].encode()
    here, there = pair("initiator"), pair("responder")
    initiator = Initiator(
        here, there.public, octets("secret"), prologue, lambda: pair("initiator", "ephemeral")
    )
    noise = initiator.first(framing.member_payload(VECTOR["epoch"]))
    first = Macs(there.public).add(framing.Initiation(VECTOR["initiator"]["index"], noise).encode())
    responder = Responder(there, prologue, lambda: pair("responder", "ephemeral"))
    assert framing.read_member_payload(responder.first(noise)) == VECTOR["epoch"]
    indices = VECTOR["responder"]["index"], VECTOR["initiator"]["index"]
    answer = responder.second(octets("secret"))
    initiator.second(answer)
    second = Macs(here.public).add(framing.Response(*indices, answer).encode())
    return first, second, initiator.keys(), responder.keys()


def test_the_handshake_is_that_of_the_vector() -> None:
    first, second, ours, theirs = shaken()
    for who in ("initiator", "responder"):
        assert pair(who).public == octets(who, "public")
        assert pair(who).identity == octets(who, "identity")
    assert first == octets("initiation")
    assert second == octets("response")
    assert ours == (octets("keys", "send"), octets("keys", "receive"), octets("keys", "transcript"))
    assert theirs == (ours.receive, ours.send, ours.transcript)


def test_the_cookie_is_that_of_the_vector() -> None:
    cookie, public = VECTOR["cookie"], octets("responder", "public")
    address = (cookie["host"], cookie["port"])
    tokens = {32: octets("cookie", "secret"), 16: octets("cookie", "nonce")}
    giver = CookieGiver(public, tokens.__getitem__)
    first = octets("initiation")
    reply = giver.reply(first, VECTOR["initiator"]["index"], address, 0.0)
    assert reply == octets("cookie", "reply")
    assert read_cookie(framing.decode_cookie(reply), public, mac1_of(first)) == octets("cookie", "cookie")
    again = Macs(public).add(first[: -framing.MACS_SIZE], octets("cookie", "cookie"))
    assert again == octets("cookie", "initiation")
    assert has_cookie(again, octets("cookie", "cookie"))
    assert giver.proves(again, address, 0.0)


@pytest.mark.parametrize("entry", VECTOR["data"], ids=lambda entry: entry["name"])
def test_data_is_that_of_the_vector(entry: dict[str, Any]) -> None:
    _, _, ours, theirs = shaken()
    indices = VECTOR["initiator"]["index"], VECTOR["responder"]["index"]
    here = Session(b"", ours, indices, 0.0, initiated=True)
    there = Session(b"", theirs, indices[::-1], 0.0, initiated=False)
    here.sent = entry["counter"]
    plain, datagram = bytes.fromhex(entry["plaintext"]), bytes.fromhex(entry["datagram"])
    assert here.seal([plain]) == [datagram]
    assert there.open([(datagram, ("", 0))]).plains == [plain]


def test_contents_are_those_of_the_vector() -> None:
    seen = ("192.0.2.7", 43981)
    assert PLAIN["the second of two parts"] == contents.Part(0x0102, 1, 2, b"rest").encode()
    assert PLAIN["a probe whose datagram has 64 octets"] == contents.probe(64)
    assert PLAIN["the answer to it"] == contents.answer_to_probe(contents.probe(64))
    assert PLAIN["where do you see me"] == contents.WHERE_ARE_WE
    assert PLAIN["you are seen at 192.0.2.7 port 43981"] == contents.seen_at(seen)
    assert contents.read_seen_at(PLAIN["you are seen at 2001:db8::7 port 1"]) == ("2001:db8::7", 1)
    passed = contents.read_envelope(PLAIN["passed on from the initiator"])
    assert passed == (octets("initiator", "identity"), b"d" * 32)
    assert passed.from_relay() == PLAIN["passed on from the initiator"]
    to = contents.read_envelope(PLAIN["to be passed on to the responder"])
    assert to.to_relay() == PLAIN["to be passed on to the responder"]
    kinds = {plain[0] for plain in PLAIN.values() if plain}
    assert kinds == set(range(1, 9)) | {0xFF}


def test_a_question_and_its_answers_are_those_of_the_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = VECTOR["question"]
    entry = next(entry for entry in QUESTIONS if entry["name"] == asked["asks"])
    request, responses = bytes.fromhex(entry["request"]), [*map(bytes.fromhex, entry["responses"])]
    membership = party("dss")
    membership.key, membership.domain = pair("responder"), VECTOR["domain"]
    membership.secrets.learn(VECTOR["epoch"], octets("secret"), 0.0)
    monkeypatch.setattr(membership.roster, "member_of_key", lambda _: membership)
    monkeypatch.setattr(
        answering,
        "Responder",
        lambda key, prologue: Responder(key, prologue, lambda: pair("responder", "ephemeral")),
    )
    index = VECTOR["responder"]["index"].to_bytes(4, "little")
    dss = SealedQuestions(membership, lambda size: index if size == 4 else bytes(size))
    source = ("192.0.2.7", 4000)
    answers: dict[bytes, list[bytes]] = {request: responses}
    assert dss.take(octets("initiation"), source, 0.0, answers.__getitem__) == [octets("response")]
    question = bytes.fromhex(asked["datagram"])
    found = dss.take(question, source, 0.0, answers.__getitem__)
    assert [data.hex() for data in found] == asked["answers"]


def test_the_page_has_every_size_kind_and_time() -> None:
    for size in (framing.INITIATION_SIZE, framing.RESPONSE_SIZE, framing.COOKIE_SIZE, framing.DATA_OVERHEAD):
        assert f"| {size} " in SECTION
    for kind in {plain[0] for plain in PLAIN.values() if plain}:
        assert f"| {kind:02X} |" in SECTION
    for name, value in {
        "re-key after": timing.REKEY_AFTER,
        "reject after": timing.REJECT_AFTER,
        "initiation again after": timing.RETRY_AFTER,
        "give up after": timing.GIVE_UP_AFTER,
        "keepalive after": timing.KEEPALIVE_AFTER,
        "keepalive of a tunnel that is kept open after": timing.PERSISTENT_AFTER,
        "new handshake without an answer after": timing.UNANSWERED_AFTER,
        "an answered initiation waits": timing.PENDING_FOR,
        "a cookie lasts": COOKIE_LASTS,
        "parts wait for the rest": splitting.LASTS,
    }.items():
        assert re.search(rf"\| {name} \| {value:g} s \|", SECTION), name
    for name, count in {
        "replay window": WINDOW,
        "packets that wait for a session": timing.MOST_QUEUED,
        "parts of a packet": splitting.MOST_PARTS,
        "UDP payload at first": path.BASE,
        "UDP payload at most": path.SIZES[0],
    }.items():
        assert re.search(rf"\| {name} \| {count} \|", SECTION), name
