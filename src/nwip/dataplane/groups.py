"""Sends runs of equal packets to one address as one message each, which the kernel cuts: UDP_SEGMENT.

Fast path. The kernel walks its stack once for a group instead of once a packet. It refuses a group whose
packets do not fit the route's MTU, because they would have to be fragmented; those go singly then.
Source: udp(7); `UDP_MAX_SEGMENTS` in <linux/udp.h>.
"""

import ctypes
import errno
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from nwip.dataplane.arena import IOVEC, MESSAGE, SLOTS, address_of, headers
from nwip.dataplane.kernel import MSG_DONTWAIT, SOL_UDP, UDP_SEGMENT, errno_of, sendmmsg
from nwip.dataplane.outbox import Outbox

MOST_PACKETS: Final = 64
MOST_OCTETS: Final = 65_000  # a UDP datagram holds 65507, behind IPv6 no more than this and some
LARGEST_PACKET: Final = 1472  # octets: what an Ethernet's MTU leaves behind IPv4 and UDP
MOST_REFUSED: Final = 4096  # addresses; beyond it all are tried again

_CONTROL: Final = struct.Struct("@Nii")  # struct cmsghdr; a 16-bit size follows
_CONTROL_SIZE: Final = _CONTROL.size + ctypes.sizeof(ctypes.c_size_t)  # CMSG_SPACE(2)


class Group(NamedTuple):
    """So many messages of an outbox from `first` on, to the address `place`."""

    first: int
    size: int
    place: bytes


def cut(first: int, count: int, place: bytes, length: int) -> list[Group]:
    """Return so many messages from `first` on in groups that the kernel takes."""
    most = min(MOST_PACKETS, MOST_OCTETS // length)
    end = first + count
    return [Group(at, min(most, end - at), place) for at in range(first, end, most)]


class Groups:
    """Sends messages of an outbox in groups. `refused` are addresses that the kernel takes no groups for."""

    def __init__(self, outbox: Outbox, name_size: int) -> None:
        self.refused: set[bytes] = set()
        self._outbox = outbox
        self._name_size = name_size
        self._names = bytearray(SLOTS * name_size)
        self._controls = bytearray(SLOTS * _CONTROL_SIZE)
        self._messages = bytearray(SLOTS * MESSAGE)
        names, controls = address_of(self._names), address_of(self._controls)
        self._headers = headers(self._messages)
        for index, header in enumerate(self._headers):
            header.name = names + index * name_size
            header.name_length = name_size
            header.control = controls + index * _CONTROL_SIZE
            header.control_length = _CONTROL_SIZE
            _CONTROL.pack_into(self._controls, index * _CONTROL_SIZE, _CONTROL.size + 2, SOL_UDP, UDP_SEGMENT)
        messages = address_of(self._messages)
        self._pointers = [ctypes.c_void_p(messages + index * MESSAGE) for index in range(SLOTS)]

    def send_to_one(self, descriptor: int, place: bytes, count: int, length: int) -> int:
        """Send the first `count` messages, all of `length` octets; return how many the kernel refused."""
        return self._send(descriptor, cut(0, count, place, length), length)

    def send_by_place(self, descriptor: int, places: Sequence[bytes], length: int) -> int:
        """Send slot i to `places[i]`, all of `length` octets; return how many the kernel refused.

        Packets to one address stay in order.
        """
        slots_of: dict[bytes, list[int]] = {}
        for slot, place in enumerate(places):
            slots_of.setdefault(place, []).append(slot)
        order: list[int] = []
        groups: list[Group] = []
        for place, slots in slots_of.items():
            groups += cut(len(order), len(slots), place, length)
            order += slots
        self._outbox.pick(order, [length] * len(order))
        return self._send(descriptor, groups, length)

    def send_in_one_piece(self, descriptor: int, place: bytes, at: int, octets: int, length: int) -> int:
        """Send packets of `length` octets, the last may have fewer, that lie at an address in memory.

        Return how many the kernel refused.
        """
        refused, end = 0, at + octets
        most = min(MOST_PACKETS, MOST_OCTETS // length) * length
        for start in range(at, end, most):
            piece = min(most, end - start)
            if place not in self.refused:
                self._outbox.lay([start], [piece])
                self._address(0, Group(0, 1, place), struct.pack("=H", length))
                if sendmmsg(descriptor, self._pointers[0], 1, MSG_DONTWAIT) == 1:
                    continue
                if errno_of() != errno.EAGAIN:
                    self._remember(place)
            starts = range(start, start + piece, length)
            self._outbox.lay([*starts], [min(length, start + piece - each) for each in starts])
            refused += self._outbox.send_from(descriptor, 0, place * len(starts), len(starts))
        return refused

    def _address(self, index: int, group: Group, segment: bytes) -> None:
        """Let a message be such a group, cut in segments."""
        header, size = self._headers[index], self._name_size
        header.iov = self._outbox.iovecs + group.first * IOVEC
        header.iov_length = group.size
        self._names[index * size : (index + 1) * size] = group.place
        at = index * _CONTROL_SIZE + _CONTROL.size
        self._controls[at : at + 2] = segment

    def _send(self, descriptor: int, groups: Sequence[Group], length: int) -> int:
        segment = struct.pack("=H", length)
        for index, group in enumerate(groups):
            self._address(index, group, segment)
        count, at, refused = len(groups), 0, 0
        while at < count:
            sent = sendmmsg(descriptor, self._pointers[at], count - at, MSG_DONTWAIT)
            if sent > 0:
                at += sent
                continue
            group = groups[at]
            if errno_of() != errno.EAGAIN:
                self._remember(group.place)
            refused += self._outbox.send_from(descriptor, group.first, group.place * group.size, group.size)
            at += 1
        return refused

    def _remember(self, place: bytes) -> None:
        if len(self.refused) >= MOST_REFUSED:
            self.refused.clear()
        self.refused.add(place)
