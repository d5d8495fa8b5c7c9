"""What we write, as tshark reads it."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from fixtures import netware_server as museum
from fixtures.tshark import count, fields, tshark
from nwip.capture.ipv4 import udp_in_ipv4
from nwip.capture.pcapng import LinkType, PcapngWriter
from nwip.ipx import ping, rip, sap
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.numbers import NETWARE_IP_DATA_PORT, PacketType, ServiceType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse
from nwip.ipx.type20 import PropagatedPayload

pytestmark = pytest.mark.real("tshark")

HERE = Address(museum.LAN, museum.SERVER_MAC, Socket.NCP)
AS_IPX = ("-d", f"udp.port=={NETWARE_IP_DATA_PORT},ipx")


def broadcast(socket: Socket, packet_type: PacketType, payload: bytes) -> Packet:
    to = Address(museum.LAN, BROADCAST_NODE, socket)
    return Packet(to, HERE._replace(socket=socket), packet_type, payload)


def framed(packet: Packet, frame_type: FrameType = FrameType.ETHERNET_802_2) -> bytes:
    return Frame.of(museum.BROADCAST_MAC, museum.SERVER_MAC, frame_type, packet.encode()).encode()


def in_udp(packet: Packet) -> bytes:
    return udp_in_ipv4(
        ("10.0.0.1", NETWARE_IP_DATA_PORT), ("10.0.0.2", NETWARE_IP_DATA_PORT), packet.encode()
    )


def captured(directory: Path, octets: Iterable[bytes], link_type: LinkType = LinkType.ETHERNET) -> Path:
    """Write a capture and check that tshark finds nothing malformed in it."""
    path = directory / "written.pcapng"
    with path.open("wb") as stream:
        writer = PcapngWriter(stream)
        interface = writer.add_interface(link_type, "test")
        for number, packet in enumerate(octets):
            writer.write(interface, number, packet)
    assert tshark(path, *AS_IPX, "-Y", "_ws.malformed || _ws.expert.severity >= error") == ""
    return path


@pytest.mark.parametrize("frame_type", FrameType)
def test_the_header_in_every_frame_type(frame_type: FrameType, tmp_path: Path) -> None:
    packet = Packet(
        destination=Address(museum.INTERNAL_NETWORK, museum.INTERNAL_NODE, 0x4321),
        source=Address(museum.LAN, museum.CLIENT_MAC, 0x5678),
        transport_control=5,
        payload=b"N",
    )
    capture = captured(tmp_path, [framed(packet, frame_type)])
    names = (
        "dst.net",
        "dst.node",
        "dst.socket",
        "src.net",
        "src.node",
        "src.socket",
        "hops",
        "len",
        "checksum",
    )
    header = "0x2e5a0001 00:00:00:00:00:01 0x4321 0x0000ab12 00:80:c7:a1:b2:c3 0x5678 5 31 0xffff"
    (seen,) = fields(capture, *(f"ipx.{name}" for name in names))
    assert seen == tuple(header.split())
    header_of_type = {
        FrameType.ETHERNET_II: ("0x8137", "", "", ""),
        FrameType.ETHERNET_802_3: ("", "31", "", ""),
        FrameType.ETHERNET_802_2: ("", "34", "0xe0", ""),
        FrameType.ETHERNET_SNAP: ("", "39", "0xaa", "0x8137"),
    }
    assert fields(capture, "eth.type", "eth.len", "llc.dsap", "llc.type") == [header_of_type[frame_type]]


def test_rip_requests_and_responses(tmp_path: Path) -> None:
    entries = [RipEntry(0x1000 + number, number % 17, 2 + number) for number in range(60)]
    payloads = [RipPacket.request(), *rip.split(RipOperation.RESPONSE, entries)]
    packets = [broadcast(Socket.RIP, PacketType.RIP, payload.encode()) for payload in payloads]
    capture = captured(tmp_path, map(framed, packets))
    seen = fields(capture, "ipxrip.packet_type", "ipxrip.route_vector", "ipxrip.hops", "ipxrip.ticks")
    assert seen[0] == ("1", "0xffffffff", "65535", "65535")
    assert [kind for kind, *_ in seen[1:]] == ["2", "2"]
    columns = [",".join(row[column] for row in seen[1:]) for column in (1, 2, 3)]
    assert columns == [
        ",".join(f"0x{entry.network:08x}" for entry in entries),
        ",".join(str(entry.hops) for entry in entries),
        ",".join(str(entry.ticks) for entry in entries),
    ]


def test_sap_queries_and_responses(tmp_path: Path) -> None:
    services = [
        SapEntry.of(kind, name, Address(network, node, socket), hops)
        for kind, name, network, node, socket, hops in museum.SERVICES
    ]
    payloads: list[SapQuery | SapResponse] = [
        SapQuery(SapOperation.GENERAL_QUERY, ServiceType.ANY),
        SapQuery(SapOperation.NEAREST_QUERY, ServiceType.FILE_SERVER),
        *sap.split(services),
        SapResponse(SapOperation.NEAREST_RESPONSE, (services[0],)),
    ]
    packets = [broadcast(Socket.SAP, PacketType.PEP, payload.encode()) for payload in payloads]
    capture = captured(tmp_path, map(framed, packets))
    names = ("type", "name", "network", "node", "socket", "intermediate_networks")
    seen = fields(capture, "ipxsap.packet_type", *(f"ipxsap.server.{name}" for name in names))
    address = ("0x2e5a0001", "00:00:00:00:00:01")
    assert seen == [
        ("1", "0xffff", "", "", "", "", ""),
        ("3", "0x0004", "", "", "", "", ""),
        (
            "2",
            "0x0004,0x0107",
            "MUSEUM,MUSEUM",
            *(f"{part},{part}" for part in address),
            "0x0451,0x8104",
            "1,1",
        ),
        ("4", "0x0004", "MUSEUM", *address, "0x0451", "1"),
    ]


def test_type_20_and_its_list_of_networks(tmp_path: Path) -> None:
    find_name = b"\x00\x01" + b"MUSEUM".ljust(16)
    payload = PropagatedPayload.of(find_name, (museum.LAN, museum.INTERNAL_NETWORK))
    packet = broadcast(Socket.NETBIOS, PacketType.PROPAGATED, payload.encode())
    capture = captured(tmp_path, [framed(packet._replace(transport_control=payload.transport_control))])
    seen = fields(capture, "ipx.packet_type", "ipx.hops", "nmpi.ipx_network", "netbios.nb_name")
    assert seen == [("0x14", "2", "0x0000ab12,0x2e5a0001", "MUSEUM")]


def test_dosbox_pings_in_the_data_ports_datagrams(tmp_path: Path) -> None:
    client = Address(1, museum.CLIENT_MAC, Socket.ECHO)
    asked = ping.ping(HERE)
    packets = [
        ping.registration(),
        ping.registration_reply(1, client.node),
        asked,
        ping.ping_answer(asked, client),
        ping.registration(museum.CLIENT_MAC),
    ]
    capture = captured(tmp_path, map(in_udp, packets), LinkType.RAW_IP)
    names = ("ipx.dst", "ipx.dst.socket", "ipx.src", "ipx.src.socket", "ipx.hops", "ipx.len")
    nobody, server, player = "00000000.000000000000", "0000ab12.00001b2c3d4e", "00000001.0080c7a1b2c3"
    assert fields(capture, *names, arguments=AS_IPX) == [
        (nobody, "0x0002", nobody, "0x0002", "0", "30"),
        (player, "0x0002", "00000001.ffffffffffff", "0x0002", "0", "30"),
        ("00000000.ffffffffffff", "0x0002", server, "0x0002", "0", "30"),
        ("00000000.00001b2c3d4e", "0x0002", player, "0x0002", "0", "30"),
        (nobody, "0x0002", nobody, "0x0002", "77", "36"),
    ]
    checked = ("-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE")
    good = "ip.checksum.status == good && udp.checksum.status == good"
    assert count(capture, good, *checked, *AS_IPX) == len(packets)


def test_rip_and_sap_directly_in_udp(tmp_path: Path) -> None:
    packets = [Packet.decode(museum.packet_of(octets)) for octets in museum.FRAMES]
    capture = captured(tmp_path, map(in_udp, packets), LinkType.RAW_IP)
    assert fields(capture, "ipxrip.packet_type", "ipxsap.packet_type", arguments=AS_IPX) == [
        ("2", ""),
        ("", "2"),
        ("", "3"),
        ("", "4"),
        ("1", ""),
    ]


def test_the_frames_that_were_written_by_hand(tmp_path: Path) -> None:
    capture = captured(tmp_path, museum.FRAMES)
    assert count(capture, "ipx && llc.dsap == 0xe0") == len(museum.FRAMES)
    assert count(capture, "ipxrip") == 2
    assert count(capture, 'ipxsap.server.name == "MUSEUM"') == 2
