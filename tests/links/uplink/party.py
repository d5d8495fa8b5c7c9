"""Gateways of one domain with uplinks, on a simulated loop: no socket, no waiting, every packet counted."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count

from gateway.world import NETWORK, Domain, Member, Station
from links.uplink.servers import DosboxModel, Server
from nwip.dataplane.port import Datagram, Port
from nwip.dataplane.port import Received as Callback
from nwip.directory.records import Endpoint
from nwip.gateway.sharing import Share
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.links.base import Link
from nwip.links.dosbox.client import DosboxClient, Received
from nwip.links.uplink import UplinkLink

SERVER: Endpoint = ("198.51.100.1", 213)
ROUTER = bytes.fromhex("0200000000FE")
MOST = 5_000  # datagrams of one cause: more would be a storm


class FarPort:
    def __init__(self, side: "FarSide", endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.refused = 0
        self._side = side

    def send(self, data: bytes, to: Endpoint) -> bool:
        assert to == SERVER
        self._side.queue.append((data, self.endpoint, True))
        return True

    def close(self) -> None:
        self._side.ports.pop(self.endpoint, None)


class FarSide:
    """The server, and the network that leads to it."""

    def __init__(self, server: Server | None = None) -> None:
        self.server = server or DosboxModel()
        self.ports: dict[Endpoint, Callback] = {}
        self.queue: list[tuple[bytes, Endpoint, bool]] = []
        self.carried = 0
        self._numbers = count(40_000)

    def opener(self, ip: str) -> Callable[..., Port]:
        def open_port(
            at: Endpoint, received: Callback, *, broadcast: bool = False, shared: bool = False
        ) -> Port:
            endpoint = (ip, next(self._numbers))
            self.ports[endpoint] = received
            return FarPort(self, endpoint)

        return open_port

    def deliver(self) -> bool:
        """Carry what is under way; say whether there was anything."""
        moving, self.queue = self.queue, []
        now = asyncio.get_running_loop().time()
        for data, at, to_server in moving:
            self.carried += 1
            if to_server:
                answers = self.server.receive(data, at, now)
                self.queue += [(answer, to, False) for answer, to in answers]
            elif at in self.ports:
                self.ports[at]([(data, SERVER)])
        return bool(moving)


class FarPlayer:
    """A DOSBox on the far side, at an address that is free there."""

    def __init__(self, side: FarSide, ip: str) -> None:
        self.heard: list[Packet] = []
        self._engine = DosboxClient()
        self._port = side.opener(ip)(("0.0.0.0", 0), self._received)
        self._engine.register(0.0)
        self._transmit()

    def send(self, to: Address, payload: bytes) -> None:
        self._engine.send(Packet(to, to, payload=payload))
        self._transmit()

    def _received(self, batch: Sequence[Datagram]) -> None:
        for data, _ in batch:
            self._engine.receive_datagram(data, 0.0)
        self.heard += [event.packet for event in self._engine.events() if isinstance(event, Received)]
        self._transmit()

    def _transmit(self) -> None:
        for data in self._engine.datagrams_to_send():
            self._port.send(data, SERVER)


class Party:
    """A domain, a far side, and what happens between them."""

    def __init__(self, server: Server | None = None) -> None:
        self.domain = Domain()
        self.far = FarSide(server)
        self.members: list[Member] = []
        self.players: list[Station] = []
        self.uplinks: list[UplinkLink] = []

    async def gateway(self, ip: str, *, shares: bool = False) -> Member:
        """A gateway with one local player and an uplink; with `shares` it takes turns with others there."""
        member = await self.domain.member(ip)
        number = len(self.members) + 1
        self.members.append(member)
        lan = await member.lan("players", star=True)
        self.players.append(Station(lan, f"0200000000{number:02X}"))
        await self.uplink(member, ip, shares=shares)
        return member

    async def uplink(
        self,
        member: Member,
        ip: str,
        network: int = NETWORK,
        *,
        joined: bool = True,
        shares: bool = False,
    ) -> UplinkLink:
        async def resolve() -> Endpoint:
            return SERVER

        link = UplinkLink(
            f"uplink-{len(self.uplinks)}",
            network,
            member.gateway.virtual.node if joined else ROUTER,
            "far.example",
            resolve=resolve,
            pseudo_station=b"\x02\xca\xfe\0\0" + bytes([len(self.uplinks)]),
            chance=lambda: 0.5,
            joined=joined,
            elsewhere=lambda node: is_elsewhere(member, link, node),
            opener=self.far.opener(ip),
        )
        nonce = bytes([len(self.uplinks) + 1]) * 8
        member.gateway.attach(link, Share(nonce, switched=False) if shares else None)
        await link.open(member.gateway)
        self.uplinks.append(link)
        return link

    async def settle(self) -> int:
        """Let happen what is under way; return how many datagrams that took. More than `MOST` are a storm."""
        before = self.far.carried + len(self.domain.wire.carried)
        while True:
            await asyncio.sleep(0)
            waiting = len(self.domain.wire.carried)
            self.domain.wire.deliver()
            busy = self.far.deliver() or waiting != len(self.domain.wire.carried)
            took = self.far.carried + len(self.domain.wire.carried) - before
            assert took < MOST, "packets go round and round"
            if not busy and not self.far.queue:
                return took

    async def run(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(int(seconds * 4)):
            await self.settle()
            await asyncio.sleep(0.25)
            self.domain.pass_time(0.25)
        await self.settle()

    async def close(self) -> None:
        for link in self.uplinks:
            await link.close()


def is_elsewhere(member: Member, link: Link, node: bytes) -> bool:
    """Whether a node number is a host on another link of the same gateway."""
    gateway = member.gateway
    return any(node in gateway.hosts_of(other) for other in gateway.links if other is not link)
