import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures import netware_server as museum
from fixtures.captured import HERE, NOON, THERE, captured, framed, in_udp, packet
from nwip.capture.decoding import Decoder, Row
from nwip.capture.lines import line_of
from nwip.capture.pcap import Captured
from nwip.capture.pcapng import LinkType
from nwip.ipx.diagnostics import (
    AttachedNetwork,
    Component,
    ComponentKind,
    DiagnosticsRequest,
    DiagnosticsResponse,
)
from nwip.ipx.hello import Hello, HelloState
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.ping import ping, ping_answer, registration, registration_reply
from nwip.ipx.rip import RipPacket
from nwip.ipx.sap import SapOperation, SapQuery, SapSpecificQuery
from nwip.ipx.type20 import PropagatedPayload


def decode(content: Packet | bytes, link_type: int = LinkType.ETHERNET) -> Row:
    octets = framed(content) if isinstance(content, Packet) else content
    return Decoder().decode(7, captured(octets, link_type))


def said(content: Packet) -> object:
    """Return the decoded fields of a packet."""
    row = decode(content)
    assert "error" not in row
    return row[str(row["protocol"])]


def test_a_row_tells_the_header_and_what_carried_it() -> None:
    assert decode(packet(b"NWIP", packet_type=4, hops=3)) == {
        "number": 7,
        "time": 1_700_000_000.123456,
        "src": str(HERE),
        "dst": str(THERE),
        "type": 4,
        "protocol": "ipx",
        "link": "",
        "frame": "Ethernet_802.2",
        "carrier": {"source": "00:00:1b:2c:3d:4e", "destination": "00:80:c7:a1:b2:c3"},
        "hops": 3,
        "length": 34,
    }


def test_rip_and_sap_of_a_server_are_read() -> None:
    assert decode(museum.RIP_BROADCAST)["rip"] == {
        "operation": "response",
        "entries": [{"network": "2E5A0001", "hops": 1, "ticks": 2}],
    }
    sap = decode(museum.SAP_BROADCAST)["sap"]
    assert isinstance(sap, dict)
    assert sap["operation"] == "general response"
    assert sap["entries"][0] == {
        "type": 4,
        "type_name": "file server",
        "name": "MUSEUM",
        "address": "2E5A0001.000000000001.0451",
        "hops": 1,
    }


def test_questions_are_read() -> None:
    request = packet(RipPacket.request().encode(), destination=Socket.RIP, packet_type=1)
    assert said(request) == {"operation": "request", "entries": [{"network": "FFFFFFFF"}]}
    nearest = packet(SapQuery(SapOperation.NEAREST_QUERY, 4).encode(), destination=Socket.SAP)
    assert said(nearest) == {"operation": "nearest query", "type": 4, "type_name": "file server"}
    specific = packet(SapSpecificQuery.of(0x9999, "MUSEUM").encode(), destination=Socket.SAP)
    assert said(specific) == {
        "operation": "specific query",
        "type": 0x9999,
        "type_name": "",
        "name": "MUSEUM",
    }


def test_headers_of_ncp_are_read() -> None:
    request = packet(bytes.fromhex("2222 07 34 05 12 14"), destination=Socket.NCP, packet_type=17)
    common = {"sequence": 7, "connection": 0x1234, "task": 5}
    assert said(request) == {"type": 0x2222, "type_name": "request", **common, "function": 0x14}
    reply = packet(bytes.fromhex("3333 07 34 05 12 FB 00"), source=Socket.NCP, packet_type=17)
    assert said(reply) == {
        "type": 0x3333,
        "type_name": "reply",
        **common,
        "completion": 0xFB,
        "status": 0,
    }
    burst = said(packet(bytes.fromhex("7777 10") + bytes(33), source=Socket.NCP))
    assert isinstance(burst, dict)
    assert (burst["type_name"], burst["flags"]) == ("burst", 16)
    assert said(packet(b"Lip echo", source=Socket.NCP)) == {"type": 0x4C69, "type_name": "large packet echo"}
    unknown = said(packet(bytes.fromhex("1234 07 34 05 12"), source=Socket.NCP))
    assert unknown == {"type": 0x1234, "type_name": "", **common}


