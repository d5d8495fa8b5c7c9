import io
import sys
from collections import Counter
from pathlib import Path

import pytest

from fixtures.captured import HERE, NOON, packet
from fixtures.tshark import fields, tshark
from nwip.capture.decoding import Decoder
from nwip.capture.pcap import read_capture
from nwip.capture.recording import Recording, mac_of
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.rip import RipPacket

OURS = bytes.fromhex("7E010A000001")
PLAYER = "0251F04DDD35"
PACKET = packet(b"NWIP").encode()
BROADCAST = packet(RipPacket.request().encode(), 0x453, 0x453)._replace(
    destination=Address(HERE.network, BROADCAST_NODE, 0x453)
)


def recorded(stream: io.BytesIO) -> Recording:
    recording = Recording(stream)
    recording.add_link("virtual", "virtual, joined, network 4E574950")
    for link, octets, outgoing, hop in (
        ("dosbox", PACKET, False, PLAYER),
        ("virtual", PACKET, True, "192.0.2.7:43981"),
        ("dosbox", BROADCAST.encode(), False, PLAYER),
        ("dosbox", BROADCAST.encode(), True, ""),
    ):
        recording.write(link, octets, outgoing=outgoing, timestamp=NOON, node=OURS, hop=hop)
    recording.finish(NOON, Counter({"dosbox": 5}))
    return recording


def test_what_is_recorded_is_decoded_with_link_and_direction() -> None:
    stream = io.BytesIO()
    recording = recorded(stream)
    assert recording.packets == {("dosbox", "in"): 2, ("virtual", "out"): 1, ("dosbox", "out"): 1}
    assert recording.octets == 2 * len(PACKET) + 2 * len(BROADCAST.encode())
    stream.seek(0)
    rows = [Decoder().decode(number, seen) for number, seen in enumerate(read_capture(stream), 1)]
    assert [(row["link"], row["direction"], row["comment"], row["carrier"]) for row in rows] == [
        (link, direction, comment, {"source": source, "destination": destination})
        for link, direction, comment, source, destination in [
            ("dosbox", "in", f"in dosbox from {PLAYER}", "02:51:f0:4d:dd:35", "7e:01:0a:00:00:01"),
            ("virtual", "out", "out virtual to 192.0.2.7:43981", "7e:01:0a:00:00:01", "02:00:c0:00:02:07"),
            ("dosbox", "in", f"in dosbox from {PLAYER}", "02:51:f0:4d:dd:35", "ff:ff:ff:ff:ff:ff"),
            ("dosbox", "out", "out dosbox to all", "7e:01:0a:00:00:01", "ff:ff:ff:ff:ff:ff"),
        ]
    ]
    assert not any("error" in row for row in rows)


@pytest.mark.parametrize(
    ("hop", "mac"),
    [
        ("0251F04DDD35", "0251F04DDD35"),
        ("192.0.2.7:43981", "0200C0000207"),
        ("[2001:db8::c0ff:ee01]:43981", "0206C0FFEE01"),
        ("", "FFFFFFFFFFFF"),
        ("/run/qemu.sock", "000000000000"),
    ],
)
def test_each_kind_of_hop_has_its_mac_address(hop: str, mac: str) -> None:
    assert mac_of(hop) == bytes.fromhex(mac)


def test_the_byte_order_is_that_of_the_machine_for_pipes_into_dumpcap() -> None:
    stream = io.BytesIO()
    Recording(stream)
    assert stream.getvalue()[8:12] == (0x1A2B3C4D).to_bytes(4, sys.byteorder)


@pytest.mark.real("tshark")
def test_wireshark_shows_ipx_at_once(tmp_path: Path) -> None:
    path = tmp_path / "recorded.pcapng"
    stream = io.BytesIO()
    recorded(stream)
    path.write_bytes(stream.getvalue())
    assert tshark(path, "-Y", "_ws.malformed || _ws.expert.severity >= error") == ""
    assert fields(path, "frame.interface_name", "frame.comment", "ipx.src", "ipxrip.packet_type") == [
        ("dosbox", f"in dosbox from {PLAYER}", "0000ab12.00001b2c3d4e", ""),
        ("virtual", "out virtual to 192.0.2.7:43981", "0000ab12.00001b2c3d4e", ""),
        ("dosbox", f"in dosbox from {PLAYER}", "0000ab12.00001b2c3d4e", "1"),
        ("dosbox", "out dosbox to all", "0000ab12.00001b2c3d4e", "1"),
    ]
