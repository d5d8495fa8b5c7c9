"""Gateways that share a LAN, in memory: fake links, one directory that all see at once, one clock.

`Site` does on its links what `SharedLans` says, as docs/links/sharing-a-lan.md asks of a gateway.
"""

from collections.abc import Iterator, Sequence

from nwip.directory.records import Host, Key, Kind, Record, Route, Value
from nwip.directory.table import Directory
from nwip.gateway.shared_lan import Duty
from nwip.gateway.shared_lans import SharedLans
from nwip.ipx.address import BROADCAST_NODE, NULL_NODE, format_node
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import MAXIMUM_SIZE, Packet
from nwip.links.base import Arrival, Counters, Gateway, Hop, Link

DOMAIN = "lab.test"
VIRTUAL = 0x00C0FFEE


class Lan:
    """A medium. `ports` is what its switch has learned: which link a node number is behind, None a host."""

    def __init__(self) -> None:
        self.links: list[FakeLink] = []
        self.ports: dict[bytes, FakeLink | None] = {}

    def carry(self, data: bytes, sender: "FakeLink | None" = None) -> None:
        self.ports[data[22:28]] = sender
        for link in list(self.links):
            if link is not sender:
                link.arrive(data)

    def say(self, packet: Packet) -> None:
        """Let a host send a packet."""
        self.carry(packet.encode())


class FakeLink:
    """A link on a LAN: a `Link` for gateways that share it."""

    kind = "fake"
    maximum_size = MAXIMUM_SIZE

    def __init__(
        self, lan: Lan, name: str, network: int, station: bytes | None, *, joined: bool = False
    ) -> None:
        self.name = name
        self.network = network
        self.node = station or b"\x02star!"
        self.station = station
        self.joined = joined
        self.star = station is None
        self.counters = Counters()
        self.sent: list[tuple[Packet, Hop]] = []
        self._lan = lan
        self._gateway: Gateway | None = None

    async def open(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._lan.links.append(self)

    async def close(self) -> None:
        self.unplug()

    def unplug(self) -> None:
        if self in self._lan.links:
            self._lan.links.remove(self)

    def plug(self) -> None:
        self._lan.links.append(self)

    def arrive(self, data: bytes) -> None:
        assert self._gateway is not None
        packet = Packet.decode(data)
        source = packet.source
        if self.joined and source.socket != Socket.HELLO and not packet.transport_control:
            self._gateway.host_gained(self, source.node, source.node)
        self._gateway.receive(self, [Arrival(data, source.node)])

    def send(self, packet: bytes, hop: Hop) -> None:
        self.sent.append((Packet.decode(packet), hop))
        if self in self._lan.links:
            self._lan.carry(packet, self)

    def send_to_all(self, packet: bytes, *, besides: Hop | None = None) -> None:
        self.send(packet, BROADCAST_NODE)

    def release(self, node: bytes) -> None:
        raise AssertionError("no host here is released")

    def describe(self) -> dict[str, str]:
        return {"station": format_node(self.station or NULL_NODE)}


class Town:
    """All sites, their clock, and the directory."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.directory = Directory()
        self.directory.freeze(0.0)
        self.sites: list[Site] = []

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            due = min(
                (time for site in self.sites if (time := site.lans.next_deadline()) is not None),
                default=end + 1,
            )
            if due > end:
                break
            self.now = max(self.now, due)
            for site in list(self.sites):
                site.lans.advance(self.now)
                site.do_turns()
        self.now = end

    def routes(self, network: int) -> list[bytes]:
        return [record.owner for record in self.directory.offers((Kind.ROUTE, network, ""))]

    def host(self, node: bytes) -> tuple[bytes, int] | None:
        """Return who has a host, and how often it has moved."""
        best = self.directory.best((Kind.HOST, node, ""))
        return (best.owner, best.value.moves) if best and isinstance(best.value, Host) else None


class Site:
    """A gateway."""

    def __init__(self, town: Town, name: str) -> None:
        self.town = town
        self.name = name
        self.identity = name.encode().rjust(16, b"\0")
        self.lans = SharedLans(DOMAIN, self.identity)
        self.links: dict[str, Link] = {}
        self.forwarded: list[Packet] = []
        self.learned: list[Packet] = []
        self.behind: list[Route] = []
        self.remote: list[bytes] = []
        self._counter = 0
        town.sites.append(self)

    async def attach(self, link: FakeLink, nonce: bytes = b"nonce..1", *, switched: bool = True) -> None:
        self.links[link.name] = link
        duty = self.lans.add(link, nonce, self.town.now, switched=switched)
        await link.open(self)
        if duty is Duty.ROUTE:
            self._route(link)
        self.lans.directory_changed(self.town.directory.lans, self.town.now)

    async def detach(self, link: FakeLink) -> None:
        self._rest(link)
        self.lans.remove(link, self.town.now)
        await link.close()
        del self.links[link.name]

    def kill(self) -> None:
        """Stop dead: the records stay until the lease ends."""
        self.town.sites.remove(self)
        for link in self.links.values():
            assert isinstance(link, FakeLink)
            link.unplug()

    # As the gateway of its links.

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        duty = self.lans.duty(link)
        rest = [Packet.decode(packet) for packet, _ in self.lans.sift(link, batch, self.town.now)]
        if duty is Duty.ROUTE:
            self.forwarded += rest
        elif duty is Duty.LEARN:
            self.learned += rest
        self.do_turns()

    def host_gained(self, link: Link, node: bytes, hop: Hop) -> None:
        if self.lans.host_gained(link, node, hop):
            self._register(node)

    def host_lost(self, link: Link, node: bytes) -> None:
        self.lans.host_lost(link, node)
        self._retract((Kind.HOST, node, ""))

    def carrier(self, link: Link, *, present: bool) -> None:
        self.lans.carrier(link, present=present, now=self.town.now)

    # What the duties mean.

    def do_turns(self) -> None:
        for turn in self.lans.turns():
            if turn.duty is Duty.ROUTE:
                self._route(turn.link)
            else:
                self._rest(turn.link)

    def _route(self, link: Link) -> None:
        if not link.joined:
            for route in (Route(link.network, 0, 1), *self.behind):
                self._offer(self.lans.stamp(link, route))
            return
        lan = self.lans.lan(link)
        for node in list(lan.hosts) if lan else ():
            here = self.town.host(node)
            if self.lans.claimable(node, here[0] if here else None):
                self._register(node)
        if lan:
            lan.show(self.remote, self.town.now)

    def _rest(self, link: Link) -> None:
        for record in list(self.town.directory.of_owner(self.identity)):
            if isinstance(record.value, Host if link.joined else Route):
                self._retract(record.key)

    def _register(self, node: bytes) -> None:
        here = self.town.host(node)
        if here is None or here[0] != self.identity:
            self._offer(Host(node, here[1] + 1 if here else 1))

    def _offer(self, value: Value) -> None:
        self._counter += 1
        self.town.directory.merge(Record(self.identity, 1, self._counter, value), self.town.now)
        for site in self.town.sites:
            site.lans.directory_changed(self.town.directory.lans, self.town.now)

    def _retract(self, key: Key) -> None:
        self._counter += 1
        self.town.directory.withdraw(self.identity, key, (1, self._counter), self.town.now)


def station(number: int) -> bytes:
    return b"\x02\0\0\0\0" + bytes([number])


def hellos(link: FakeLink) -> Iterator[Packet]:
    return (packet for packet, _ in link.sent if packet.destination.socket == Socket.HELLO)