def test_headers_of_spx_are_read() -> None:
    header = bytes.fromhex("48 00 0001 0002 0003 0004 0005 05DC")
    assert said(packet(header + b"data", packet_type=PacketType.SPX)) == {
        "control": 0x48,
        "datastream_type": 0,
        "source_connection": 1,
        "destination_connection": 2,
        "sequence": 3,
        "acknowledged": 4,
        "allocation": 5,
        "octets": 4,
        "negotiated_size": 1500,
    }


def test_type_20_tells_the_networks_it_has_crossed_and_the_name_it_seeks() -> None:
    name = b"\x80\x01" + b"MUSEUM".ljust(15) + b"\x20"
    payload = PropagatedPayload.of(name, (0xAB12, 0xABCD01)).encode()
    row = decode(packet(payload, Socket.NETBIOS, Socket.NETBIOS, PacketType.PROPAGATED, hops=2))
    assert row["networks"] == ["0000AB12", "00ABCD01"]
    assert row["netbios"] == {"operation": "find name", "name": "MUSEUM<20>", "group": True}
    reply = decode(packet(payload, Socket.NETBIOS, Socket.NETBIOS, PacketType.PEP))
    assert reply["netbios"] == row["netbios"], "answers to names have the list, too, but another type"


def test_direct_hosting_and_datagrams_tell_who_speaks_to_whom() -> None:
    museum_name, barn = b"MUSEUM".ljust(15) + b"\x20", b"BARN".ljust(15) + b"\x00"
    nmpi = packet(bytes(32) + b"\xf3\x01\x00\x01" + museum_name + barn, Socket.SMB_SERVER, Socket.SMB_NAMES)
    assert said(nmpi) == {"operation": "query name", "name": "MUSEUM<20>", "sender": "BARN<00>"}
    datagram = packet(b"\0\x0b" + museum_name + barn + b"SMB", Socket.NETBIOS, Socket.NETBIOS, PacketType.PEP)
    assert said(datagram) == {"operation": "datagram", "name": "MUSEUM<20>", "sender": "BARN<00>"}
    session = packet(b"\x40\x06" + bytes(16), Socket.NETBIOS, Socket.NETBIOS)
    assert said(session) == {"operation": "session data"}


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (registration(), {"kind": "registration"}),
        (registration(bytes.fromhex("0200C0FFEE01")), {"kind": "registration", "wanted": "0200C0FFEE01"}),
        (
            registration_reply(0, bytes.fromhex("0200C0FFEE01")),
            {"kind": "registration reply", "network": "00000000", "node": "0200C0FFEE01"},
        ),
        (ping(HERE), {"kind": "request"}),
        (ping_answer(ping(HERE), THERE), {"kind": "answer"}),
        (packet(destination=Socket.ECHO, source=0x4002), {"kind": "request"}),
        (packet(destination=Socket.NOVELL_PING), {"kind": "Novell"}),
    ],
)
def test_what_dosbox_says_on_socket_2_is_told_apart(content: Packet, fields: Row) -> None:
    assert said(content) == fields


def test_diagnostics_are_read() -> None:
    request = DiagnosticsRequest((museum.CLIENT_MAC,)).encode()
    assert said(packet(request, destination=Socket.DIAGNOSTICS)) == {
        "operation": "request",
        "excluded": ["0080C7A1B2C3"],
    }
    server = Component(ComponentKind.SERVER, (AttachedNetwork(0, museum.LAN, museum.SERVER_MAC),))
    response = DiagnosticsResponse(1, 2, 0x4002, (Component(0), server)).encode()
    assert said(packet(response, source=Socket.DIAGNOSTICS)) == {
        "operation": "response",
        "version": "1.2",
        "spx_socket": "4002",
        "components": [0, 6],
        "networks": ["0000AB12.00001B2C3D4E"],
    }


def test_a_watchdog_is_known_by_its_two_octets() -> None:
    asked = packet(b"\x07?", source=Socket.MESSAGES, destination=0x4020)
    assert said(asked) == {"connection": 7, "sign": "are you there"}
    assert decode(packet(b"\x07?x", source=Socket.MESSAGES))["protocol"] == "ipx"


