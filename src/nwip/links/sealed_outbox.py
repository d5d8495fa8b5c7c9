"""Seals packets that lie in slots of memory, and sends what comes of a batch with one call.

Fast path. To `dataplane/batches.py` it is an outbox as any other, whose addresses are those under which the
peers are registered. Each packet is sealed from its slot into another one, behind its head; equal ones to one
peer leave as one message, which the kernel cuts.
"""

import ctypes
from collections.abc import Callable, Sequence
from typing import Final

from nwip.dataplane.arena import SLOTS, STRIDE, address_of
from nwip.dataplane.batched import BatchedPort
from nwip.dataplane.groups import LARGEST_PACKET, Groups
from nwip.dataplane.headers import are_equal
from nwip.dataplane.outbox import Outbox
from nwip.dataplane.sockaddr import name_of
from nwip.dataplane.views import Views
from nwip.security.sealed.framing import DATA_HEADER_SIZE, DATA_OVERHEAD
from nwip.security.sealed.outgoing import Ready

_WORD: Final = 8  # octets: a head has two
_STEP: Final = STRIDE // _WORD

Lengths = int | list[int]
"""The lengths of packets; one, if it is the same for all."""

Seal = Callable[[bytes, Sequence[memoryview], Lengths], None]
"""Called with a peer's address, packets for it, and their lengths."""


class SealedOutbox(Outbox):
    """Packets in slots from `base` on; `seal` is called with those of each peer, and then `send`."""

    def __init__(self, base: int, name_size: int, seal: Seal, send: Callable[[], None]) -> None:
        self._name_size = name_size
        self._seal = seal
        self._send = send
        memory = (ctypes.c_char * (SLOTS * STRIDE)).from_address(base)
        self._views = Views(memoryview(memory).cast("B"))
        self._slots: Sequence[int] = range(SLOTS)
        self._high = self._low = bytearray()

    def pick(self, slots: "range | list[int]", lengths: list[int]) -> None:
        """Let message i send the i-th of these slots, so many octets of it."""
        self._slots = slots
        self._high = bytearray(length >> 8 for length in lengths)
        self._low = bytearray(length & 0xFF for length in lengths)

    def leave_out(self, slots: Sequence[int], count: int) -> None:
        """Let the messages send the first `count` slots without some, in order; then set their lengths."""
        out = set(slots)
        self._slots = [slot for slot in range(count) if slot not in out]

    def set_lengths(self, high: bytearray, low: bytearray) -> None:
        """Say how long the messages from the first on are: the high and the low octets of their lengths."""
        self._high, self._low = high, low

    def send(self, descriptor: int, names: bytes, count: int) -> int:  # noqa: ARG002 - by whoever seals
        """Send the first `count` messages, each to the peer whose address is in `names`.

        Returns 0: what is refused is no packet of theirs any more, and counted where it is sent.
        """
        plains, lengths = self._packets(count)
        size = self._name_size
        first = names[:size]
        if names == first * count:
            self._seal(first, plains, lengths)
        else:
            messages_of: dict[bytes, list[int]] = {}
            for index in range(count):
                messages_of.setdefault(names[index * size : (index + 1) * size], []).append(index)
            for name, messages in messages_of.items():
                theirs = lengths if isinstance(lengths, int) else [lengths[each] for each in messages]
                self._seal(name, [plains[each] for each in messages], theirs)
        self._send()
        return 0

    def _packets(self, count: int) -> tuple[list[memoryview], Lengths]:
        high, low, slots = self._high, self._low, self._slots
        if are_equal(high, low):
            length = high[0] << 8 | low[0]
            if isinstance(slots, range):
                return self._views.alike(slots.start, count, length), length
            return self._views.each(slots[:count], [length] * count), length
        lengths = [first << 8 | second for first, second in zip(high, low, strict=True)]
        return self._views.each(slots[:count], lengths), lengths


class Mail:
    """Sealed datagrams, each in a slot of its own, until they are sent by `port`."""

    def __init__(self, port: BatchedPort) -> None:
        self._port = port
        self._memory = bytearray(SLOTS * STRIDE)
        self._words = memoryview(self._memory).cast("Q")
        self._views = Views(memoryview(self._memory), DATA_HEADER_SIZE)
        self._outbox = port.outbox(address_of(self._memory))
        self._groups = Groups(self._outbox, port.name_size) if port.takes_groups else None
        self._places: list[bytes] = []
        self._high, self._low = bytearray(), bytearray()

    def seal(self, ready: Ready, plains: Sequence[memoryview], lengths: Lengths) -> bool:
        """Seal at most `SLOTS` packets in all; False if the peer's address is of another family."""
        name = name_of(ready.endpoint)
        if len(name) != self._port.name_size:
            return False
        first, count = len(self._high), len(plains)
        if isinstance(lengths, int):
            size = lengths + DATA_OVERHEAD
            rooms = self._views.alike(first, count, size - DATA_HEADER_SIZE)
            self._high += bytes([size >> 8]) * count
            self._low += bytes([size & 0xFF]) * count
        else:
            sizes = [length + DATA_OVERHEAD for length in lengths]
            inner = [size - DATA_HEADER_SIZE for size in sizes]
            rooms = self._views.each(range(first, first + count), inner)
            self._high += bytes([size >> 8 for size in sizes])
            self._low += bytes([size & 0xFF for size in sizes])
        heads = memoryview(ready.session.seal_into(plains, rooms)).cast("Q")
        at, end = first * _STEP, (first + count) * _STEP
        self._words[at:end:_STEP] = heads[::2]
        self._words[at + 1 : end : _STEP] = heads[1::2]
        self._places += [name] * count
        return True

    def send(self) -> int:
        """Send them all, once; return how many the kernel refused."""
        places, high, low = self._places, self._high, self._low
        if not places:
            return 0
        self._places, self._high, self._low = [], bytearray(), bytearray()
        descriptor, groups = self._port.fileno(), self._groups
        count, size = len(places), high[0] << 8 | low[0]
        self._outbox.set_lengths(high, low)
        if groups is None or count == 1 or size > LARGEST_PACKET or not are_equal(high, low):
            return self._outbox.send(descriptor, b"".join(places), count)
        first = places[0]
        is_one = places.count(first) == count
        if not groups.refused.isdisjoint(places[:1] if is_one else places):
            return self._outbox.send(descriptor, b"".join(places), count)
        if is_one:
            return groups.send_to_one(descriptor, first, count, size)
        return groups.send_by_place(descriptor, places, size)
