"""Traffic of real stacks: read, written back octet for octet, and counted as tshark counts it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.tshark import count, fields
from nwip.capture.ipv4 import udp_of_ipv4
from nwip.capture.pcap import Captured, read_capture
from nwip.capture.pcapng import LinkType
from nwip.ipx import sap
from nwip.ipx.frames import Frame
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.ping import is_ping, is_registration
from nwip.ipx.rip import RipPacket
from nwip.ipx.type20 import PropagatedPayload
from nwip.wire import WireError

pytestmark = pytest.mark.real("shared", "tshark")

LANS = ["netware-ethernet-ii.pcap", "netware-802.3-raw.pcap", "tcpdump-ipx.pcap"]
AS_IPX = ("-d", "udp.port==21300,ipx")


def packets_of(path: Path) -> Iterator[Captured]:
    with path.open("rb") as stream:
        yield from read_capture(stream)


def test_every_packet_of_every_capture_is_read_as_tshark_reads_it(shared: Path) -> None:
    for path in sorted((shared / "captures").glob("*.pcap*")):
        ours = [(str(len(packet.octets)), packet.timestamp) for packet in packets_of(path)]
        seen = fields(path, "frame.cap_len", "frame.time_epoch")
        assert ours == [(size, int(time.replace(".", ""))) for size, time in seen], path.name


@pytest.mark.parametrize("name", LANS)
def test_ipx_of_real_lans_survives_and_is_counted_as_by_tshark(name: str, shared: Path) -> None:
    path = shared / "captures" / name
    seen: Counter[str] = Counter()
    for captured in packets_of(path):
        assert captured.link_type == LinkType.ETHERNET
        frame = Frame.decode(captured.octets)
        if frame is None:
            continue
        assert frame.encode() == captured.octets
        packet = Packet.decode(frame.packet)
        assert packet.encode() == frame.packet
        seen["ipx"] += 1
        seen.update(judged(packet))
    filters = {"ipx", "ipxrip", "ipxsap", "ipx.packet_type == 20", "nbipx"}
    assert seen == Counter({text: number for text in filters if (number := count(path, text))})
    assert seen["ipxrip"]
    assert seen["ipxsap"]


def judged(packet: Packet) -> Iterator[str]:
    """Decode what a packet carries, check that it is written back the same, yield tshark's names for it."""
    sockets = {packet.destination.socket, packet.source.socket}
    if Socket.RIP in sockets:
        assert RipPacket.decode(packet.payload).encode() == packet.payload
        yield "ipxrip"
    if Socket.SAP in sockets:
        assert sap.decode(packet.payload).encode() == packet.payload
        yield "ipxsap"
    if packet.packet_type == PacketType.PROPAGATED:
        payload = PropagatedPayload.decode(packet.payload, packet.transport_control)
        assert payload.encode() == packet.payload
        yield "ipx.packet_type == 20"
    if Socket.NETBIOS in sockets:
        yield "nbipx"


@pytest.mark.parametrize("name", LANS)
def test_routes_and_services_are_those_that_tshark_sees(name: str, shared: Path) -> None:
    path = shared / "captures" / name
    routes: list[tuple[str, ...]] = []
    services: list[tuple[str, ...]] = []
    for captured in packets_of(path):
        frame = Frame.decode(captured.octets)
        if frame is None:
            continue
        packet = Packet.decode(frame.packet)
        sockets = {packet.destination.socket, packet.source.socket}
        if Socket.RIP in sockets:
            entries = RipPacket.decode(packet.payload).entries
            routes += [(f"0x{entry.network:08x}", str(entry.hops), str(entry.ticks)) for entry in entries]
        response = sap.decode(packet.payload) if Socket.SAP in sockets else None
        if isinstance(response, sap.SapResponse):
            services += [(entry.name, str(entry.hops)) for entry in response.entries]
    assert routes == listed(path, "ipxrip.route_vector", "ipxrip.hops", "ipxrip.ticks")
    assert services == listed(path, "ipxsap.server.name", "ipxsap.server.intermediate_networks")


def listed(path: Path, *names: str) -> list[tuple[str, ...]]:
    """Return fields that occur several times in a packet, one row an occurrence."""
    rows = (row for row in fields(path, *names) if row[0])
    return [entry for row in rows for entry in zip(*(column.split(",") for column in row), strict=True)]


def test_dosbox_clients_and_their_server(shared: Path) -> None:
    path = shared / "captures" / "dosbox-clients.pcapng"
    seen: Counter[str] = Counter()
    for captured in packets_of(path):
        datagram = udp_of_ipv4(captured.octets[14:])
        assert datagram is not None
        try:
            packet = Packet.decode(datagram.payload)
        except WireError:  # the server keeps NAT open with headers of zeros
            seen["_ws.malformed"] += 1
            continue
        assert packet.encode() == datagram.payload
        seen["ipx.len"] += 1
        seen["ipx.dst.node == ff:ff:ff:ff:ff:ff && ipx.dst.socket == 2"] += is_ping(packet)
        seen["ipx.dst.node == 00:00:00:00:00:00 && ipx.dst.socket == 2"] += is_registration(packet)
    assert seen == {text: count(path, text, *AS_IPX) for text in seen}
    assert len(seen) == 4
    assert all(seen.values())
