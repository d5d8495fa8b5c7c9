"""Sends packets that lie in slots of memory as Ethernet frames, many with one call.

Fast path. The kernel gathers each frame from its parts, so no packet is copied here: the destination, the
sender, the rest of the header, the packet in its slot, and padding to 60 octets where it is short.
"""

import ctypes
from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from struct import Struct
from typing import Final

from nwip.dataplane.arena import IOVEC, SLOTS, STRIDE, address_of, headers
from nwip.dataplane.frames import SHAPES
from nwip.dataplane.frames_lanes import columns, lanes, same
from nwip.dataplane.outbox import LENGTH_HIGH, LENGTH_LOW, WORDS, Outbox
from nwip.ipx.frames import MAC_SIZE, MINIMUM_FRAME, FrameType
from nwip.ipx.packet import SOURCE_NODE_OFFSET

_PARTS: Final = 5  # destination, sender, rest, packet, padding
_MESSAGE: Final = _PARTS * IOVEC
_PACKET: Final = 3 * IOVEC
_PADDING: Final = 4 * IOVEC
_NODE: Final = f"{SOURCE_NODE_OFFSET}x{MAC_SIZE}s{STRIDE - SOURCE_NODE_OFFSET - MAC_SIZE}x"
_NODES: Final = [Struct("=" + _NODE * count) for count in range(SLOTS + 1)]


class FrameOutbox(Outbox):
    """Frames of one type to MAC addresses, from `sender`; None: from the source node of each packet.

    `sending` is called with the senders whenever frames go out.
    """

    def __init__(
        self,
        base: int,
        frame_type: FrameType,
        sender: bytes | None,
        sending: Callable[[Collection[bytes]], None],
    ) -> None:
        shape = self._shape = SHAPES[frame_type]
        self._sending = sending
        self._sender = None if sender is None else bytearray(sender)
        self._senders = None if sender is None else (sender,)
        self._slots: Sequence[int] = range(SLOTS)
        self._memory = (ctypes.c_char * (SLOTS * STRIDE)).from_address(base)
        start = b"\0\0" if shape.counted else b""
        self._rests = bytearray((start + shape.fixed) * SLOTS)
        self._zeros = bytearray(MINIMUM_FRAME)
        self._parts = bytearray(SLOTS * _MESSAGE)
        self._padding = bytes(max(0, MINIMUM_FRAME - shape.header_size - size) for size in range(256))
        super().__init__(base, MAC_SIZE)  # which picks all slots: the parts must be there
        parts = address_of(self._parts)
        for index, header in enumerate(headers(self._messages)):
            header.iov = parts + index * _MESSAGE
            header.iov_length = _PARTS
            header.name = None
            header.name_length = 0

    def pick(self, slots: "range | list[int]", lengths: list[int]) -> None:
        """Let message i send the i-th of these slots, so many octets of it."""
        self._slots = slots
        size, count = self._shape.rest_size, len(slots)
        to, rests = address_of(self._names), address_of(self._rests)
        packets = array(WORDS, [self._base + slot * STRIDE for slot in slots])
        if self._sender is None:
            senders = array(WORDS, [packet + SOURCE_NODE_OFFSET for packet in packets])
        else:
            senders = array(WORDS, [address_of(self._sender)]) * count
        words = array(WORDS, [0]) * (2 * _PARTS * count)
        steps = (
            (array(WORDS, range(to, to + count * MAC_SIZE, MAC_SIZE)), MAC_SIZE),
            (senders, MAC_SIZE),
            (array(WORDS, range(rests, rests + count * size, size)), size),
            (packets, 0),
            (array(WORDS, [address_of(self._zeros)]) * count, 0),
        )
        for part, (bases, length) in enumerate(steps):
            words[2 * part :: 2 * _PARTS] = bases
            words[2 * part + 1 :: 2 * _PARTS] = array(WORDS, [length]) * count
        self._parts[: count * _MESSAGE] = words.tobytes()
        self.set_lengths(
            bytearray(length >> 8 for length in lengths), bytearray(length & 0xFF for length in lengths)
        )

    def set_lengths(self, high: bytearray, low: bytearray) -> None:
        """Say how long the packets from the first on are: the high and the low octets of their lengths."""
        count = len(high)
        parts, end = self._parts, count * _MESSAGE
        parts[_PACKET + LENGTH_HIGH : end : _MESSAGE] = high
        parts[_PACKET + LENGTH_LOW : end : _MESSAGE] = low
        short = high.count(0)
        if short == count:
            padding = bytes(low.translate(self._padding))
        elif short:
            sizes = zip(high, low, strict=True)
            padding = bytes(0 if above else self._padding[octet] for above, octet in sizes)
        else:
            padding = bytes(count)
        parts[_PADDING + LENGTH_LOW : end : _MESSAGE] = padding
        if self._shape.counted:
            self._write_counts(high, low)

    def send(self, descriptor: int, names: bytes, count: int) -> int:
        """Send the first `count` messages, each to its address of `names`; return how many were refused."""
        if self._senders is not None:
            senders: Collection[bytes] = self._senders
        elif isinstance(self._slots, range):
            senders = set(_NODES[count].unpack_from(self._memory))
        else:
            senders = self._sources(range(count))
        self._sending(senders)
        return super().send(descriptor, names, count)

    def leave_out(self, slots: Sequence[int], count: int) -> None:
        """Let the messages send the first `count` slots without some, in order; then set their lengths."""
        out = set(slots)
        kept = [slot for slot in range(count) if slot not in out]
        self.pick(kept, [0] * len(kept))

    def _sources(self, messages: Iterable[int]) -> set[bytes]:
        """Return the source nodes of some messages' packets."""
        first = self._base + SOURCE_NODE_OFFSET
        return {ctypes.string_at(first + self._slots[index] * STRIDE, MAC_SIZE) for index in messages}

    def _write_counts(self, high: bytearray, low: bytearray) -> None:
        """Write what the frames count: the packet, and what of the header is behind the count."""
        size, count = self._shape.rest_size, len(high)
        extra = len(self._shape.fixed)
        first, second = columns(lanes(high, low) + same(extra, count), count) if extra else (high, low)
        self._rests[: size * count : size] = first
        self._rests[1 : size * count : size] = second
