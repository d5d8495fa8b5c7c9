"""The IPX sockets of this node that programs on its machine hold: who has which number, who hears what.

A packet for one of the node's own addresses goes to who holds its destination socket; a broadcast on the
virtual network to everybody who holds that number, but for the sender. A number belongs to one program, or to
several that all asked to share it: then each of them gets every packet for it.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Final, NamedTuple, Protocol

from nwip.ipx.address import Address
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import DESTINATION_SOCKET_OFFSET, SOURCE_SOCKET_OFFSET

SOCKETS_LIMIT: Final = 256  # of a node; further ones are refused
RESERVED: Final = {
    Socket.ECHO: "the node itself answers pings there",
    Socket.SAP: "the node itself answers SAP: advertise and find services instead",
    Socket.RIP: "the node itself answers RIP",
    Socket.DYNAMIC_FIRST + 2: "the node itself sends its pings from there",
    Socket.HELLO: "gateways on one LAN talk to each other there",
}
_NOT_GIVEN: Final = frozenset({*RESERVED, Socket.WORKSTATION, Socket.DIRECTORY_SERVER})


class SocketRefused(Exception):  # noqa: N818 - reads as what happened, as `NodeRefused` does
    """A socket or a service cannot be had; the message is one sentence for people."""


class Program(Protocol):
    """Who holds a socket; called in the turn in which something happens: it returns at once, never raises."""

    def receive(self, packet: bytes) -> None:
        """Take a packet for the socket, encoded."""
        ...

    def renumbered(self) -> None:
        """Learn that the node has another number on the virtual network."""
        ...


class LocalSocket(NamedTuple):
    """One program's socket: `number` is its own, or shared."""

    number: int
    program: Program
    shared: bool


class LocalSockets:
    """All of them; at most `limit`, further ones are refused."""

    def __init__(self, limit: int = SOCKETS_LIMIT) -> None:
        self._limit = limit
        self._holders: dict[bytes, list[LocalSocket]] = {}
        self._count = 0
        self._last_given = Socket.DYNAMIC_LAST + 0

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def bind(self, number: int, program: Program, *, shared: bool = False) -> LocalSocket:
        """Give a program the socket `number`, for 0 a free one of 4000 to 7FFF (hexadecimal).

        Raises `SocketRefused` for a number that is reserved, in use (unless all its holders share it) or
        out of range, and at the limit.
        """
        if self._count >= self._limit:
            raise SocketRefused(f"this node has {self._limit} sockets in use, and no more")
        if number == 0:
            number = self._free_number()
        if not 0 < number <= 0xFFFF:
            raise SocketRefused("a socket number is 1 to FFFF, in hexadecimal, or 0 for a free one")
        if number in RESERVED:
            raise SocketRefused(f"socket {number:04X} is reserved: {RESERVED[number]}")
        holders = self._holders.setdefault(number.to_bytes(2, "big"), [])
        if holders and not (shared and all(holder.shared for holder in holders)):
            raise SocketRefused(f"socket {number:04X} of this node is in use by another program")
        held = LocalSocket(number, program, shared)
        holders.append(held)
        self._count += 1
        return held

    def release(self, held: LocalSocket) -> None:
        """Take a socket back; safe to call twice."""
        key = held.number.to_bytes(2, "big")
        holders = self._holders.get(key, [])
        if held not in holders:
            return
        holders.remove(held)
        self._count -= 1
        if not holders:
            del self._holders[key]

    @property
    def is_empty(self) -> bool:
        """Whether no program holds a socket."""
        return not self._holders

    def deliver(self, packet: bytes, *, besides: LocalSocket | None = None) -> bool:
        """Give an encoded packet to who holds its destination socket, but `besides`; False if nobody does."""
        holders = self._holders.get(packet[DESTINATION_SOCKET_OFFSET : DESTINATION_SOCKET_OFFSET + 2])
        if holders is None:
            return False
        heard = False
        for holder in tuple(holders):
            if holder is not besides:
                holder.program.receive(packet)
                heard = True
        return heard

    def renumbered(self) -> None:
        """Tell every program that the node has another number."""
        for holders in self._holders.values():
            for holder in holders:
                holder.program.renumbered()

    def _free_number(self) -> int:
        """Return the next number that nobody has: not the one just given back, which is still written to."""
        for number in self._from(self._last_given + 1):
            if number.to_bytes(2, "big") not in self._holders and number not in _NOT_GIVEN:
                self._last_given = number
                return number
        raise SocketRefused("all sockets from 4000 to 7FFF of this node are in use")

    @staticmethod
    def _from(start: int) -> Iterator[int]:
        first, last = int(Socket.DYNAMIC_FIRST), int(Socket.DYNAMIC_LAST)
        return chain(range(start, last + 1), range(first, start))


def outgoing(packet: bytes, source: Address) -> bytes:
    """Return a program's packet as the node sends it: from `source`, without a checksum, no router passed.

    `packet` has a whole header and a right length field.
    """
    network, node, number = source.network.to_bytes(4, "big"), source.node, source.socket.to_bytes(2, "big")
    return (
        b"\xff\xff"
        + packet[2:4]
        + b"\0"
        + packet[5:18]
        + network
        + node
        + number
        + packet[SOURCE_SOCKET_OFFSET + 2 :]
    )
