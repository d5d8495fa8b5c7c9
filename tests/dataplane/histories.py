"""Random histories of two twins: batches of every kind of packet, and everything that changes their ways."""

from typing import Any, NamedTuple

from msgspec.structs import replace

from dataplane.twins import (
    DATA,
    FAR_NETWORK,
    GAMES,
    HOSTS,
    PEER_NUMBERS,
    PEERS,
    ROOM,
    ROOM_NETWORK,
    Side,
    Twins,
    packet,
)
from gateway.world import NETWORK
from nwip.dataplane.sockaddr import endpoint_of
from nwip.directory.records import Endpoint, Host, Node, Route
from nwip.gateway.taps import Taps
from nwip.ipx.address import BROADCAST_NODE, NULL_NODE, Address
from nwip.ipx.hello import MAGIC
from nwip.ipx.numbers import Socket
from nwip.ipx.ping import registration
from nwip.routing.numbering import node_number

INLETS: list[Endpoint] = [*GAMES, ROOM, DATA]
PLACES: list[Endpoint] = [(f"192.0.2.{number}", 1000) for number in range(1, 9)]
WANTED = [None, None, bytes.fromhex("0080C7000001"), None, None, bytes.fromhex("0080C7000002")]
HOMES = [GAMES[0], GAMES[0], GAMES[1], ROOM, ROOM, ROOM]
CLIENTS = len(HOMES)
FAR_AWAY = 99
NATURAL = 4  # sources below are those who belong there


class Spec(NamedTuple):
    """What a run of packets is like; `source` and `to` are numbers of `_node`, or `NATURAL` or `FAR_AWAY`."""

    source: int
    to: int
    came_from: int
    networks: tuple[int, int]
    size: int
    hops: int
    socket: int
    checksum: int
    flaw: int
    kind: int
    times: int


class Batch(NamedTuple):
    inlet: int
    runs: list[Spec]


class Happening(NamedTuple):
    what: str
    which: int


