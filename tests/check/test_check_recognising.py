"""What answers say, and that no answer is too odd."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nwip.check.findings import Family
from nwip.check.questions import datagram, dss_hello, ncp_create, ncp_destroy
from nwip.check.recognising import in_datagram, in_stream, line, ncp_reply
from nwip.directory.parameters import Parameters
from nwip.discovery.nearest import answer
from nwip.dss.framing import frame
from nwip.dss.messages import Hello, Reason, Refused, encode
from nwip.ipx.address import Address
from nwip.ipx.ncp import NcpPacket, NcpType
from nwip.ipx.packet import HEADER_SIZE, Packet
from nwip.ipx.ping import is_ping, is_registration, ping, registration_reply

NONCE = b"\x02abcde"
IDENTITY = bytes(16)
REPLY = NcpPacket(NcpType.REPLY, 0, 0x0102, 0, 0, 0, b"more").encode()


def tncp(body: bytes) -> bytes:
    return b"tNcP" + (8 + len(body)).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (
            frame(encode(Hello(1, "games.test", IDENTITY, IDENTITY, "dss", "a"))),
            "DSS of the domain games.test, a",
        ),
        (frame(encode(Refused(Reason.SEALED, "sealed"))), "DSS of a sealed domain"),
        (frame(encode(Refused(Reason.ROLE, "no"))), "DSS, for other DSSs"),
        (frame(encode(Refused(Reason.FULL, "full"))), "DSS; it refuses: full"),
        (frame(encode(Hello(2, "games.test", IDENTITY, IDENTITY, "dss", "a"))), "DSS of another version"),
        (b"HTTP/1.0 501 Unsupported\r\n", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS"),
        (tncp(REPLY), "NCP"),
        (tncp(b"\1\2\3\4\5\6\7\x08" + REPLY), "NCP"),
    ],
)
def test_answers_on_tcp_are_known(octets: bytes, text: str) -> None:
    spoken = in_stream(octets)
    assert spoken is not None
    assert spoken.text.startswith(text)


@pytest.mark.parametrize(
    "octets", [b"", b"\0\0\0\x20", b"\0\0\0\x02\x93\x02", b"hello", b"tNcP\0\0\0\x08", b"\0" * 64]
)
def test_what_is_no_answer_or_not_all_of_one_is_not_known(octets: bytes) -> None:
    assert in_stream(octets) is None


def test_answers_on_udp_are_known() -> None:
    asked = datagram(396, NONCE)
    parameters = Parameters(domain="games.test", network=1)
    nearest = answer(asked, ("10.0.0.1", 396), parameters)
    assert nearest is not None
    known = {
        "the nearest server of the domain games.test": nearest,
        "nwip's server": ping(Address(1, b"\x02cookie"[:6], 2)).encode(),
        "DOSBox's server": registration_reply(0, NONCE).encode(),
        "NCP": REPLY,
        "a router answers by RIP": Packet(
            Address(1, NONCE, 0x453), Address(1, b"\x02rout\x01", 0x453), 1, b"\0\2"
        ).encode(),
    }
    for text, octets in known.items():
        spoken = in_datagram(octets, NONCE)
        assert spoken is not None, text
        assert text in spoken.text
    assert in_datagram(nearest, b"\x02other") is None


def test_an_ncp_connection_that_was_made_is_the_one_that_is_destroyed() -> None:
    reply = ncp_reply(tncp(REPLY))
    assert reply is not None
    created, destroyed = ncp_create(), ncp_destroy(reply.connection)
    assert created[:4] == destroyed[:4] == b"DmdT"
    assert int.from_bytes(created[4:8], "big") == len(created)
    assert NcpPacket.decode(created[16:]).ncp_type == NcpType.CREATE_CONNECTION
    packet = NcpPacket.decode(destroyed[16:])
    assert (packet.ncp_type, packet.connection) == (NcpType.DESTROY_CONNECTION, 0x0102)


@pytest.mark.parametrize("port", [213, 396, 524, 2010, 10213, 10396, 43981, 43982, 7])
def test_no_datagram_is_one_that_a_dosbox_server_would_keep_or_pass_on(port: int) -> None:
    asked = datagram(port, NONCE)
    assert len(asked) >= HEADER_SIZE  # else it would read the rest from the datagram before
    if port == 524:
        assert asked[16:18] != b"\0\2"
        return
    packet = Packet.decode(asked)
    assert not is_registration(packet)
    assert not is_ping(packet)
    assert packet.destination.node not in {b"\xff" * 6, bytes(6)}


def test_a_place_is_asked_for_only_where_it_is_wished_and_can_be_had() -> None:
    assert is_registration(Packet.decode(datagram(213, NONCE, register=True)))
    assert datagram(396, NONCE, register=True) == datagram(396, NONCE)


def test_what_a_port_says_is_told_as_text_or_in_hex() -> None:
    assert line(b"220 ready\r\nmore") == "220 ready"
    assert line(b"\x00\x01\xff") == "00 01 ff"
    assert len(line(b"x" * 500)) == 60


@settings(deadline=None)
@given(
    octets=st.binary(max_size=200),
    start=st.sampled_from([b"", b"tNcP\0\0\0\x20", b"\0\0\0\x10\x99\x01", b"\xff\xff\0\x1e"]),
)
def test_no_answer_is_too_odd(octets: bytes, start: bytes) -> None:
    in_stream(start + octets)
    in_datagram(start + octets, NONCE)
    assert isinstance(line(start + octets), str)


def test_a_hello_is_short_enough_for_a_first_message() -> None:
    assert len(dss_hello(IDENTITY)) < 1024


def test_families_of_what_is_not_ours_are_told() -> None:
    web, netware = in_stream(b"HTTP/1.1 200"), in_stream(tncp(REPLY))
    assert web is not None
    assert netware is not None
    assert (web.family, netware.family) == (Family.OTHER, Family.NETWARE)