def test_a_hello_of_gateways_is_told_from_what_programs_send_to_its_socket() -> None:
    hello = Hello(b"d" * 8, b"i" * 16, b"n" * 8, HelloState.STANDING_BY, 3, 2**40, 7)
    told = said(packet(hello.encode(), Socket.HELLO, Socket.HELLO))
    assert told == {
        "state": "standing by",
        "identity": "69" * 16,
        "domain": "64" * 8,
        "nonce": "6e" * 8,
        "priority": 3,
        "turn": 2**40,
        "number": 7,
    }
    assert said(packet(b"NWIP", Socket.HELLO, Socket.HELLO)) == {"state": "presence"}
    assert decode(packet(b"NWIP\x02", Socket.HELLO, Socket.HELLO))["error"]
    assert decode(packet(b"a game", Socket.HELLO, Socket.HELLO))["protocol"] == "ipx"


@pytest.mark.parametrize(
    ("source", "destination", "packet_type", "protocol"),
    [
        (0x4000, Socket.SAP, PacketType.NCP, "sap"),
        (Socket.SAP, Socket.WORKSTATION, PacketType.PEP, "sap"),
        (Socket.NCP, Socket.WORKSTATION, PacketType.UNKNOWN, "ncp"),
        (0x4000, 0x4001, PacketType.NCP, "ncp"),
        (0x4000, 0x4001, PacketType.RIP, "rip"),
        (0x4000, 0x4001, PacketType.SPX, "spx"),
        (Socket.SMB_SERVER, Socket.SMB_NAMES, PacketType.UNKNOWN, "nmpi"),
        (Socket.DOOM, Socket.DOOM, PacketType.PEP, "doom"),
        (0x4000, Socket.SERIALIZATION, PacketType.UNKNOWN, "serialization"),
        (Socket.NLSP, Socket.NLSP, PacketType.UNKNOWN, "nlsp"),
        (Socket.SMB_MESSENGER, 0x4000, PacketType.UNKNOWN, "smb"),
        (0x4000, 0x4001, PacketType.PEP, "ipx"),
    ],
)
def test_sockets_go_before_the_packet_type(
    source: int, destination: int, packet_type: int, protocol: str
) -> None:
    assert decode(packet(bytes(64), source, destination, packet_type))["protocol"] == protocol


def test_a_checksum_is_judged() -> None:
    right = packet(b"NWIP").with_checksum()
    assert decode(right)["checksum"] == "right"
    assert decode(right._replace(checksum=right.checksum ^ 1))["checksum"] == "wrong"


def test_a_malformed_packet_tells_what_can_be_read_and_its_error() -> None:
    octets = bytearray(packet(b"NWIP", destination=Socket.SAP).encode())
    octets[2:4] = b"\x00\x1d"
    row = decode(in_udp(bytes(octets)))
    assert (row["src"], row["protocol"], row["frame"]) == (str(HERE), "sap", "NetWare/IP")
    assert row["error"] == "length field 29 is below the header's 30"
    assert "length" not in row


@pytest.mark.parametrize(
    "content",
    [
        packet(b"\0\x03", destination=Socket.RIP),
        packet(b"\0\x02" + bytes(7), destination=Socket.RIP),
        packet(b"\0\x09\0\x04", destination=Socket.SAP),
        packet(b"\x22\x22", destination=Socket.NCP),
        packet(bytes(5), packet_type=PacketType.SPX),
        packet(bytes(31), packet_type=PacketType.PROPAGATED),
        packet(bytes(32), packet_type=PacketType.PROPAGATED, hops=9),
        packet(bytes(30), Socket.SMB_NAMES, Socket.SMB_NAMES),
        packet(b"\x07", destination=Socket.DIAGNOSTICS),
    ],
)
def test_malformed_contents_are_an_error_beside_a_sound_header(content: Packet) -> None:
    row = decode(content)
    assert row["error"]
    assert (row["src"], row["length"]) == (str(content.source), 30 + len(content.payload))
    assert "MALFORMED" in line_of(row, 0.0)


def test_a_frame_that_is_cut_short_tells_its_header() -> None:
    row = decode(framed(packet(bytes(100), destination=Socket.SAP))[:80])
    assert (row["src"], row["protocol"], row["frame"]) == (str(HERE), "sap", "Ethernet_802.2")
    assert row["error"] == "133 octets wanted at offset 14, 66 left"
    assert decode(framed(packet(bytes(100)))[:40])["src"] is None


