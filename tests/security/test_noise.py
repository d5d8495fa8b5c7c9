"""The handshake of sealed domains against published vectors and another implementation."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st
from noise.connection import Keypair, NoiseConnection  # type: ignore[import-untyped]

from nwip.security.keys import KeyPair, identity_of
from nwip.security.noise import NAME, Initiator, Responder, nonce, rekeyed
from nwip.wire import WireError

VECTOR = json.loads((Path(__file__).parents[1] / "fixtures" / "noise_ikpsk2.json").read_text())
PSK = bytes(range(32))
PROLOGUE = b"nwip datagram 1example"
INITIATOR, RESPONDER = KeyPair.generate(), KeyPair.generate()
LOW_ORDER = (  # RFC 7748, section 6.1, and the points of small order of curve25519 and its twist
    bytes(32),
    (1).to_bytes(32, "little"),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    (2**255 - 20).to_bytes(32, "little"),
    (2**255 - 19).to_bytes(32, "little"),
    (2**255 - 18).to_bytes(32, "little"),
)


def octets(field: str) -> bytes:
    return bytes.fromhex(VECTOR[field])


def fixed(field: str) -> Callable[[], KeyPair]:
    return lambda: KeyPair.from_octets(octets(field))


def begun(payload: bytes = b"") -> tuple[Initiator, bytes]:
    initiator = Initiator(INITIATOR, RESPONDER.public, PSK, PROLOGUE)
    return initiator, initiator.first(payload)


def answered(message: bytes) -> tuple[Responder, bytes]:
    responder = Responder(RESPONDER, PROLOGUE)
    responder.first(message)
    return responder, responder.second(PSK)


def altered(message: bytes) -> list[bytes]:
    """Return the message with each octet altered in turn, and cut at each."""
    changed = [
        message[:place] + bytes((message[place] ^ 1 << place % 8,)) + message[place + 1 :]
        for place in range(len(message))
    ]
    return changed + [message[:end] for end in range(len(message))] + [message + b"\0"]


def test_the_published_vector_comes_out_of_both_roles() -> None:
    assert VECTOR["name"] == NAME.decode()
    initiator = Initiator(
        KeyPair.from_octets(octets("init_static")),
        octets("init_remote_static"),
        octets("init_psk"),
        octets("init_prologue"),
        fixed("init_ephemeral"),
    )
    responder = Responder(
        KeyPair.from_octets(octets("resp_static")), octets("resp_prologue"), fixed("resp_ephemeral")
    )
    (first, first_sealed), (second, second_sealed), *transport = (
        (bytes.fromhex(message["payload"]), bytes.fromhex(message["ciphertext"]))
        for message in VECTOR["messages"]
    )
    assert initiator.first(first) == first_sealed
    assert responder.first(first_sealed) == first
    assert responder.remote == KeyPair.from_octets(octets("init_static")).public
    assert responder.second(octets("resp_psk"), second) == second_sealed
    assert initiator.second(second_sealed) == second
    ours, theirs = initiator.keys(), responder.keys()
    assert (ours.send, ours.receive, ours.transcript) == (theirs.receive, theirs.send, theirs.transcript)
    for index, (plain, sealed) in enumerate(transport):
        key = theirs.send if index % 2 else ours.send
        assert ChaCha20Poly1305(key).encrypt(nonce(index // 2), plain, None) == sealed


def other(initiates: bool, static: KeyPair, remote: bytes | None) -> NoiseConnection:
    connection = NoiseConnection.from_name(NAME)
    (connection.set_as_initiator if initiates else connection.set_as_responder)()
    connection.set_psks(PSK)
    connection.set_prologue(PROLOGUE)
    connection.set_keypair_from_private_bytes(Keypair.STATIC, static._private.private_bytes_raw())
    if remote:
        connection.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, remote)
    connection.start_handshake()
    return connection


def test_another_implementation_is_answered() -> None:
    theirs = other(True, INITIATOR, RESPONDER.public)
    responder = Responder(RESPONDER, PROLOGUE)
    assert responder.first(bytes(theirs.write_message(b"first"))) == b"first"
    assert responder.remote == INITIATOR.public
    assert bytes(theirs.read_message(responder.second(PSK, b"second"))) == b"second"
    agree(responder.keys(), theirs)


def test_another_implementation_answers() -> None:
    theirs = other(False, RESPONDER, None)
    initiator = Initiator(INITIATOR, RESPONDER.public, PSK, PROLOGUE)
    assert bytes(theirs.read_message(initiator.first(b"first"))) == b"first"
    assert initiator.second(bytes(theirs.write_message(b"second"))) == b"second"
    agree(initiator.keys(), theirs)


def agree(keys: tuple[bytes, bytes, bytes], theirs: NoiseConnection) -> None:
    send, receive, transcript = keys
    assert theirs.get_handshake_hash() == transcript
    for counter in range(3):
        assert theirs.decrypt(ChaCha20Poly1305(send).encrypt(nonce(counter), b"to them", None)) == b"to them"
        assert ChaCha20Poly1305(receive).decrypt(nonce(counter), theirs.encrypt(b"to us"), None) == b"to us"
    theirs.rekey_inbound_cipher()
    theirs.rekey_outbound_cipher()
    sealed = ChaCha20Poly1305(rekeyed(send)).encrypt(nonce(3), b"to them", None)
    assert theirs.decrypt(sealed) == b"to them"
    assert ChaCha20Poly1305(rekeyed(receive)).decrypt(nonce(3), theirs.encrypt(b"to us"), None) == b"to us"


def test_a_first_message_with_any_octet_altered_is_refused() -> None:
    _, message = begun(b"\0\0\0\0\1")
    for wrong in altered(message):
        with pytest.raises(WireError):
            Responder(RESPONDER, PROLOGUE).first(wrong)


def test_a_second_message_with_any_octet_altered_is_refused_and_the_true_one_taken_still() -> None:
    initiator, message = begun()
    responder, answer = answered(message)
    for wrong in altered(answer):
        with pytest.raises(WireError):
            initiator.second(wrong)
    initiator.second(answer)
    assert initiator.keys().send == responder.keys().receive


@pytest.mark.parametrize("point", LOW_ORDER, ids=lambda point: point.hex()[:8])
def test_a_point_of_small_order_is_refused_wherever_it_stands(point: bytes) -> None:
    initiator, message = begun()
    _, answer = answered(message)
    with pytest.raises(WireError):
        Initiator(INITIATOR, point, PSK).first()
    with pytest.raises(WireError):
        Responder(RESPONDER, PROLOGUE).first(point + message[32:])
    with pytest.raises(WireError):
        initiator.second(point + answer[32:])
    with pytest.raises(WireError):
        KeyPair.generate().shared_with(point)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_size_is_none(size: int) -> None:
    with pytest.raises(WireError):
        Initiator(INITIATOR, bytes(size), PSK).first()
    with pytest.raises(ValueError, match="32"):
        KeyPair.from_octets(bytes(size))


def test_another_psk_prologue_or_key_makes_no_session() -> None:
    initiator, message = begun()
    with pytest.raises(WireError):
        Responder(RESPONDER, PROLOGUE + b"x").first(message)
    with pytest.raises(WireError):
        Responder(KeyPair.generate(), PROLOGUE).first(message)
    responder = Responder(RESPONDER, PROLOGUE)
    responder.first(message)
    with pytest.raises(WireError):
        initiator.second(responder.second(PSK[::-1]))


def test_an_answer_to_another_first_message_is_refused() -> None:
    (initiator, _), (_, message) = begun(), begun()
    with pytest.raises(WireError):
        initiator.second(answered(message)[1])


def test_every_handshake_has_keys_of_its_own() -> None:
    initiator, message = begun()
    keys = [answered(message)[0].keys() for _ in range(2)]
    assert len({key for pair in keys for key in pair}) == 6
    assert begun()[1] != message
    assert initiator.second(answered(message)[1]) == b""


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_anything_else_raises_only_wire_errors(data: bytes) -> None:
    for attempt in (Responder(RESPONDER, PROLOGUE).first, begun()[0].second):
        with pytest.raises(WireError):
            attempt(data)


def test_an_identity_is_the_keys_own_and_stays_from_version_to_version() -> None:
    pair = KeyPair.from_octets(octets("init_static"))
    assert pair.identity == identity_of(pair.public)
    assert pair.identity != RESPONDER.identity
    assert pair.public.hex() == "6bc3822a2aa7f4e6981d6538692b3cdf3e6df9eea6ed269eb41d93c22757b75a"
    assert pair.identity.hex() == "ac04df45667751d1e49414d0d445130a"
