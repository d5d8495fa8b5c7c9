"""Sealed streams as pure engines: what comes out is what went in, or nothing and an error."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noise.connection import Keypair, NoiseConnection  # type: ignore[import-untyped]

from nwip.security import records
from nwip.security.keys import KeyPair
from nwip.security.noise import NAME
from nwip.security.records import RECORD_LIMIT, TEXT_LIMIT, record
from nwip.security.stream import (
    PROLOGUE,
    CallingStream,
    Choice,
    Hint,
    SealedStream,
    ServingStream,
    UnsealedError,
    of_guest,
    of_member,
    read_payload,
)
from nwip.wire import WireError

DOMAIN = "sealed.test"
CLIENT, SERVER = KeyPair.from_octets(b"c" * 32), KeyPair.from_octets(b"s" * 32)
PSK = b"p" * 32
EPOCH = 7


def ephemeral_keys(first: int) -> Callable[[], KeyPair]:
    numbers = count(first)
    return lambda: KeyPair.from_octets(bytes([next(numbers)]) * 32)


def calling(
    *, server: bytes | None = None, psk: bytes = PSK, domain: str = DOMAIN, key: KeyPair = CLIENT
) -> CallingStream:
    def choose(hint: Hint) -> Choice:
        if hint.public != SERVER.public:
            raise WireError("not the key of a dss")
        if hint.statement not in {b"", b"signed"}:
            raise WireError("not signed")
        return Choice(of_member(EPOCH if hint.epoch is None else hint.epoch), psk)

    return CallingStream(key, domain, choose, server, ephemeral_keys(1))


def serving(*, psk: bytes = PSK, key: KeyPair = SERVER, statement: bytes = b"") -> ServingStream:
    def choose(public: bytes, payload: bytes) -> bytes:
        if public != CLIENT.public or read_payload(payload) != EPOCH:
            raise WireError("not a member")
        return psk

    return ServingStream(key, DOMAIN, EPOCH, choose, statement, generate=ephemeral_keys(101))


def shake_hands(client: SealedStream, server: SealedStream) -> list[tuple[str, bytes]]:
    """Carry octets both ways until nothing moves; return what crossed."""
    crossed: list[tuple[str, bytes]] = []
    moved = True
    while moved:
        moved = False
        for name, sender, receiver in (("client", client, server), ("server", server, client)):
            if octets := sender.take():
                moved = True
                crossed.append((name, octets))
                assert list(receiver.receive(octets)) == []
    return crossed


def pair() -> tuple[CallingStream, ServingStream]:
    client, server = calling(), serving()
    shake_hands(client, server)
    return client, server


def test_a_client_that_asks_and_one_that_knows_whom_it_calls() -> None:
    client, server = calling(), serving()
    crossed = shake_hands(client, server)
    assert [(who, len(octets)) for who, octets in crossed] == [
        ("client", 4 + 2),
        ("server", 2 + 36),
        ("client", 2 + 101),
        ("server", 2 + 48),
    ]
    assert client.established
    assert server.established
    assert (client.remote, server.remote) == (SERVER.public, CLIENT.public)

    client, server = calling(server=SERVER.public), serving()
    crossed = shake_hands(client, server)
    assert [(who, len(octets)) for who, octets in crossed] == [("client", 4 + 2 + 101), ("server", 2 + 48)]


@settings(deadline=None, max_examples=60)
@given(
    texts=st.lists(st.binary(min_size=1, max_size=300) | st.just(bytes(70_000)), max_size=6),
    cuts=st.lists(st.integers(min_value=1, max_value=5000), min_size=1, max_size=8),
    backwards=st.booleans(),
)
def test_what_goes_in_comes_out_however_it_is_cut(
    texts: list[bytes], cuts: list[int], *, backwards: bool
) -> None:
    client, server = calling(), serving()
    while not (client.established and server.established):
        for sender, receiver in ((client, server), (server, client)):
            for octet in sender.take():
                assert list(receiver.receive(bytes([octet]))) == []
    sender, receiver = (server, client) if backwards else (client, server)
    for text in texts:
        sender.send(text)
    sender.end()
    stream, came, turn = sender.take(), b"", 0
    while stream:
        cut = cuts[turn % len(cuts)]
        came += b"".join(receiver.receive(stream[:cut]))
        stream, turn = stream[cut:], turn + 1
    assert came == b"".join(texts)
    assert receiver.ended
    assert not sender.ended


def conversation() -> list[tuple[str, bytes]]:
    """Return all that crosses in a small conversation."""
    client, server = calling(), serving()
    crossed = shake_hands(client, server)
    client.send(b"first")
    client.send(b"second")
    client.end()
    return [*crossed, ("client", client.take())]


def receiver_of(crossed: list[tuple[str, bytes]], turn: int) -> SealedStream:
    """Return the side that is to have the octets of a turn, with all before it said, by the same keys."""
    client, server = calling(), serving()
    for name, octets in crossed[:turn]:
        list((server if name == "client" else client).receive(octets))
    return server if crossed[turn][0] == "client" else client


def test_an_altered_octet_anywhere_is_an_error_with_nothing_behind_it() -> None:
    crossed = conversation()
    end_of_first, end_of_second = 2 + 5 + 16, 2 + 5 + 16 + 2 + 6 + 16
    for turn, (_, octets) in enumerate(crossed):
        is_last = turn == len(crossed) - 1
        for position in range(34 if turn == 1 else len(octets)):  # the hint about the epoch proves nothing
            altered = bytearray(octets)
            altered[position] ^= 0x80 if position % 2 else 0x01
            receiver = receiver_of(crossed, turn)
            came = texts(receiver, bytes(altered) + bytes(RECORD_LIMIT))  # whatever length it claims now
            before = (position >= end_of_first) + (position >= end_of_second) if is_last else 0
            assert came == [b"first", b"second"][:before]
            assert not receiver.ended


def texts(receiver: SealedStream, octets: bytes) -> list[bytes]:
    """Return what is read before the error that must come, and comes again for the same octets."""
    came: list[bytes] = []
    with pytest.raises(WireError):
        came.extend(receiver.receive(octets))
    with pytest.raises(WireError, match="failed before"):
        list(receiver.receive(octets))
    return came


@pytest.mark.parametrize("order", [(0, 0), (1,), (1, 0), (0, 2), (2,)])
def test_a_record_again_left_out_or_out_of_turn_is_an_error(order: tuple[int, ...]) -> None:
    client, server = pair()
    parts = []
    for text in (b"a", b"b"):
        client.send(text)
        parts.append(client.take())
    client.end()
    parts.append(client.take())
    came = texts(server, b"".join(parts[number] for number in order))
    assert came == ([b"a"] if order[0] == 0 else [])
    assert not server.ended


def test_what_one_side_has_sent_is_nothing_to_itself() -> None:
    client, _ = pair()
    client.send(b"mirror")
    with pytest.raises(WireError):
        list(client.receive(client.take()))


def test_a_stream_that_was_cut_has_not_ended() -> None:
    client, server = pair()
    client.send(b"all of it")
    client.end()
    octets = client.take()
    for end in range(len(octets)):
        client, server = pair()
        came = b"".join(server.receive(octets[:end]))
        assert came in {b"", b"all of it"}
        assert not server.ended
    list(server.receive(octets[end:]))
    assert server.ended


def test_nothing_comes_behind_the_end() -> None:
    client, server = pair()
    client.end()
    client.send(b"more")
    with pytest.raises(WireError, match="not expected"):
        list(server.receive(client.take()))


@pytest.mark.parametrize(
    "stranger",
    [
        calling(psk=b"q" * 32),
        calling(domain="other.test"),
        calling(key=KeyPair.from_octets(b"x" * 32)),
    ],
    ids=["another secret", "another domain", "another key"],
)
def test_a_stranger_gets_no_stream(stranger: CallingStream) -> None:
    server = serving()
    with pytest.raises(WireError):
        shake_hands(stranger, server)
    assert not stranger.established
    with pytest.raises(ValueError, match="handshake"):
        stranger.send(b"hello")


def test_a_client_does_not_talk_to_a_key_that_is_no_dss() -> None:
    client, false = calling(), serving(key=KeyPair.from_octets(b"f" * 32))
    with pytest.raises(WireError, match="not the key of a dss"):
        shake_hands(client, false)


def test_a_client_is_told_what_was_signed_about_the_server() -> None:
    client, server = calling(), serving(statement=b"signed")
    shake_hands(client, server)
    assert server.established
    with pytest.raises(WireError, match="not signed"):
        shake_hands(calling(), serving(statement=b"forged"))
    shake_hands(client := calling(), server := serving(statement=b""))
    assert client.established
    with pytest.raises(WireError, match="not expected"):
        shake_hands(calling(), serving(statement=bytes(1025)))


def test_a_server_that_only_names_the_key_of_a_dss_cannot_answer() -> None:
    client, false = calling(), serving(key=KeyPair.from_octets(b"f" * 32))
    false._hint = SERVER.public + false._hint[32:]
    with pytest.raises(WireError, match="other keys"):
        shake_hands(client, false)


def test_who_is_not_sealed_is_known_by_the_first_octets() -> None:
    plain = b"\0\0\0\x05hello"
    with pytest.raises(UnsealedError) as caught:
        list(serving().receive(plain))
    assert caught.value.octets == plain[:4]
    with pytest.raises(UnsealedError):
        list(serving().receive(b"\0"))
    with pytest.raises(UnsealedError) as caught:
        list(calling().receive(plain))
    assert caught.value.octets == plain


@pytest.mark.parametrize("length", [1, 100, 102, 112, 114, 36, RECORD_LIMIT])
def test_a_record_of_a_wrong_length_is_refused_by_its_length(length: int) -> None:
    server = serving()
    with pytest.raises(WireError, match="not expected"):
        list(server.receive(b"NWS1" + length.to_bytes(2, "big")))
    _, server = pair()
    if length < 16:
        with pytest.raises(WireError, match="not expected"):
            list(server.receive(length.to_bytes(2, "big")))


def test_a_question_is_answered_once() -> None:
    server = serving()
    list(server.receive(b"NWS1\0\0"))
    assert len(server.take()) == 38
    with pytest.raises(WireError):
        list(server.receive(b"\0\0"))
    assert server.take() == b""


def test_little_is_held_of_what_is_unfinished() -> None:
    server = serving()
    list(server.receive(b"NWS1\0\0" + record(bytes(101))[:-1]))
    assert len(server._octets) <= 115
    client, server = pair()
    client.send(bytes(10 * TEXT_LIMIT))
    octets = client.take()
    for start in range(0, len(octets), 4096):
        list(server.receive(octets[start : start + 4096]))
        assert len(server._octets) <= 2 + RECORD_LIMIT


def test_keys_change_and_both_sides_know_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "RECORDS_PER_KEY", 3)
    client, server = pair()
    seen = set()
    for number in range(10):
        client.send(bytes([number]))
        assert server._open is not None
        seen.add(server._open._key)
        assert list(server.receive(client.take())) == [bytes([number])]
    assert len(seen) == 4


def test_a_key_is_changed_behind_65536_records() -> None:
    key = records.RecordKey(b"k" * 32)
    for _ in range(65_535):
        key.seal(b"x")
    assert key._key == b"k" * 32
    key.seal(b"x")
    assert key._key != b"k" * 32


@pytest.mark.parametrize("payload", [b"", b"\0", b"\0\0\0\1", b"\1" * 16, b"\2\0\0\0\1", b"\0" * 17])
def test_a_payload_that_says_neither_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        read_payload(payload)


def test_payloads_are_read_as_written() -> None:
    assert read_payload(of_member(2**32 - 1)) == 2**32 - 1
    assert read_payload(of_guest(b"m" * 16)) == b"m" * 16


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_whatever_comes_is_refused_or_awaited(octets: bytes) -> None:
    for stream in (serving(), calling(), *pair()):
        for data in (octets, b"NWS1" + octets):
            try:
                assert list(stream.receive(data)) == []
            except WireError:
                with pytest.raises(WireError):
                    list(stream.receive(b""))


def noise(initiator: bool) -> NoiseConnection:
    connection = NoiseConnection.from_name(NAME)
    connection.set_psks(psk=PSK)
    connection.set_prologue(PROLOGUE + DOMAIN.encode())
    own = b"c" * 32 if initiator else b"s" * 32
    connection.set_keypair_from_private_bytes(Keypair.STATIC, own)
    if initiator:
        connection.set_as_initiator()
        connection.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, SERVER.public)
    else:
        connection.set_as_responder()
    connection.start_handshake()
    return connection


def test_noiseprotocol_calls_us() -> None:
    theirs, server = noise(initiator=True), serving()
    list(server.receive(b"NWS1" + record(bytes(theirs.write_message(of_member(EPOCH))))))
    assert bytes(theirs.read_message(server.take()[2:])) == b""
    assert list(server.receive(record(bytes(theirs.encrypt(b"hello"))))) == [b"hello"]
    server.send(b"welcome")
    assert bytes(theirs.decrypt(server.take()[2:])) == b"welcome"


def test_we_call_noiseprotocol_and_change_keys_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "RECORDS_PER_KEY", 2)
    client, theirs = calling(server=SERVER.public), noise(initiator=False)
    assert bytes(theirs.read_message(client.take()[6:])) == of_member(EPOCH)
    assert list(client.receive(record(bytes(theirs.write_message())))) == []
    for text in (b"one", b"two", b"three", b"four", b"five"):
        client.send(text)
        assert bytes(theirs.decrypt(client.take()[2:])) == text
        if text in {b"two", b"four"}:
            theirs.rekey_inbound_cipher()