class History:
    """The state that both sides share: where the clients and hosts are now."""

    def __init__(self, twins: Twins) -> None:
        self.twins = twins
        self.addresses = PLACES[:CLIENTS]
        self.numbers = [NULL_NODE] * CLIENTS
        self.inlets = list(HOMES)
        self.moves = [1, 1]
        self.behind = [0, 1]
        self.silent = 0.0
        self._mark = 0
        self._taps: dict[Side, Taps] = {}
        self.peers = [Node(PEER_NUMBERS[index], f"peer {index}", [PEERS[index]]) for index in (0, 1)]

    def take(self, step: Batch | Happening) -> None:
        """Deliver a batch, in parts where hosts move in it: from which packet on these count is left open."""
        if isinstance(step, Batch):
            at = INLETS[step.inlet]
            together: list[tuple[bytes, Endpoint]] = []
            places: dict[bytes, Endpoint] = {}
            for data, address in (each for run in step.runs for each in self._datagrams(at, run)):
                moves = places.setdefault(data[22:28], address) != address
                if moves or self._is_news(at, data, address):
                    self.twins.deliver(at, together)
                    self.twins.deliver(at, [(data, address)])
                    together, places = [], {}
                else:
                    together.append((data, address))
            self.twins.deliver(at, together)

    def _is_news(self, at: Endpoint, data: bytes, address: Endpoint) -> bool:
        """Say whether a datagram may change where a host is."""
        node = data[22:28]
        side = self.twins.slow
        if at == DATA:
            way = side.member.gateway.way_to(Address(NETWORK, node, 0))
            return data[18:22] in (bytes(4), NETWORK.to_bytes(4, "big")) and (
                way is None or (way.outlet is not side.games and way.hop != address)
            )
        if node not in self.numbers or self.addresses[self.numbers.index(node)] != address:
            return False
        link = side.room if at == ROOM else side.games
        here = GAMES.index(at) if at != ROOM else 0
        client = link._engine.client_with(node)
        return client is None or (endpoint_of(client.name), client.port) != (address, here)

    async def become(self, happening: Happening) -> None:
        """Let something happen on both sides."""
        work: Any = getattr(self, f"then_{happening.what}")  # Any: a method by its name
        done = work(happening.which)
        if done is not None:
            await done

    def _node(self, which: int) -> bytes:
        virtual = self.twins.slow.member.gateway.virtual
        nodes = [*self.numbers, *HOSTS, *PEER_NUMBERS[:2], virtual.node, BROADCAST_NODE, NULL_NODE, b"nobody"]
        return nodes[which % len(nodes)]

    def _sender(self, at: Endpoint, run: Spec) -> tuple[bytes, Endpoint]:
        """Return the node number that a run comes from, and the address."""
        if at == DATA:
            places = PEERS
            homes = {
                host: self.peers[peer].endpoints[0] for host, peer in zip(HOSTS, self.behind, strict=True)
            }
            there = HOSTS
        else:
            places = self.addresses
            homes = dict(zip(self.numbers, places, strict=True))
            there = [node for node, inlet in zip(self.numbers, self.inlets, strict=True) if inlet == at]
        node = there[run.source % len(there)] if run.source < NATURAL and there else self._node(run.source)
        home = places.index(homes.get(node, places[0]))
        return node, places[(home + run.came_from) % len(places)]

    def _datagrams(self, at: Endpoint, run: Spec) -> list[tuple[bytes, Endpoint]]:
        numbers = (0, ROOM_NETWORK if at == ROOM else NETWORK, NETWORK, ROOM_NETWORK, FAR_NETWORK, 0x5151)
        network_from, network_to = (numbers[each] for each in run.networks)
        if run.to == FAR_AWAY:
            network_to = FAR_NETWORK
        node, address = self._sender(at, run)
        datagrams = []
        for _ in range(run.times):
            self._mark = (self._mark + 1) % 65536
            data = packet(
                network_from,
                node,
                network_to,
                self._node(run.to),
                size=run.size,
                hops=run.hops,
                socket=run.socket,
                checksum=run.checksum,
                flaw=run.flaw,
                kind=run.kind,
                mark=self._mark,
            )
            if run.socket == Socket.HELLO and not run.kind:
                data = data[:30] + MAGIC + data[30 + len(MAGIC) :]
            datagrams.append((data, address))
        return datagrams

    def then_join(self, which: int) -> None:
        client = which % CLIENTS
        self.numbers[client] = self.twins.register(
            self.addresses[client], self.inlets[client], WANTED[client]
        )

    def then_register(self, which: int) -> None:
        client = which % CLIENTS
        datagram = (registration(WANTED[client]).encode(), self.addresses[client])
        self.twins.deliver(self.inlets[client], [datagram])

    def then_move_client(self, which: int) -> None:
        free = next(place for place in PLACES[which % 8 :] + PLACES if place not in self.addresses)
        self.addresses[which % CLIENTS] = free
        self.then_join(which)

    def then_turn_client(self, which: int) -> None:
        client = which % CLIENTS
        if self.inlets[client] != ROOM:
            self.inlets[client] = GAMES[self.inlets[client] == GAMES[0]]

    def then_move_host(self, which: int) -> None:
        host, peer = which % 2, (which // 2) % 2
        self.moves[host] += 1
        self.behind[host] = peer
        self.twins.publish(peer, Host(HOSTS[host], self.moves[host]))

    def then_lose_host(self, which: int) -> None:
        self.twins.withdraw((which // 2) % 2, Host(HOSTS[which % 2], self.moves[which % 2]))

    def then_take_client_away(self, which: int) -> None:
        number = self.numbers[which % CLIENTS]
        if number != NULL_NODE:
            self.twins.publish(which % 2, Host(number, 1 + which % 3))

    def then_route(self, which: int) -> None:
        self.twins.publish(which % 2, Route(FAR_NETWORK, 1 + which % 3, 2 + which % 5))

    def then_unroute(self, which: int) -> None:
        self.twins.withdraw(which % 2, Route(FAR_NETWORK, 1, 2))

    def then_lose_peer(self, which: int) -> None:
        self.twins.withdraw(which % 2, self.peers[which % 2])

    def then_move_peer(self, which: int) -> None:
        peer = which % 2
        self.peers[peer] = replace(self.peers[peer], endpoints=[PEERS[(peer, 2)[which // 2 % 2]]])
        self.twins.publish(peer, self.peers[peer])

    def then_third_peer(self, which: int) -> None:
        """One more node comes, with a number of its own or another's, or it goes."""
        node = Node(PEER_NUMBERS[2 if which % 4 else 0], "peer 2", [PEERS[2]])
        (self.twins.publish if which % 3 else self.twins.withdraw)(2, node)

    def then_renumber_peer(self, which: int) -> None:
        """A peer takes the number of another, of a host, or its own again."""
        peer = which % 2
        self.twins.withdraw(peer, self.peers[peer])
        number = (PEER_NUMBERS[peer], PEER_NUMBERS[0], PEER_NUMBERS[2], HOSTS[0], HOSTS[1])[which // 2 % 5]
        self.peers[peer] = replace(self.peers[peer], node=number)
        self.twins.publish(peer, self.peers[peer])

    def then_mute(self, which: int) -> None:
        self.twins.each(lambda side: side.member.gateway.stand_by((side.games, side.room)[which % 2]))

    def then_unmute(self, which: int) -> None:
        self.twins.each(lambda side: side.member.gateway.take_over((side.games, side.room)[which % 2]))

    def then_tap(self, _which: int) -> None:
        if not self._taps:
            self.twins.each(self._tap_side)

    def _tap_side(self, side: Side) -> None:
        taps = Taps([side.member.gateway])
        taps.add(_listener)
        self._taps[side] = taps

    def then_untap(self, _which: int) -> None:
        for taps in self._taps.values():
            taps.remove(_listener)
        self._taps.clear()

    def then_limit_hops(self, which: int) -> None:
        limit = (16, 2, 15, 17, 64)[which % 5]

        def change(side: Side) -> None:
            gateway = side.member.gateway
            gateway.take_parameters(replace(gateway.parameters, hop_limit=limit))

        self.twins.each(change)

    def then_renumber(self, which: int) -> None:
        def change(side: Side) -> None:
            gateway = side.member.gateway
            salted = node_number(DATA, gateway.parameters, side.member.identity, which)
            gateway.renumber(HOSTS[which % 2] if which % 5 == 4 else salted)

        self.twins.each(change)

    def then_lose_session(self, _which: int) -> None:
        self.twins.each(lambda side: side.member.gateway.session_lost())

    def then_find_session(self, _which: int) -> None:
        self.twins.each(lambda side: side.member.gateway.session_found())

    def then_release(self, which: int) -> None:
        number = self.numbers[which % CLIENTS]
        self.twins.each(lambda side: side.games.release(number))

    async def then_reopen(self, which: int) -> None:
        """A link is closed and left out, and comes back with none of its clients."""
        for side in (self.twins.fast, self.twins.slow):
            await side.reopen((side.games, side.room)[which % 2])

    async def then_wait(self, which: int) -> None:
        """Let time pass: never so much that clients are pinged, or so much that all are gone."""
        seconds = (0.3, 1.0, 5.5, 11.0)[which % 4]
        if self.silent + seconds < 25.0:
            self.silent += seconds
            await self.twins.pass_time(seconds, step=1.0)

    async def then_go_quiet(self, _which: int) -> None:
        """Let all clients leave. Those heard in batches last a little longer, and get broadcasts then."""
        self.silent = 0.0
        await self.twins.pass_time(200.0)
        self.twins.each(Side.count_anew)


def _listener(*_packet: object) -> None:
    """Listen."""
