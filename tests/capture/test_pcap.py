import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.capture.pcap import LARGEST_BLOCK, LARGEST_PACKET, MAXIMUM_INTERFACES, Captured, read_capture
from nwip.wire import WireError

ORDERS = [">", "<"]
SECOND = 1_000_000_000


def pcap(order: str, magic: int, *packets: tuple[int, int, bytes]) -> bytes:
    """Build a pcap file of Ethernet by the draft's table."""
    octets = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    for seconds, fraction, data in packets:
        octets += struct.pack(f"{order}IIII", seconds, fraction, len(data), len(data)) + data
    return octets


def block(order: str, kind: int, body: bytes) -> bytes:
    """Build a block of pcapng."""
    size = len(body) + 12
    return struct.pack(f"{order}II", kind, size) + body + struct.pack(f"{order}I", size)


def section(order: str) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str, link_type: int = 1, snapshot: int = 0, options: bytes = b"") -> bytes:
    return block(order, 1, struct.pack(f"{order}HHI", link_type, 0, snapshot) + options)


def option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def enhanced(order: str, number: int, timestamp: int, data: bytes) -> bytes:
    head = struct.pack(f"{order}IIIII", number, timestamp >> 32, timestamp & 0xFFFFFFFF, len(data), len(data))
    return block(order, 6, head + data + bytes(-len(data) % 4))


def read(octets: bytes) -> list[Captured]:
    return list(read_capture(io.BytesIO(octets)))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("magic", "unit"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_pcap_of_either_order_and_resolution_is_read(order: str, magic: int, unit: int) -> None:
    octets = pcap(order, magic, (5, 7, b"first"), (6, 0, b""))
    assert read(octets) == [Captured(5 * SECOND + 7 * unit, 1, b"first"), Captured(6 * SECOND, 1, b"")]


@pytest.mark.parametrize("order", ORDERS)
def test_pcapng_of_either_order_is_read(order: str) -> None:
    end = option(order, 0, b"")
    nanoseconds = option(order, 9, b"\x09") + end
    binary = option(order, 9, b"\x81") + option(order, 14, struct.pack(f"{order}q", 100)) + end
    octets = (
        section(order)
        + interface(order)
        + interface(order, 101, options=nanoseconds)
        + interface(order, options=binary)
        + block(order, 5, bytes(12))  # statistics: skipped
        + enhanced(order, 0, 3, b"microseconds")
        + enhanced(order, 1, 3, b"nano")
        + enhanced(order, 2, 3, b"halves")
        + block(order, 2, struct.pack(f"{order}HHIIII", 0, 0, 0, 4, 3, 3) + b"old\0")
        + block(order, 3, struct.pack(f"{order}I", 6) + b"simple\0\0")
    )
    assert read(octets) == [
        Captured(3000, 1, b"microseconds"),
        Captured(3, 101, b"nano"),
        Captured(100 * SECOND + 3 * SECOND // 2, 1, b"halves"),
        Captured(4000, 1, b"old"),
        Captured(0, 1, b"simple"),
    ]


def test_each_section_has_its_own_order_and_interfaces() -> None:
    octets = section("<") + interface("<", 101) + enhanced("<", 0, 0, b"a")
    octets += section(">") + interface(">", 1) + enhanced(">", 0, 0, b"b")
    assert [(packet.link_type, packet.octets) for packet in read(octets)] == [(101, b"a"), (1, b"b")]
    with pytest.raises(WireError, match="interface 0"):
        read(section("<") + interface("<") + section("<") + enhanced("<", 0, 0, b"a"))


@pytest.mark.parametrize("order", ORDERS)
def test_names_of_interfaces_and_comments_are_read(order: str) -> None:
    named = interface(order, options=option(order, 2, b"eth0\0") + option(order, 0, b""))
    comments = option(order, 1, b"one") + option(order, 2, b"four") + option(order, 1, b"\xfftwo")
    head = struct.pack(f"{order}IIIII", 0, 0, 0, 1, 1) + b"x\0\0\0"
    octets = section(order) + named + block(order, 6, head + comments)
    assert read(octets) == [Captured(0, 1, b"x", "eth0", "one\n\ufffdtwo")]


def test_a_simple_packet_is_cut_to_the_snapshot() -> None:
    octets = section("<") + interface("<", snapshot=4) + block("<", 3, struct.pack("<I", 900) + b"four")
    assert read(octets) == [Captured(0, 1, b"four")]


WHOLE_FILES = [
    pcap("<", 0xA1B2C3D4, (1, 2, b"abc"), (3, 4, b"defg")),
    section("<") + interface("<", options=option("<", 9, b"\x06")) + enhanced("<", 0, 1, b"abc"),
    section(">") + interface(">") + block(">", 3, struct.pack(">I", 4) + b"four"),
]


@pytest.mark.parametrize("whole", WHOLE_FILES)
def test_a_truncated_file_is_a_wire_error_but_between_packets(whole: bytes) -> None:
    packets = read(whole)
    between = 0
    for size in range(len(whole)):
        try:
            part = read(whole[:size])
        except WireError:
            continue
        assert part == packets[: len(part)]
        between += 1
    assert between == 2


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "4 octets too early"),
        (b"GIF89a", "neither pcap nor pcapng"),
        (bytes.fromhex("0A0D0D0A 0000001C 00000000"), "byte order"),
        (pcap("<", 0xA1B2C3D4) + struct.pack("<IIII", 0, 0, LARGEST_PACKET + 1, 0), "is beyond"),
        (section("<") + struct.pack("<II", 5, 8), "multiple of four"),
        (section("<") + struct.pack("<II", 5, 13), "multiple of four"),
        (section("<") + struct.pack("<II", 5, LARGEST_BLOCK + 4), "multiple of four"),
        (section("<") + struct.pack("<III", 5, 12, 16), "another size"),
        (section("<") + enhanced("<", 0, 0, b""), "interface 0"),
        (section("<") + block("<", 3, bytes(4)), "interface 0"),
        (section("<") + interface("<") + block("<", 6, bytes(16)), "too few"),
        (
            section("<") + interface("<") + block("<", 6, struct.pack("<IIIII", 0, 0, 0, 5, 5)),
            "beyond its block",
        ),
        (section("<") + interface("<") * (MAXIMUM_INTERFACES + 1), "more than 4096 interfaces"),
        (section("<") + interface("<", options=struct.pack("<HH", 2, 9) + b"name"), "beyond its block"),
        (section("<") + interface("<", options=option("<", 9, b"")), "too few"),
        (section("<") + interface("<", options=option("<", 14, b"four")), "too few"),
    ],
)
def test_a_malformed_file_is_a_wire_error_with_its_reason(octets: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        read(octets)


def test_what_came_before_an_error_has_been_yielded() -> None:
    packets = read_capture(io.BytesIO(pcap("<", 0xA1B2C3D4, (1, 2, b"abc")) + b"rubbish"))
    assert next(packets).octets == b"abc"
    with pytest.raises(WireError):
        next(packets)


@given(st.sampled_from(WHOLE_FILES), st.data())
def test_damaged_files_are_refused_or_read(whole: bytes, data: st.DataObject) -> None:
    damaged = bytearray(whole)
    for position in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        damaged[position] = data.draw(st.integers(0, 255))
    try:
        read(bytes(damaged))
    except WireError:
        return


@given(st.sampled_from([b"", section("<"), section("<") + interface("<")]), st.binary(max_size=200))
def test_any_octets_are_refused_or_read(start: bytes, anything: bytes) -> None:
    try:
        read(start + anything)
    except WireError:
        return
