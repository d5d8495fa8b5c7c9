"""Two identical gateways, one with batched ports and one with portable ones, that live through the same.

Each has a joined DOSBox link with two listening sockets, a routed one, and the virtual network; the other
nodes, clients and hosts are only addresses that datagrams come from. `differences` says where they disagree.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable

import pytest

from dataplane.memory_kernel import MemoryHost, MemoryKernel, Sent
from gateway.world import NETWORK, Domain, Member
from nwip.directory.records import Change, Endpoint, Host, Node, Record, Route, Value
from nwip.ipx.packet import Packet
from nwip.ipx.ping import is_ping, registration
from nwip.links.dosbox import DosboxLink
from nwip.links.dosbox.clients import ClientView

HERE = "10.0.0.1"
GAMES: list[Endpoint] = [(HERE, 213), (HERE, 214)]
ROOM: Endpoint = (HERE, 215)
DATA: Endpoint = (HERE, 43981)
PEERS: list[Endpoint] = [("10.0.0.2", 43981), ("10.0.0.3", 43981), ("10.0.0.4", 43981)]
PEER_NUMBERS = [bytes.fromhex(f"7E010000000{index}") for index in (2, 3, 4)]
HOSTS = [bytes.fromhex(f"02000000000{index}") for index in (1, 2)]
ROOM_NETWORK, FAR_NETWORK = 0x0B0B, 0x0FA7
KEY = b"0123456789abcdef"
ROUTER = bytes.fromhex("0200000000FE")


class Side:
    """One of the two. Frozen directory: nothing expires but by `withdraw`."""

    def __init__(self, kernel: MemoryKernel, *, batched: bool) -> None:
        self.host = MemoryHost(kernel, batched=batched)
        self.domain = self.make_domain()
        vars(self.domain)["wire"] = self.host
        self.domain.now = kernel.loop.time()
        self.member: Member
        self.games: DosboxLink
        self.room: DosboxLink

    def make_domain(self) -> Domain:
        return Domain()

    async def open(self) -> None:
        self.member = await self.domain.member(HERE)
        self.games, self.room = self._games(), self._room()
        for link in (self.games, self.room):
            self.member.gateway.attach(link)
            await link.open(self.member.gateway)

    async def reopen(self, link: DosboxLink) -> None:
        """Close a link and leave it out; open one like it."""
        gateway = self.member.gateway
        await link.close()
        gateway.detach(link)
        if link is self.games:
            self.games = link = self._games()
        else:
            self.room = link = self._room()
        gateway.attach(link)
        await link.open(gateway)

    def _games(self) -> DosboxLink:
        node = self.member.gateway.virtual.node
        return DosboxLink("games", NETWORK, node, GAMES, KEY, opener=self.host.open)

    def _room(self) -> DosboxLink:
        return DosboxLink("room", ROOM_NETWORK, ROUTER, [ROOM], KEY, joined=False, opener=self.host.open)

    def deliver(self, at: Endpoint, datagrams: list[tuple[bytes, Endpoint]]) -> None:
        """Let datagrams arrive, all at once."""
        self.host.deliver(at, datagrams)

    def flows(self) -> dict[tuple[Endpoint, Endpoint, bytes], list[bytes]]:
        """Return what was sent, in order, by where to and by the addresses in it; but no keepalives."""
        flows = defaultdict(list)
        for source, to, data in self.sent():
            if not is_ping(Packet.decode(data)):
                flows[source, to, data[6:30]].append(data)
        return flows

    def sent(self) -> list[Sent]:
        """Return the packets that were sent."""
        return self.host.sent

    def books(self) -> dict[str, object]:
        gateway = self.member.gateway
        books: dict[str, object] = {"gateway": gateway.drops()}
        for link in (gateway.virtual, self.games, self.room):
            counters = link.counters
            books[link.name] = (
                counters.packets_in,
                counters.octets_in,
                counters.packets_out,
                counters.octets_out,
                counters.drops,
            )
        return books

    def forget_sent(self) -> None:
        self.host.sent.clear()

    def count_anew(self) -> None:
        for link in (self.member.gateway.virtual, self.games, self.room):
            counters = link.counters
            counters.packets_in = counters.octets_in = counters.packets_out = counters.octets_out = 0
            counters.drops.clear()
        self.forget_sent()

    def clients(self) -> list[ClientView]:
        """Return the views but for what may be later or sampled."""
        views = [*self.games.clients(), *self.room.clients()]
        return [view._replace(last_heard=0.0, octets_in=0, octets_out=0) for view in views]


class Twins:
    """The two, and the things that happen to both."""

    side: type[Side] = Side

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, joins: bool = False, slots: int = 0) -> None:
        self.kernel = MemoryKernel(monkeypatch)
        self.fast, self.slow = (self.side(self.kernel, batched=batched) for batched in (True, False))
        self.fast.host.joins, self.fast.host.slots = joins, slots
        self._counters: dict[bytes, int] = {}

    async def open(self) -> None:
        for side in (self.fast, self.slow):
            await side.open()
        for index in (0, 1):
            self.publish(index, Node(PEER_NUMBERS[index], f"peer {index}", [PEERS[index]]))
            self.publish(index, Host(HOSTS[index], 1))
        self.publish(0, Route(FAR_NETWORK, 1, 2))

    def each(self, work: Callable[[Side], object]) -> None:
        """Do something on both sides."""
        for side in (self.fast, self.slow):
            work(side)

    def publish(self, peer: int, value: Value) -> None:
        """Let the directory hold a record of another node."""
        change = Change(self._record(peer, value))
        self.each(lambda side: side.member.take(change, side.domain.now))

    def withdraw(self, peer: int, value: Value) -> None:
        """Take a record of another node out of the directory."""
        change = Change(self._record(peer, value), removed=True)
        self.each(lambda side: side.member.take(change, side.domain.now))

    def _record(self, peer: int, value: Value) -> Record:
        owner = self.owner(peer)
        self._counters[owner] = self._counters.get(owner, 0) + 1
        return Record(owner, 1, self._counters[owner], value)

    def owner(self, peer: int) -> bytes:
        """Return the identity of another node."""
        return bytes([peer + 2]) * 16

    def deliver(self, at: Endpoint, datagrams: list[tuple[bytes, Endpoint]]) -> None:
        """Let datagrams arrive, all at once."""
        self.each(lambda side: side.deliver(at, datagrams))

    def register(self, address: Endpoint, at: Endpoint, wanted: bytes | None = None) -> bytes:
        """Register a client, and prove it; return its node number. It must be new, or at its old place."""
        replies = self._asked(at, registration(wanted).encode(), address)
        if not replies:
            return bytes(6)
        number = replies[0][10:16]
        to = b"\0\0\0\0\0\1"
        if number == wanted:
            pings = self._asked(at, packet(0, number, 0, to), address)
            to = pings[-1][22:28] if pings else to
        self.deliver(at, [(packet(0, number, 0, to, socket=2), address)])
        return number

    def _asked(self, at: Endpoint, data: bytes, address: Endpoint) -> list[bytes]:
        """Return what a datagram draws for the address that it comes from."""
        before = len(self.slow.host.sent)
        self.deliver(at, [(data, address)])
        return [data for _, to, data in self.slow.host.sent[before:] if to == address]

    async def pass_time(self, seconds: float, step: float = 5.0) -> None:
        """Let time go by, on timers of the loop and for the gateways."""
        while seconds > 0:
            self.kernel.loop.clock += min(step, seconds)
            seconds -= step
            for _ in range(3):
                await asyncio.sleep(0)
            self.each(self._advance)

    def _advance(self, side: Side) -> None:
        side.domain.now = self.kernel.loop.time()
        side.member.gateway.advance(side.domain.now)

    def differences(self) -> list[str]:
        """Say what is not the same on both sides; what was sent is forgotten by it."""
        fast, slow = self.fast.flows(), self.slow.flows()
        told = [
            f"{key}: {len(fast.get(key, []))} sent, {len(slow.get(key, []))} expected, or in another order"
            for key in sorted({*fast, *slow})
            if fast.get(key) != slow.get(key)
        ]
        ours, theirs = self.fast.books(), self.slow.books()
        told += [f"{name}: {ours[name]}, not {theirs[name]}" for name in ours if ours[name] != theirs[name]]
        if self.fast.clients() != self.slow.clients():
            told.append(f"clients {self.fast.clients()}, not {self.slow.clients()}")
        self.each(lambda side: side.forget_sent())
        return told


def packet(
    from_network: int,
    source: bytes,
    to_network: int,
    destination: bytes,
    *,
    size: int = 50,
    hops: int = 0,
    socket: int = 0x869C,
    checksum: int = 0xFFFF,
    flaw: int = 0,
    kind: int = 0,
    mark: int = 0,
) -> bytes:
    """Return the octets of a datagram; `flaw` is what the length field has more than there are octets."""
    return b"".join(
        (
            checksum.to_bytes(2, "big"),
            max(size + flaw, 0).to_bytes(2, "big"),
            bytes([hops, kind]),
            to_network.to_bytes(4, "big"),
            destination,
            socket.to_bytes(2, "big"),
            from_network.to_bytes(4, "big"),
            source,
            b"\x40\x01",
            mark.to_bytes(2, "big") * ((size - 29) // 2 + 1),
        )
    )[:size]
