"""Two LANs and a virtual network that meet in one forwarder, portable or in batches; all ends are ours.

The cards are socket pairs, which carry frames as packet sockets do, and take no privilege.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from functools import partial
from typing import Final, Protocol

from links.lan.lan_world import CARD, ELSEWHERE, NETWORK, REMOTE, ROUTER, SHARED
from nwip.dataplane.forwarding import Forwarder, Outlet, Way
from nwip.dataplane.port import open_port
from nwip.ipx.frames import FrameType
from nwip.links.base import Arrival, Hop, Link
from nwip.links.lan.card_medium import CardMedium
from nwip.links.lan.device import DeviceMedium
from nwip.links.lan.link import LanLink
from nwip.links.virtual import VirtualLink

OTHER_CARD: Final = bytes.fromhex("02000000CA4E")
ROUTED: Final = 0x0000D00D  # the network of the other LAN
D: Final = bytes.fromhex("02000000000D")  # its host
NUMBER: Final = bytes.fromhex("7E017F000002")  # of the other node
FAR: Final = bytes.fromhex("0200000000FB")  # another host behind it


class Wire(Protocol):
    """A LAN whose far end is in our hands: `far` sends and hears frames there, once the medium is open."""

    far: socket.socket

    def medium(self, *, batched: bool, promiscuous: bool) -> DeviceMedium:
        """Return the gateway's end."""
        ...

    def heard(self) -> list[bytes]:
        """Return the frames that the gateway has sent since this was asked last."""
        ...


class Card:
    """A device whose far end is `far`; it can be lost."""

    def __init__(self, mac: bytes) -> None:
        self.name = mac.hex()
        self.mac: bytes | None = mac
        self.far: socket.socket
        self._near: socket.socket | None = None
        self.lost = False

    def open(self) -> int:
        if self.lost:
            raise OSError(19, "lost")
        self._near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in (self._near, self.far):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        return self._near.fileno()

    def close(self) -> None:
        if self._near is not None:
            self._near.close()

    def read(self) -> bytes:
        assert self._near is not None
        return self._near.recv(16384)

    def write(self, frame: bytes) -> None:
        assert self._near is not None
        self._near.send(frame)

    def accept(self, mac: bytes) -> None:
        pass

    def describe(self) -> dict[str, str]:
        return {"state": "up"}

    def medium(self, *, batched: bool, promiscuous: bool) -> DeviceMedium:
        return (CardMedium if batched else DeviceMedium)(self)

    def heard(self) -> list[bytes]:
        return drained(self.far)


