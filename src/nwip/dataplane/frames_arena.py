"""Memory for one batch of Ethernet frames, in which the IPX packets lie as datagrams do in an `Arena`.

Fast path. The kernel scatters each frame: destinations, sources and the rests of the headers have memory of
their own, and the packet begins with its slot. So `batches.py` forwards frames as it forwards datagrams, and
believes a source by the MAC address that sent it. What the link has to look at has the length 0, which fits
no packet.
"""

import ctypes
from collections.abc import Sequence
from struct import Struct
from typing import Final

from nwip.dataplane.arena import IOVEC, SLOTS, STRIDE, Arena, address_of, headers
from nwip.dataplane.frames import LARGEST_FRAME, LONGEST_REST, SHAPES, Shape, Standing
from nwip.dataplane.frames_lanes import are_small, are_within, lanes, same
from nwip.dataplane.headers import NETWORK_SIZE, THIS_NETWORK
from nwip.dataplane.kernel import MSG_DONTWAIT, Iovec, recvmmsg
from nwip.ipx.frames import MAC_SIZE, MAXIMUM_BODY, FrameType
from nwip.ipx.packet import (
    DESTINATION_NODE_OFFSET,
    DESTINATION_OFFSET,
    LENGTH_OFFSET,
    TRANSPORT_CONTROL_OFFSET,
)

MSG_TRUNC: Final = 0x20  # <bits/socket.h>: the length of a frame is told as it was, even if it is cut

_PARTS: Final = 4  # destination, source, rest of the header, packet
_COUNT_SIZE: Final = 14  # octets that the length in a frame does not count
_BEHIND: Final = STRIDE - DESTINATION_OFFSET - NETWORK_SIZE - MAC_SIZE
_DESTINATION: Final = f"{DESTINATION_OFFSET}x{NETWORK_SIZE}s{MAC_SIZE}s{_BEHIND}x"

_Judgement = Sequence[bool] | None
"""Which frames of a batch are as they should be; None: all."""


