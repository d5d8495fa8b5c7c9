import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.captured import RECEIVER, SENDER, framed, in_udp, packet
from nwip.capture.encapsulation import Carried, Other, Ports, Unwrapper
from nwip.capture.ip import MOST_FRAGMENTS, MOST_UNFINISHED
from nwip.capture.ipv4 import udp_in_ipv4
from nwip.capture.pcapng import LinkType
from nwip.ipx.frames import FrameType
from nwip.wire import WireError

PACKET = packet(b"NWIP").encode()
MACS = ("00:00:1b:2c:3d:4e", "00:80:c7:a1:b2:c3")


def unwrap(octets: bytes, link_type: int = LinkType.ETHERNET, ports: Ports | None = None) -> Carried | Other:
    return Unwrapper(ports or Ports()).unwrap(link_type, octets)


def found(carried: Carried | Other) -> tuple[str, bytes]:
    assert isinstance(carried, Carried)
    assert carried.error == ""
    return carried.frame, carried.octets[: len(PACKET)]


def in_ipv6(payload: bytes, protocol: int = 17, extensions: bytes = b"") -> bytes:
    addresses = bytes.fromhex("20010DB8000000000000000000000001 20010DB8000000000000000000000002")
    return (
        struct.pack(">IHBB", 6 << 28, len(extensions + payload), protocol, 64)
        + addresses
        + extensions
        + payload
    )


def udp(payload: bytes) -> bytes:
    return struct.pack(">HHHH", 43981, 43981, 8 + len(payload), 0) + payload


@pytest.mark.parametrize("frame_type", FrameType)
def test_the_four_frame_types_are_told_apart(frame_type: FrameType) -> None:
    carried = unwrap(framed(packet(b"NWIP"), frame_type))
    assert found(carried) == (frame_type.value, PACKET)
    assert isinstance(carried, Carried)
    assert (carried.source, carried.destination) == MACS


@pytest.mark.parametrize("tags", ["81000007", "88A80001 81000002"])
def test_vlan_tags_are_looked_through(tags: str) -> None:
    frame = framed(packet(b"NWIP"), FrameType.ETHERNET_II)
    assert found(unwrap(frame[:12] + bytes.fromhex(tags) + frame[12:])) == ("Ethernet_II", PACKET)


@pytest.mark.parametrize(
    ("protocol", "before", "frame_type"),
    [
        (0x8137, b"", "Ethernet_II"),
        (1, b"", "Ethernet_802.3"),
        (4, b"\xe0\xe0\x03", "Ethernet_802.2"),
        (4, b"\xaa\xaa\x03\0\0\0\x81\x37", "Ethernet_SNAP"),
    ],
)
def test_cooked_packets_are_read_as_the_frames_that_they_were(
    protocol: int, before: bytes, frame_type: str
) -> None:
    sll = bytes(14) + struct.pack(">H", protocol)
    sll2 = struct.pack(">H", protocol) + bytes(18)
    for link_type, head in ((LinkType.LINUX_SLL, sll), (LinkType.LINUX_SLL2, sll2)):
        carried = unwrap(head + before + PACKET, link_type)
        assert found(carried) == (frame_type, PACKET)
        assert isinstance(carried, Carried)
        assert carried.source == ""


@pytest.mark.parametrize(
    ("source", "destination", "frame"),
    [
        (43981, 43981, "NetWare/IP"),
        (5000, 43981, "NetWare/IP"),
        (396, 5000, "NetWare/IP question"),
        (5000, 10396, "NetWare/IP question"),
        (5000, 213, "DOSBox"),
        (10213, 5000, "DOSBox"),
        (7000, 5000, "NetWare/IP"),
        (5000, 8000, "DOSBox"),
    ],
)
def test_the_port_says_what_a_datagram_is(source: int, destination: int, frame: str) -> None:
    ports = Ports(data=frozenset({43981, 7000}), tunnel=frozenset({213, 10213, 8000}))
    carried = unwrap(in_udp(PACKET, ("10.0.0.1", source), ("10.0.0.2", destination)), ports=ports)
    assert found(carried) == (frame, PACKET)
    assert isinstance(carried, Carried)
    assert (carried.source, carried.destination) == (f"10.0.0.1:{source}", f"10.0.0.2:{destination}")


def test_a_node_that_is_its_senders_ip_address_is_rfc_1234() -> None:
    node = bytes.fromhex("0000 0A000001")
    sent = packet(b"NWIP")._replace(source=packet().source._replace(node=node)).encode()
    assert found(unwrap(in_udp(sent, ("10.0.0.1", 213), ("10.0.0.2", 213))))[0] == "RFC 1234"
    assert found(unwrap(in_udp(sent, ("10.0.0.9", 213), ("10.0.0.2", 213))))[0] == "DOSBox"


def test_frames_in_the_datagrams_of_86box_are_found() -> None:
    frame = framed(packet(b"NWIP"), FrameType.ETHERNET_802_3)
    carried = unwrap(in_udp(frame, ("10.0.0.1", 5000), ("239.255.86.86", 8087)))
    assert found(carried) == ("Ethernet_802.3", PACKET)
    assert isinstance(carried, Carried)
    assert (carried.source, carried.destination) == MACS


def test_datagrams_in_datagrams_are_not_followed() -> None:
    inside = in_udp(b"", ("10.0.0.1", 5000), ("239.255.86.86", 8086))
    assert unwrap(in_udp(inside, ("10.0.0.1", 5000), ("239.255.86.86", 8086))) == Other(
        "EtherType 0800", "00:00:00:00:00:00", "00:00:00:00:00:00"
    )