def test_comments_of_our_own_captures_tell_the_direction() -> None:
    octets = framed(packet())
    seen = Decoder().decode(1, Captured(NOON, 1, octets, "dosbox", "out dosbox to 0251F04DDD35"))
    assert (seen["direction"], seen["link"], seen["comment"]) == (
        *("out", "dosbox"),
        "out dosbox to 0251F04DDD35",
    )
    for comment in ("out of order", "dosbox", "in lan from 1"):
        assert "direction" not in Decoder().decode(1, Captured(NOON, 1, octets, "dosbox", comment))


def test_lines_hold_what_people_look_for() -> None:
    line = line_of(decode(museum.SAP_BROADCAST), 1_700_000_000.0)
    assert line.startswith("     7    0.123456  0000AB12.00001B2C3D4E.0452 > 0000AB12.FFFFFFFFFFFF.0452  sap")
    assert (
        "general response file server MUSEUM at 2E5A0001.000000000001.0451 hops 1, remote console MUSEUM"
        in line
    )
    many = RipPacket.decode(b"\0\x02" + bytes(8 * 50)).encode()
    assert ", 46 more [" in line_of(decode(packet(many, destination=Socket.RIP)), 0.0)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (packet(b"x" * 10, packet_type=4), "ipx         type 4, 40 octets ["),
        (packet()._replace(checksum=1), "ipx         type 0, 30 octets; wrong checksum ["),
        (packet(bytes(4) + bytes(28), packet_type=20, hops=1), "; through 00000000 ["),
        (packet(RipPacket.request(7).encode(), destination=Socket.RIP), "rip         request 00000007 ["),
        (packet(RipPacket.request().encode(), destination=Socket.RIP), "rip         request all networks ["),
        (packet(b"\0\x01\xff\xff", destination=Socket.SAP), "sap         general query all types ["),
        (packet(b"\0\x01\x99\x99", destination=Socket.SAP), "sap         general query 9999 ["),
        (packet(bytes(12), packet_type=5), "spx         control 00, datastream type 0, source connection 0,"),
        (
            packet(bytes.fromhex("3333 01 02 03 00 FB 10"), destination=Socket.NCP),
            "completion FB, status 10 [",
        ),
        (
            packet(bytes.fromhex("1234 01 02 03 00"), destination=Socket.NCP),
            "ncp         type 1234 sequence 1,",
        ),
        (packet(b"\x01" + bytes(6), destination=Socket.DIAGNOSTICS), "request, excluded 000000000000 ["),
        (packet(b"\xab", destination=Socket.SERIALIZATION), "serialization octets AB ["),
        (registration(), "ping        registration ["),
    ],
)
def test_lines_say_what_each_protocol_is_about(content: Packet, text: str) -> None:
    assert text in line_of(decode(content), 0.0)


def test_what_is_not_ipx_has_a_line_with_what_is_known() -> None:
    assert line_of(decode(bytes(12) + b"\x08\x06"), 0.0).endswith("other       [ARP]")
    assert " -                          > - " in line_of(decode(b"", 9999), 0.0)


@given(st.sampled_from([*LinkType, 12, 9999]), st.binary(max_size=120), st.text(), st.text())
def test_any_octets_are_a_row_and_a_line(link_type: int, octets: bytes, name: str, comment: str) -> None:
    row = Decoder().decode(1, Captured(NOON, link_type, octets, name, comment))
    assert {"number", "time", "src", "dst", "type", "protocol", "link", "frame"} <= row.keys()
    assert json.loads(json.dumps(row)) == row
    assert line_of(row, 0.0)


@given(
    st.sampled_from([*Socket, 0]),
    st.sampled_from([*Socket, 0]),
    st.sampled_from([*PacketType]),
    st.integers(0, 255),
    st.binary(max_size=100),
)
def test_any_payload_is_a_row_and_a_line(
    source: int, destination: int, packet_type: int, hops: int, payload: bytes
) -> None:
    row = decode(packet(payload, source, destination, packet_type, hops))
    assert row["src"] == str(HERE._replace(socket=source))
    assert json.loads(json.dumps(row)) == row
    assert line_of(row, 0.0)