class FrameArena(Arena):
    """Slots for the frames of a card whose link stands at `standing` on its LAN.

    `names` holds the MAC addresses that sent them. Of a frame that is larger than a slot the end is lost.
    """

    def __init__(self, standing: Standing) -> None:
        super().__init__(MAC_SIZE)
        self._standing = standing
        self._destinations = bytearray(SLOTS * MAC_SIZE)
        self._rests = bytearray(SLOTS * LONGEST_REST)
        self._parts = (Iovec * (SLOTS * _PARTS))()
        self._judged: tuple[bytearray, bytearray] | None = None
        for index, header in enumerate(headers(self._messages)):
            header.iov = ctypes.addressof(self._parts) + index * _PARTS * IOVEC
            header.iov_length = _PARTS
            header.name = None
            header.name_length = 0
        self.expect(FrameType.ETHERNET_II)

    def expect(self, frame_type: FrameType) -> None:
        """Lay memory out for frames of a type, from the next batch on; others are only to be looked at."""
        self._shape: Shape = SHAPES[frame_type]
        size = self._size = self._shape.rest_size
        memory = (
            (address_of(self._destinations), MAC_SIZE),
            (address_of(self.names), MAC_SIZE),
            (address_of(self._rests), size),
        )
        for index in range(SLOTS):
            for part, (base, length) in enumerate(memory, start=index * _PARTS):
                self._parts[part] = Iovec(base + index * length, length)
            self._parts[index * _PARTS + 3] = Iovec(self.base + index * STRIDE, STRIDE)

    def receive(self, descriptor: int, most: int = SLOTS) -> int:
        """Take what waits, at most so many frames; return how many, -1 when the kernel says why not."""
        self._judged = None
        return recvmmsg(descriptor, self._pointer, most, MSG_DONTWAIT | MSG_TRUNC, None)

    def lengths(self, count: int) -> tuple[bytearray, bytearray]:
        """Return the high and the low octets of the packets' lengths, of which the frames may be longer.

        A packet that the link has to look at has 0: its frame is not for us, or not as it should be.
        """
        if self._judged is None:
            self._judged = self._judge(count)
        return self._judged

    def datagram(self, index: int) -> bytes:
        """Return a copy of one whole frame; zeros stand for what did not fit its slot."""
        high, low = super().lengths(index + 1)
        length = min(high[index] << 8 | low[index], LARGEST_FRAME)
        size, at = self._size, index * STRIDE
        kept = b"".join(
            (
                self._destinations[index * MAC_SIZE : (index + 1) * MAC_SIZE],
                self.names[index * MAC_SIZE : (index + 1) * MAC_SIZE],
                self._rests[index * size : (index + 1) * size],
                self.buffer[at : at + min(length, STRIDE)],
            )
        )
        return kept[:length].ljust(length, b"\0")

    def _judge(self, count: int) -> tuple[bytearray, bytearray]:
        end = count * STRIDE
        high, low = self.buffer[LENGTH_OFFSET:end:STRIDE], self.buffer[LENGTH_OFFSET + 1 : end : STRIDE]
        judgements = (
            self._are_for_us(count),
            self._are_of_the_type(count),
            self._hold_their_packets(high, low, count),
            self._have_passed_no_router(count) if self._standing.joined else None,
        )
        if flawed := [judgement for judgement in judgements if judgement is not None]:
            right = [*map(all, zip(*flawed, strict=True))]
            high = bytearray(octet * good for octet, good in zip(high, right, strict=True))
            low = bytearray(octet * good for octet, good in zip(low, right, strict=True))
        return high, low

    def _are_for_us(self, count: int) -> _Judgement:
        """Judge by the destinations of the frames: see `links/lan/ingress.py`."""
        here = self._standing
        octets = self._destinations[: count * MAC_SIZE]
        if octets in (here.node * count, here.station * count):
            return None
        to = Struct(f"{MAC_SIZE}s" * count).unpack(octets)
        ours = (here.node, here.station)
        if not here.joined:
            return [mac in ours for mac in to]
        if self._are_for_hosts(octets, count):
            return None
        networks = (THIS_NETWORK, here.network_octets)
        fields = Struct("=" + _DESTINATION * count).unpack_from(self.buffer)
        return [
            mac in ours or (mac == node and network in networks)
            for mac, network, node in zip(to, fields[::2], fields[1::2], strict=True)
        ]

    def _are_for_hosts(self, octets: bytearray, count: int) -> bool:
        """Say whether each frame was sent to the node that its packet is for, on this network."""
        buffer, end = self.buffer, count * STRIDE
        for index in range(MAC_SIZE):
            if octets[index::MAC_SIZE] != buffer[DESTINATION_NODE_OFFSET + index : end : STRIDE]:
                return False
        networks = {bytes(buffer[at : at + NETWORK_SIZE]) for at in range(DESTINATION_OFFSET, end, STRIDE)}
        return networks <= {THIS_NETWORK, self._standing.network_octets}

    def _are_of_the_type(self, count: int) -> _Judgement:
        size, fixed = self._size, self._shape.fixed
        if self._rests.startswith(fixed * count) and not self._shape.counted:
            return None
        start = size - len(fixed)
        for index, octet in enumerate(fixed, start):
            if self._rests[index : size * count : size] != bytes([octet]) * count:
                return [self._rests[at + start : at + size] == fixed for at in range(0, size * count, size)]
        return None

    def _hold_their_packets(self, high: bytearray, low: bytearray, count: int) -> _Judgement:
        """Judge by the lengths: of the packet, of the frame, and of what the frame says that it counts."""
        size = self._size
        columns = [high, low, *super().lengths(count)]
        if self._shape.counted:
            columns += [self._rests[: size * count : size], self._rests[1 : size * count : size]]
        if self._all_hold_their_packets(columns):
            return None
        slots = ([bytearray([octet]) for octet in octets] for octets in zip(*columns, strict=True))
        return [self._all_hold_their_packets(slot) for slot in slots]

    def _all_hold_their_packets(self, columns: list[bytearray]) -> bool:
        """Say whether all packets end where they may; False, too, if any length is not below 32768."""
        count = len(columns[0])
        packets, frames = lanes(columns[0], columns[1]), lanes(columns[2], columns[3])
        ends = packets + same(self._shape.header_size, count)
        if not self._shape.counted:
            return are_small(packets | ends | frames, count) and are_within(ends, frames, count)
        counts = lanes(columns[4], columns[5])
        counted = counts + same(_COUNT_SIZE, count)
        return (
            are_small(packets | ends | frames | counts | counted, count)
            and are_within(counts, same(MAXIMUM_BODY, count), count)
            and are_within(ends, counted, count)
            and are_within(counted, frames, count)
        )

    def _have_passed_no_router(self, count: int) -> _Judgement:
        hops = self.buffer[TRANSPORT_CONTROL_OFFSET : count * STRIDE : STRIDE]
        return None if hops.count(0) == count else [not octet for octet in hops]
