"""The header fields of a whole batch, by column: which packets need a closer look, and what is changed.

Fast path. A column is one slice of the arena's buffer: the same octet of every header. Columns that are as
they should be, nearly all, cost one comparison for the batch; only in others it is asked which packet it was.
"""

from collections.abc import Iterable
from itertools import compress
from typing import Final

from nwip.dataplane.arena import SLOTS, STRIDE
from nwip.dataplane.pings import ECHO_LOW
from nwip.ipx.packet import (
    DESTINATION_OFFSET,
    DESTINATION_SOCKET_OFFSET,
    HEADER_SIZE,
    LENGTH_OFFSET,
    SOURCE_OFFSET,
    TRANSPORT_CONTROL_OFFSET,
)

NETWORK_SIZE: Final = 4
THIS_NETWORK: Final = bytes(NETWORK_SIZE)

_NO_CHECKSUM: Final = [b"\xff" * count for count in range(SLOTS + 1)]  # an octet of so many packets
_ZERO: Final = [bytes(count) for count in range(SLOTS + 1)]
_NETWORKS: Final = [
    (start + index, index) for start in (DESTINATION_OFFSET, SOURCE_OFFSET) for index in range(NETWORK_SIZE)
]
_RAISED: Final = bytes(min(hops + 1, 255) for hops in range(256))
_NOT_SHORT: Final = bytes(range(HEADER_SIZE, 256))  # low octets of lengths that are enough by themselves
_BELOW: Final = [bytes(range(limit)) for limit in range(257)]


def are_equal(high: bytearray, low: bytearray) -> bool:
    """Say whether all of such lengths are the same."""
    return high.count(high[0]) == len(high) == low.count(low[0])


def filled(address: bytes, network: bytes) -> bytes:
    """Return an address with a network number where it says "this network"."""
    return network + address[NETWORK_SIZE:] if address.startswith(THIS_NETWORK) else address


def octets_of(high: bytearray, low: bytearray, maximum: int) -> int:
    """Return how many octets packets of such lengths have in all, 0 if one is too short or over `maximum`."""
    count = len(high)
    if are_equal(high, low):
        length = high[0] << 8 | low[0]
        return length * count if HEADER_SIZE <= length <= maximum else 0
    if high.translate(None, _BELOW[maximum >> 8]) or (0 in high and low.translate(None, _NOT_SHORT)):
        lengths = [first << 8 | second for first, second in zip(high, low, strict=True)]
        if min(lengths) < HEADER_SIZE or max(lengths) > maximum:
            return 0
    return (sum(high) << 8) + sum(low)


def are_sound(buffer: bytearray, high: bytearray, low: bytearray, hop_limit: int) -> bool:
    """Say whether all are without checksum, right in length, under `hop_limit` hops, and no pings."""
    count = len(high)
    end = count * STRIDE
    return (
        buffer[0:end:STRIDE] == _NO_CHECKSUM[count]
        and buffer[1:end:STRIDE] == _NO_CHECKSUM[count]
        and buffer[LENGTH_OFFSET:end:STRIDE] == high
        and buffer[LENGTH_OFFSET + 1 : end : STRIDE] == low
        and not buffer[TRANSPORT_CONTROL_OFFSET:end:STRIDE].translate(None, _BELOW[hop_limit])
        and ECHO_LOW not in buffer[DESTINATION_SOCKET_OFFSET + 1 : end : STRIDE]
    )


def unsound(buffer: bytearray, high: bytearray, low: bytearray, hop_limit: int, maximum: int) -> set[int]:
    """Return the slots of packets that `are_sound` or `octets_of` would mind, but for mere pings."""
    count = len(high)
    end = count * STRIDE
    columns = (
        (buffer[0:end:STRIDE], _NO_CHECKSUM[count]),
        (buffer[1:end:STRIDE], _NO_CHECKSUM[count]),
        (buffer[LENGTH_OFFSET:end:STRIDE], high),
        (buffer[LENGTH_OFFSET + 1 : end : STRIDE], low),
    )
    odd: set[int] = set()
    for column, right in columns:
        if column != right:
            differ = int.from_bytes(column, "little") ^ int.from_bytes(right, "little")
            odd.update(compress(range(count), differ.to_bytes(count, "little")))
    if not octets_of(high, low, maximum):
        sizes = enumerate(zip(high, low, strict=True))
        odd.update(slot for slot, (a, b) in sizes if not HEADER_SIZE <= a << 8 | b <= maximum)
    hops = buffer[TRANSPORT_CONTROL_OFFSET:end:STRIDE]
    if hops.translate(None, _BELOW[hop_limit]):
        odd.update(slot for slot in range(count) if hops[slot] >= hop_limit)
    return odd


def raise_hops(buffer: bytearray, count: int) -> None:
    """Raise the transport control of all packets."""
    column = slice(TRANSPORT_CONTROL_OFFSET, count * STRIDE, STRIDE)
    buffer[column] = buffer[column].translate(_RAISED)


def raise_hops_besides(buffer: bytearray, count: int, besides: Iterable[int]) -> None:
    """Raise the transport control of all packets but some."""
    column = slice(TRANSPORT_CONTROL_OFFSET, count * STRIDE, STRIDE)
    hops = buffer[column]
    raised = hops.translate(_RAISED)
    for slot in besides:
        raised[slot] = hops[slot]
    buffer[column] = raised


def are_of_this_network(buffer: bytearray, count: int) -> bool:
    """Say whether all packets say "this network", 0, of their source and their destination."""
    end, zero = count * STRIDE, _ZERO[count]
    for offset, _ in _NETWORKS:  # noqa: SIM110 - a generator costs more than the columns
        if buffer[offset:end:STRIDE] != zero:
            return False
    return True


def have_this_network(buffer: bytearray, count: int) -> bool:
    """Say whether some packets may say "this network"; for certain when they all do not.

    Numbers of networks have zeros in them, the last octets the fewest: one that is nowhere zero is enough.
    """
    end = count * STRIDE
    for start in (DESTINATION_OFFSET, SOURCE_OFFSET):
        for offset in range(start + NETWORK_SIZE - 1, start - 1, -1):
            if 0 not in buffer[offset:end:STRIDE]:
                break
        else:
            return True
    return False


def fill_networks(buffer: bytearray, count: int, network: bytes) -> None:
    """Write a network number into the sources and destinations of all packets."""
    end = count * STRIDE
    for offset, index in _NETWORKS:
        buffer[offset:end:STRIDE] = network[index : index + 1] * count


def fill_networks_of(buffer: bytearray, slots: Iterable[int], network: bytes) -> None:
    """Write a network number where some packets say "this network"."""
    for slot in slots:
        for offset in (DESTINATION_OFFSET, SOURCE_OFFSET):
            at = slot * STRIDE + offset
            if buffer[at : at + NETWORK_SIZE] == THIS_NETWORK:
                buffer[at : at + NETWORK_SIZE] = network
