import io
from pathlib import Path
from typing import Literal

import pytest

from fixtures import netware_server as museum
from fixtures.tshark import fields, tshark
from nwip.capture.pcap import Captured, read_capture
from nwip.capture.pcapng import LinkType, PcapngWriter
from nwip.wire import WireError

NOON = 1_700_000_000_123_456_789


def test_a_written_capture_has_the_octets_of_the_draft() -> None:
    stream = io.BytesIO()
    writer = PcapngWriter(stream, application="nwip")
    writer.add_interface(LinkType.ETHERNET, "lan0")
    writer.write(0, 0x1_0000_0002, b"abcde", comment="hi")
    assert stream.getvalue() == bytes.fromhex(
        "0A0D0D0A 00000028 1A2B3C4D 0001 0000 FFFFFFFFFFFFFFFF"
        "0004 0004 6E776970 0000 0000 00000028"  # application: nwip
        "00000001 00000028 0001 0000 00000000"
        "0002 0004 6C616E30 0009 0001 09000000 0000 0000 00000028"  # name: lan0; nanoseconds
        "00000006 00000034 00000000 00000001 00000002 00000005 00000005 6162636465 000000"
        "0001 0002 68690000 0000 0000 00000034"  # comment: hi
    )


def test_statistics_have_the_octets_of_the_draft_in_either_order() -> None:
    stream = io.BytesIO()
    writer = PcapngWriter(stream, order="little")
    writer.add_interface(LinkType.ETHERNET, "lan0", "dosbox")
    start = len(stream.getvalue())
    writer.write_statistics(0, 0x1_0000_0002, 9, 4)
    assert stream.getvalue()[start:] == bytes.fromhex(
        "05000000 34000000 00000000 01000000 02000000"
        "0400 0800 0900000000000000 0500 0800 0400000000000000 0000 0000 34000000"
    )
    stream.seek(0)
    assert list(read_capture(stream)) == []
    with pytest.raises(ValueError, match="interface 1"):
        writer.write_statistics(1, 0, 0, 0)
    with pytest.raises(WireError):
        writer.write_statistics(0, 0, 1 << 64, 0)


def test_what_is_written_is_read_back() -> None:
    stream = io.BytesIO()
    writer = PcapngWriter(stream)
    lan = writer.add_interface(LinkType.ETHERNET, "lan0")
    data = writer.add_interface(LinkType.RAW_IP, "data")
    assert (lan, data) == (0, 1)
    written = [
        Captured(NOON, LinkType.ETHERNET, museum.RIP_BROADCAST, "lan0"),
        Captured(NOON + 1, LinkType.RAW_IP, b"E", "data", "naïve"),
        Captured((1 << 64) - 1, LinkType.ETHERNET, b"", "lan0", "said"),
    ]
    for packet in written:
        interface = [lan, data][packet.link_type != LinkType.ETHERNET]
        writer.write(interface, packet.timestamp, packet.octets, packet.comment)
    stream.seek(0)
    assert list(read_capture(stream)) == written


def test_packets_need_an_interface_and_a_time_that_fits() -> None:
    writer = PcapngWriter(io.BytesIO())
    with pytest.raises(ValueError, match="interface 0"):
        writer.write(0, NOON, b"")
    writer.add_interface(LinkType.ETHERNET, "lan0")
    with pytest.raises(ValueError, match="interface -1"):
        writer.write(-1, NOON, b"")
    for timestamp in (-1, 1 << 64):
        with pytest.raises(WireError):
            writer.write(0, timestamp, b"")
    with pytest.raises(WireError, match="option"):
        writer.write(0, NOON, b"", comment="x" * 65536)


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.real("tshark")
def test_tshark_reads_names_times_and_comments(order: Literal["big", "little"], tmp_path: Path) -> None:
    capture = tmp_path / "own.pcapng"
    with capture.open("wb") as stream:
        writer = PcapngWriter(stream, order=order)
        lan = writer.add_interface(LinkType.ETHERNET, "lan0")
        wan = writer.add_interface(LinkType.ETHERNET, "wan")
        writer.write(lan, NOON, museum.RIP_BROADCAST, comment="naïve")
        writer.write(wan, NOON + 1, museum.SAP_BROADCAST)
        writer.write_statistics(lan, NOON + 2, 3, 2)
    assert fields(capture, "frame.interface_name", "frame.time_epoch", "frame.comment", "frame.len") == [
        ("lan0", "1700000000.123456789", "naïve", "60"),
        ("wan", "1700000000.123456790", "", "177"),
    ]
    assert tshark(capture, "-Y", "_ws.malformed") == ""
