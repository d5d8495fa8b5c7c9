"""Sends datagrams that lie in slots of memory, many with one call.

Fast path. A message that the kernel refuses is counted and the rest goes on; a full send buffer is
waited for, but not for long, because timers and sessions wait in the same loop.
"""

import ctypes
import errno
import select
import sys
from array import array
from collections.abc import Sequence
from typing import Final

from nwip.dataplane.arena import IOVEC, MESSAGE, SLOTS, STRIDE, address_of, headers
from nwip.dataplane.kernel import MSG_DONTWAIT, Iovec, errno_of, sendmmsg

PATIENCE: Final = 2  # milliseconds that a full send buffer may hold up the loop

_LITTLE: Final = sys.byteorder == "little"
_WORD: Final = Iovec.length.size
LENGTH_LOW: Final = Iovec.length.offset + (0 if _LITTLE else _WORD - 1)
LENGTH_HIGH: Final = Iovec.length.offset + (1 if _LITTLE else _WORD - 2)
WORDS: Final = "Q" if ctypes.sizeof(ctypes.c_ulonglong) == _WORD else "L"


class Outbox:
    """Messages of one `Iovec` each, to addresses of `name_size` octets; `base` is where slot 0 is.

    Until `pick` says otherwise message i sends slot i. `iovecs` is the address of the first `Iovec`.
    """

    def __init__(self, base: int, name_size: int) -> None:
        self._base = base
        self._name_size = name_size
        self._names = bytearray(SLOTS * name_size)
        self._messages = bytearray(SLOTS * MESSAGE)
        self._iovecs = bytearray(SLOTS * IOVEC)
        names, iovecs = address_of(self._names), address_of(self._iovecs)
        self.iovecs = iovecs
        for index, header in enumerate(headers(self._messages)):
            header.iov = iovecs + index * IOVEC
            header.iov_length = 1
            header.name = names + index * name_size
            header.name_length = name_size
        messages = address_of(self._messages)
        self._pointers = [ctypes.c_void_p(messages + index * MESSAGE) for index in range(SLOTS)]
        self.pick(range(SLOTS), [STRIDE] * SLOTS)
        self._whole = bytes(self._iovecs)

    def pick(self, slots: "range | list[int]", lengths: list[int]) -> None:
        """Let message i send the i-th of these slots, so many octets of it."""
        base = self._base
        self.lay([base + slot * STRIDE for slot in slots], lengths)

    def lay(self, addresses: list[int], lengths: list[int]) -> None:
        """Let message i send what lies at the i-th of these addresses in memory, so many octets of it."""
        words = array(WORDS, [0]) * (2 * len(addresses))
        words[::2] = array(WORDS, addresses)
        words[1::2] = array(WORDS, lengths)
        self._iovecs[: len(words) * _WORD] = words.tobytes()

    def leave_out(self, slots: Sequence[int], count: int) -> None:
        """Let the messages send the first `count` slots without some, in order; then set their lengths."""
        iovecs = bytearray(self._whole[: count * IOVEC])
        for slot in reversed(slots):
            del iovecs[slot * IOVEC : (slot + 1) * IOVEC]
        self._iovecs[: len(iovecs)] = iovecs

    def set_lengths(self, high: bytearray, low: bytearray) -> None:
        """Say how long the messages from the first on are: the high and the low octets of their lengths."""
        end = len(high) * IOVEC
        self._iovecs[LENGTH_HIGH:end:IOVEC] = high
        self._iovecs[LENGTH_LOW:end:IOVEC] = low

    def send(self, descriptor: int, names: bytes, count: int) -> int:
        """Send the first `count` messages, each to its address of `names`; return how many were refused."""
        self._names[: len(names)] = names
        sent = sendmmsg(descriptor, self._pointers[0], count, MSG_DONTWAIT)
        return 0 if sent == count else send_rest(descriptor, self._pointers, sent, count)

    def send_from(self, descriptor: int, first: int, names: bytes, count: int) -> int:
        """Send so many messages from one on; return how many were refused."""
        at = first * self._name_size
        self._names[at : at + len(names)] = names
        return send_rest(descriptor, self._pointers[first:], 0, count)


def send_rest(descriptor: int, pointers: list[ctypes.c_void_p], sent: int, count: int) -> int:
    """Go on where a call that returned `sent` stopped; return how many messages the kernel refused."""
    at, refused = max(sent, 0), 0
    patient = True
    while at < count:
        if sent < 0:
            reason = errno_of()
            if reason == errno.EAGAIN:
                if not (patient and _writable(descriptor)):
                    return refused + count - at
                patient = False
            elif reason != errno.EINTR:
                refused += 1
                at += 1
                if at == count:
                    break
        sent = sendmmsg(descriptor, pointers[at], count - at, MSG_DONTWAIT)
        if sent > 0:
            at += sent
            patient = True
    return refused


def _writable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(PATIENCE))
