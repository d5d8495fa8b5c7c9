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

Seal = Callable[[bytes, Sequence[memoryview], Sequence[int]], None]
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
                self._seal(name, [plains[each] for each in messages], [lengths[each] for each in messages])
        self._send()
        return 0

    def _packets(self, count: int) -> tuple[list[memoryview], list[int]]:
        high, low, slots = self._high, self._low, self._slots
        if isinstance(slots, range) and are_equal(high, low):
            length = high[0] << 8 | low[0]
            return self._views.alike(slots.start, count, length), [length] * count
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
        self._names: list[bytes] = []
        self._lengths: list[int] = []

    def seal(self, ready: Ready, plains: Sequence[memoryview], lengths: Sequence[int]) -> bool:
        """Seal at most `SLOTS` packets in all; False if the peer's address is of another family."""
        name = name_of(ready.endpoint)
        if len(name) != self._port.name_size:
            return False
        first, count = len(self._lengths), len(plains)
        sealed = [length + DATA_OVERHEAD for length in lengths]
        if sealed.count(sealed[0]) == count:
            rooms = self._views.alike(first, count, sealed[0] - DATA_HEADER_SIZE)
        else:
            slots = range(first, first + count)
            rooms = self._views.each(slots, [length - DATA_HEADER_SIZE for length in sealed])
        heads = memoryview(ready.session.seal_into(plains, rooms)).cast("Q")
        at, end = first * _STEP, (first + count) * _STEP
        self._words[at:end:_STEP] = heads[::2]
        self._words[at + 1 : end : _STEP] = heads[1::2]
        self._names += [name] * count
        self._lengths += sealed
        return True

    def send(self) -> int:
        """Send them all, once; return how many the kernel refused."""
        names, lengths = self._names, self._lengths
        if not names:
            return 0
        self._names, self._lengths = [], []
        descriptor, count, length = self._port.fileno(), len(names), lengths[0]
        self._outbox.set_lengths(
            bytearray([each >> 8 for each in lengths]), bytearray([each & 0xFF for each in lengths])
        )
        groups = self._groups
        if (
            groups is None
            or count == 1
            or length > LARGEST_PACKET
            or lengths.count(length) < count
            or not groups.refused.isdisjoint(names)
        ):
            return self._outbox.send(descriptor, b"".join(names), count)
        if names.count(names[0]) == count:
            return groups.send_to_one(descriptor, names[0], count, length)
        return groups.send_by_place(descriptor, names, length)
