import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nwip.security.sealed import contents, framing
from nwip.security.sealed.contents import Envelope, Part
from nwip.security.sealed.framing import CookieReply, Initiation, Response
from nwip.wire import WireError

u32 = st.integers(0, 2**32 - 1)
DECODERS = (framing.decode_initiation, framing.decode_response, framing.decode_cookie)
READERS = (
    contents.read_part,
    contents.answer_to_probe,
    contents.read_probe_answer,
    contents.read_seen_at,
    contents.read_envelope,
)


def octets(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


@settings(deadline=None)
@given(u32, octets(101))
def test_an_initiation_comes_back(sender: int, noise: bytes) -> None:
    initiation = Initiation(sender, noise)
    data = initiation.encode() + bytes(32)
    assert len(data) == framing.INITIATION_SIZE == 141
    assert data[:8] == b"\1\0\0\0" + sender.to_bytes(4, "little")
    assert framing.decode_initiation(data) == initiation


@settings(deadline=None)
@given(u32, u32, octets(48))
def test_a_response_comes_back_and_is_smaller_than_what_it_answers(
    sender: int, to: int, noise: bytes
) -> None:
    response = Response(sender, to, noise)
    data = response.encode() + bytes(32)
    assert len(data) == framing.RESPONSE_SIZE == 92
    assert data[:12] == b"\2\0\0\0" + sender.to_bytes(4, "little") + to.to_bytes(4, "little")
    assert framing.decode_response(data) == response


@settings(deadline=None)
@given(u32, octets(16), octets(32))
def test_a_cookie_reply_comes_back_and_is_smaller_than_what_it_answers(
    to: int, nonce: bytes, sealed: bytes
) -> None:
    reply = CookieReply(to, nonce, sealed)
    data = reply.encode()
    assert len(data) == framing.COOKIE_SIZE == 56
    assert framing.decode_cookie(data) == reply


@settings(deadline=None)
@given(st.binary(max_size=160))
def test_anything_else_raises_only_wire_errors(data: bytes) -> None:
    for decode in DECODERS:
        with pytest.raises(WireError):
            decode(data)


@pytest.mark.parametrize(("decode", "kind", "size"), [*zip(DECODERS, (1, 2, 3), (141, 92, 56), strict=True)])
def test_the_type_its_three_zeros_and_the_size_are_checked(decode: object, kind: int, size: int) -> None:
    assert callable(decode)
    good = bytes((kind, 0, 0, 0)).ljust(size, b"x")
    decode(good)
    for place in range(4):
        with pytest.raises(WireError):
            decode(good[:place] + bytes((good[place] + 8,)) + good[place + 1 :])
    for wrong in (good[:-1], good + b"x"):
        with pytest.raises(WireError):
            decode(wrong)


def test_a_members_first_message_names_an_epoch() -> None:
    assert framing.member_payload(0x01020304) == b"\0\1\2\3\4"
    assert framing.read_member_payload(b"\0\1\2\3\4") == 0x01020304
    for wrong in (b"", b"\0\0\0\0", b"\0\0\0\0\0\0", b"\1\0\0\0\1"):
        with pytest.raises(WireError):
            framing.read_member_payload(wrong)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_contents_raise_only_wire_errors(plain: bytes) -> None:
    for read in READERS:
        try:
            read(plain)
        except WireError:
            continue


@settings(deadline=None)
@given(st.integers(0, 65535), st.integers(0, 254), st.binary(min_size=1, max_size=50))
def test_a_part_comes_back(number: int, place: int, data: bytes) -> None:
    part = Part(number, place, place + 1, data)
    assert contents.read_part(part.encode()) == part
    with pytest.raises(WireError):
        contents.read_part(Part(number, place, place, data).encode())


@pytest.mark.parametrize("endpoint", [("192.0.2.7", 1), ("2001:db8::7", 65535)])
def test_where_a_peer_is_seen_comes_back_and_is_not_longer_than_the_question(
    endpoint: tuple[str, int],
) -> None:
    plain = contents.seen_at(endpoint)
    assert contents.read_seen_at(plain) == endpoint
    assert len(plain) == len(contents.WHERE_ARE_WE)
    assert contents.read_seen_at(contents.seen_at((endpoint[0] + "%eth0", 5))) == (endpoint[0], 5)


def test_a_probe_makes_a_datagram_of_its_size() -> None:
    plain = contents.probe(1472)
    assert len(plain) + framing.DATA_OVERHEAD == 1472
    assert contents.read_probe_answer(contents.answer_to_probe(plain)) == 1472
    for wrong in (plain[:-1], plain + b"\0", plain[:-1] + b"x", plain[:2]):
        with pytest.raises(WireError):
            contents.answer_to_probe(wrong)


def test_an_envelope_comes_back() -> None:
    envelope = Envelope(b"i" * 16, b"d" * 40)
    assert (
        contents.read_envelope(envelope.to_relay())
        == envelope
        == contents.read_envelope(envelope.from_relay())
    )
    assert envelope.to_relay()[0] != envelope.from_relay()[0]