@pytest.mark.parametrize("link_type", [12, 14, LinkType.RAW_IP, LinkType.IPV4])
def test_ip_may_stand_alone(link_type: int) -> None:
    assert found(unwrap(udp_in_ipv4(SENDER, RECEIVER, PACKET), link_type)) == ("NetWare/IP", PACKET)


def test_udp_is_found_in_ipv6_behind_extension_headers() -> None:
    assert found(unwrap(in_ipv6(udp(PACKET)), LinkType.IPV6)) == ("NetWare/IP", PACKET)
    hop_by_hop = bytes([60, 0]) + bytes(6) + bytes([17, 1]) + bytes(14)
    carried = unwrap(in_ipv6(udp(PACKET), 0, hop_by_hop), LinkType.IPV6)
    assert found(carried) == ("NetWare/IP", PACKET)
    assert isinstance(carried, Carried)
    assert carried.source == "[2001:db8::1]:43981"


def ipv4_fragments(identification: int) -> list[bytes]:
    whole = udp_in_ipv4(SENDER, RECEIVER, PACKET)
    head, body = whole[:20], whole[20:]
    return [
        head[:2]
        + struct.pack(">HHH", 20 + len(part), identification, offset // 8 | (0 if last else 0x2000))
        + head[8:]
        + part
        for offset, part, last in ((0, body[:16], False), (16, body[16:32], False), (32, body[32:], True))
    ]


def test_fragments_are_put_together_in_any_order() -> None:
    first, second, third = ipv4_fragments(1)
    for order in ((first, second, third), (third, first, second), (second, second, third, first)):
        unwrapper = Unwrapper(Ports())
        results = [unwrapper.unwrap(LinkType.RAW_IP, fragment) for fragment in order]
        assert results[:-1] == [Other("fragment of UDP", "10.0.0.1", "10.0.0.2")] * (len(order) - 1)
        assert found(results[-1]) == ("NetWare/IP", PACKET)


def test_fragments_of_ipv6_are_put_together() -> None:
    datagram, unwrapper = udp(PACKET), Unwrapper(Ports())
    first = in_ipv6(datagram[:16], 44, struct.pack(">BBHI", 17, 0, 1, 7))
    second = in_ipv6(datagram[16:], 44, struct.pack(">BBHI", 17, 0, 16, 7))
    assert isinstance(unwrapper.unwrap(LinkType.IPV6, second), Other)
    assert found(unwrapper.unwrap(LinkType.IPV6, first)) == ("NetWare/IP", PACKET)


def test_fragments_that_wait_are_bounded_and_the_oldest_is_forgotten() -> None:
    unwrapper = Unwrapper(Ports())
    for number in range(MOST_UNFINISHED + 1):
        unwrapper.unwrap(LinkType.RAW_IP, ipv4_fragments(number)[0])
    waiting = unwrapper._reassembly._waiting
    assert len(waiting) == MOST_UNFINISHED
    for number, expected in ((0, Other), (MOST_UNFINISHED, Carried)):
        results = [unwrapper.unwrap(LinkType.RAW_IP, part) for part in ipv4_fragments(number)[1:]]
        assert isinstance(results[-1], expected)
    for _ in range(MOST_FRAGMENTS):
        unwrapper.unwrap(LinkType.RAW_IP, ipv4_fragments(500)[0])
    assert not any(key[3] == 500 for key in waiting)


@pytest.mark.parametrize(
    ("octets", "link_type", "what"),
    [
        (bytes(12) + b"\x08\x06" + bytes(28), LinkType.ETHERNET, "ARP"),
        (bytes(12) + b"\x12\x34", LinkType.ETHERNET, "EtherType 1234"),
        (bytes(12) + b"\x00\x03\x42\x42\x03", LinkType.ETHERNET, "802.3"),
        (bytes(14) + b"\x08\x06", LinkType.LINUX_SLL, "ARP"),
        (in_udp(PACKET, ("10.0.0.1", 53), ("10.0.0.2", 53)), LinkType.ETHERNET, "UDP"),
        (in_ipv6(b"", 58), LinkType.IPV6, "ICMPv6"),
        (in_ipv6(b"", 200), LinkType.IPV6, "IPv6, protocol 200"),
        (b"", 9999, "link type 9999"),
    ],
)
def test_what_is_not_ipx_is_named(octets: bytes, link_type: int, what: str) -> None:
    other = unwrap(octets, link_type)
    assert isinstance(other, Other)
    assert other.what == what


def test_a_frame_that_is_cut_short_is_carried_with_its_fault() -> None:
    frame = framed(packet(bytes(100)), FrameType.ETHERNET_802_3)
    carried = unwrap(frame[:80])
    assert isinstance(carried, Carried)
    assert carried.frame == "Ethernet_802.3"
    assert "130 octets wanted" in carried.error


@pytest.mark.parametrize("link_type", [*LinkType, 12])
def test_what_is_cut_short_before_the_packet_is_a_wire_error(link_type: int) -> None:
    with pytest.raises(WireError):
        unwrap(b"\x45", link_type)


@given(
    st.sampled_from([*LinkType]),
    st.sampled_from([b"", bytes(12) + b"\x08\x00\x45", b"\x60", b"\x45\0"]),
    st.binary(),
)
def test_any_octets_are_refused_or_unwrapped(link_type: int, start: bytes, anything: bytes) -> None:
    try:
        assert isinstance(unwrap(start + anything, link_type), Carried | Other)
    except WireError:
        return