class Crossing:
    """The gateway. `first` is the LAN that is tried, `second` a routed one, `peer` another node."""

    def __init__(
        self, frame_type: FrameType | None, *, joined: bool, batched: bool, wires: tuple[Wire, Wire]
    ) -> None:
        self.wires = wires
        first, second = (wire.medium(batched=batched, promiscuous=joined) for wire in wires)
        make = partial(LanLink, secret=bytes(16))
        self.first = make(
            "first",
            "ethernet",
            NETWORK,
            first,
            frame_type,
            joined=joined,
            node=SHARED,
            reserved=lambda node: node[:1] == b"\x7e",
        )
        other = FrameType.ETHERNET_802_2 if frame_type is FrameType.ETHERNET_II else FrameType.ETHERNET_II
        self.second = make("second", "ethernet", ROUTED, second, other, joined=False)
        opener = partial(open_port, portable=not batched)
        virtual_network = NETWORK if joined else 0x00C0FFEE
        self.virtual = VirtualLink(virtual_network, bytes(6), ("127.0.0.1", 0), opener=opener)
        self.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.peer.setblocking(False)
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.forwarder = Forwarder(self._unusual, 16, self.virtual)
        self.unusual: list[bytes] = []
        self.hosts: list[bytes] = []
        self.places_hosts = True
        self._heard = [0, 0, 0]
        self.looked_at = 0

    @property
    def links(self) -> tuple[LanLink, LanLink, VirtualLink]:
        return self.first, self.second, self.virtual

    async def open(self) -> None:
        self.peer.bind(("127.0.0.1", 0))
        for link in self.links:
            await link.open(self)
        self.virtual.know({self.peer.getsockname(): NUMBER})
        tables = self.forwarder
        there = Way(self.virtual, self.peer.getsockname())
        network = self.virtual.network.to_bytes(4)
        for node in (REMOTE, FAR):
            tables.hosts[network + node] = there
        tables.own.update({network + SHARED, ROUTED.to_bytes(4) + OTHER_CARD})
        for table in (tables.networks, tables.inward):
            table[ROUTED.to_bytes(4)] = Way(self.second, None)
            table[ELSEWHERE.to_bytes(4)] = Way(self.first, ROUTER)
            if not self.first.joined:
                table[NETWORK.to_bytes(4)] = Way(self.first, None)

    async def close(self) -> None:
        for link in self.links:
            await link.close()
        self.peer.close()
        for wire in self.wires:
            wire.far.close()

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        self.looked_at += len(batch)
        self.forwarder.forward(link, batch)

    def host_gained(self, link: Link, node: bytes, hop: Hop) -> None:
        self.hosts.append(node)
        if self.places_hosts:
            self.forwarder.hosts[link.network.to_bytes(4) + node] = Way(link, hop)

    def host_lost(self, link: Link, node: bytes) -> None:
        self.hosts.remove(node)
        if self.places_hosts:
            self.forwarder.hosts.pop(link.network.to_bytes(4) + node, None)

    def carrier(self, link: Link, *, present: bool) -> None:
        pass

    async def carry(self, frames: Sequence[bytes] = (), datagrams: Sequence[bytes] = ()) -> None:
        """Let frames come in by the first LAN, and datagrams from the other node, and be handled."""
        for frame in frames:
            self.wires[0].far.send(frame)
        due = self._counted() + len(datagrams)
        for datagram in datagrams:
            self.peer.sendto(datagram, self.virtual.endpoint)
        for _ in range(3):  # all frames are there: a turn of the loop handles 256 of them
            await asyncio.sleep(0)
        await until(lambda: self._counted() >= due)

    async def sent(self) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """Return what has gone out by each link since this was asked last."""
        due = [link.counters.packets_out for link in self.links]
        heard: tuple[list[bytes], list[bytes], list[bytes]] = ([], [], [])

        def are_there() -> bool:
            new = (*(wire.heard() for wire in self.wires), drained(self.peer))
            for octets, more in zip(heard, new, strict=True):
                octets.extend(more)
            counts = (len(octets) + before for octets, before in zip(heard, self._heard, strict=True))
            return all(count >= least for count, least in zip(counts, due, strict=True))

        await until(are_there)
        self._heard = due
        return heard

    def books(self) -> list[tuple[object, ...]]:
        """Return what the links have counted."""
        return [
            (
                link.name,
                link.counters.packets_in,
                link.counters.octets_in,
                link.counters.packets_out,
                link.counters.octets_out,
                link.counters.drops,
            )
            for link in self.links
        ]

    def passed(self) -> int:
        """Return how many packets that came in were looked at by no link."""
        return sum(link.counters.packets_in for link in self.links) - self.looked_at

    def _counted(self) -> int:
        """Return how many datagrams have come in."""
        counters = self.virtual.counters
        return counters.packets_in + sum(counters.drops.values())

    def _unusual(self, _inlet: Outlet, packet: bytes, _hop: Hashable) -> None:
        self.unusual.append(packet)


@contextlib.asynccontextmanager
async def crossing(
    frame_type: FrameType | None = FrameType.ETHERNET_II,
    *,
    joined: bool = False,
    batched: bool = True,
    wires: tuple[Wire, Wire] | None = None,
) -> AsyncIterator[Crossing]:
    """Open a crossing, and close it at the end."""
    wires = wires or (Card(CARD), Card(OTHER_CARD))
    made = Crossing(frame_type, joined=joined, batched=batched, wires=wires)
    await made.open()
    try:
        yield made
    finally:
        await made.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so, for twenty seconds at most."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


def drained(sock: socket.socket) -> list[bytes]:
    """Return what waits at a socket that does not block."""
    octets = []
    with contextlib.suppress(BlockingIOError):
        while True:
            octets.append(sock.recv(16384))
    return octets
