import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.codecs import addresses, octets, words
from nwip.ipx.address import Address
from nwip.ipx.packet import HEADER_SIZE, NO_CHECKSUM, Packet, checksum_is_valid, compute_checksum
from nwip.wire import WireError

EXAMPLE = bytes.fromhex(
    "FFFF 0022 03 11"  # no checksum, 34 octets, three routers, type NCP
    "2E5A0001 000000000001 0451"  # destination
    "0000AB12 0080C7A1B2C3 4003"  # source
    "DEADBEEF"
)

packets = st.builds(
    Packet,
    destination=addresses,
    source=addresses,
    packet_type=octets,
    payload=st.binary(max_size=64),
    transport_control=octets,
    checksum=words,
)


def checksum_as_linux_computed_it(packet: bytes) -> int:
    """Do as `ipx_cksum` of Linux 4.17 did, step by step and on words of network order.

    Its steps: word 1; word 2 without its high octet; all whole words that follow; of an odd length the last
    octet as a high octet; one fold of the carry and one more; complement unless the sum is 0.
    """

    def word(number: int) -> int:
        return packet[2 * number] << 8 | packet[2 * number + 1]

    length = len(packet)
    total = word(1) + (word(2) & 0x00FF)
    for number in range(3, length >> 1):
        total += word(number)
    if length & 1:
        total += packet[-1] << 8
    total = (total & 0xFFFF) + (total >> 16)
    if total >= 0x10000:
        total += 1
    return ~total & 0xFFFF if total & 0xFFFF else 0


def test_a_packet_is_read_by_its_table() -> None:
    packet = Packet.decode(EXAMPLE)
    assert packet == Packet(
        destination=Address(0x2E5A0001, bytes.fromhex("000000000001"), 0x0451),
        source=Address(0xAB12, bytes.fromhex("0080C7A1B2C3"), 0x4003),
        packet_type=0x11,
        payload=b"\xde\xad\xbe\xef",
        transport_control=3,
        checksum=NO_CHECKSUM,
    )
    assert packet.encode() == EXAMPLE


@given(packets)
def test_packets_survive_the_wire(packet: Packet) -> None:
    assert Packet.decode(packet.encode()) == packet


@pytest.mark.parametrize("size", range(len(EXAMPLE)))
def test_a_truncated_packet_is_a_wire_error(size: int) -> None:
    with pytest.raises(WireError):
        Packet.decode(EXAMPLE[:size])


def test_padding_behind_the_length_is_left_out() -> None:
    assert Packet.decode(EXAMPLE + b"padding") == Packet.decode(EXAMPLE)


@pytest.mark.parametrize("length", [0, 3, 4, HEADER_SIZE - 1])
def test_a_length_below_the_header_is_a_wire_error(length: int) -> None:
    with pytest.raises(WireError, match="length field"):
        Packet.decode(EXAMPLE[:2] + length.to_bytes(2, "big") + EXAMPLE[4:])


@given(st.binary(max_size=80))
def test_any_octets_are_refused_or_a_packet(anything: bytes) -> None:
    try:
        packet = Packet.decode(anything)
    except WireError:
        return
    assert anything.startswith(packet.encode())


@pytest.mark.parametrize("field", [{"packet_type": 256}, {"transport_control": -1}, {"checksum": 65536}])
def test_a_field_that_does_not_fit_is_a_wire_error(field: dict[str, int]) -> None:
    packet = Packet.decode(EXAMPLE)._replace(**field)  # type: ignore[arg-type]  # all three are integers
    with pytest.raises(WireError):
        packet.encode()


def test_a_checksum_worked_out_by_hand() -> None:
    # The words: 001F 0001, 0000 0001 0000 0000 0002 0004, 0000 0003 0000 0000 0005 0006, 41 as 4100.
    # 001F + 0001 + 0001 + 0002 + 0004 + 0003 + 0005 + 0006 + 4100 = 4135, whose complement is BECA.
    packet = Packet(
        destination=Address(1, bytes.fromhex("000000000002"), 4),
        source=Address(3, bytes.fromhex("000000000005"), 6),
        packet_type=1,
        payload=b"A",
    )
    assert packet.with_checksum().checksum == 0xBECA


@given(packets)
def test_checksums_are_those_of_linux(packet: Packet) -> None:
    whole = packet.encode()
    assert compute_checksum(whole) == checksum_as_linux_computed_it(whole)


@given(packets, octets)
def test_a_router_need_not_compute_the_checksum_again(packet: Packet, hops: int) -> None:
    summed = packet.with_checksum()
    assert checksum_is_valid(summed._replace(transport_control=hops).encode())
    assert summed.checksum != NO_CHECKSUM


def test_a_changed_octet_makes_the_checksum_wrong() -> None:
    whole = Packet.decode(EXAMPLE).with_checksum().encode()
    for position in (3, *range(5, len(whole))):
        changed = bytearray(whole)
        changed[position] ^= 0x10
        assert not checksum_is_valid(bytes(changed)), position


def test_no_checksum_is_valid() -> None:
    assert checksum_is_valid(EXAMPLE)
