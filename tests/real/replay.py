"""Stand-ins for a recorded NetWare server and its client, each a live host on a LAN of its own.

The server answers what the client asks with what it answered then, whatever network the client is on; the
client goes through its recorded conversation, and waits for each reply. Both learn their ways by RIP.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from fixtures.recording import Exchange, Key, Recording, rewritten
from nwip.ipx import sap
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.numbers import ALL_NETWORKS, THIS_NETWORK, UNREACHABLE_HOPS, PacketType, ServiceType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipOperation, RipPacket
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse
from nwip.links.lan.medium import Medium

PATIENCE: Final = 10.0  # seconds


class Host:
    """A host of a LAN that speaks one frame type. `network` is what it takes for its own number, perhaps 0.

    `ways` are the networks that routers told it of, and those routers' MAC addresses. `strange` is what
    nobody should have sent it, `foreign` what came in other frame types, which it does not hear.
    """

    def __init__(self, medium: Medium, mac: bytes, frame_type: FrameType, network: int) -> None:
        self.medium = medium
        self.mac = mac
        self.frame_type = frame_type
        self.network = network
        self.ways: dict[int, bytes] = {}
        self.strange: list[Packet] = []
        self.foreign: list[Packet] = []

    async def open(self) -> None:
        self.medium.accept(self.mac)
        await self.medium.open(self._received)

    async def close(self) -> None:
        await self.medium.close()

    def send(self, packet: Packet, to: bytes) -> None:
        self.say(Frame.of(to, self.mac, self.frame_type, packet.encode()).encode())

    def say(self, frame: bytes) -> None:
        assert self.medium.send(frame)

    def hear(self, packet: Packet, router: bytes) -> None:
        raise NotImplementedError

    def _received(self, frames: Sequence[bytes]) -> None:
        for octets in frames:
            frame = Frame.decode(octets)
            if frame is None or frame.destination not in (self.mac, BROADCAST_NODE):
                continue
            packet = Packet.decode(frame.packet)
            if frame.frame_type is not self.frame_type:
                self.foreign.append(packet)
                continue
            if packet.source.socket == Socket.RIP:
                self._learn(packet.payload, frame.source)
            self.hear(packet, frame.source)

    def _learn(self, payload: bytes, router: bytes) -> None:
        told = RipPacket.decode(payload)
        for entry in told.entries if told.operation == RipOperation.RESPONSE else ():
            if entry.hops < UNREACHABLE_HOPS:
                self.ways[entry.network] = router
            elif self.ways.get(entry.network) == router:
                del self.ways[entry.network]


class ReplayServer(Host):
    """The recorded server: it announces itself, answers who looks for it, and routes to its own network.

    `asked` are the requests that came, `astray` those that it cannot answer: of hosts to which it knows no
    way, or not recorded. `told` are the services of which it was told.
    """

    def __init__(self, recording: Recording, medium: Medium, frame_type: FrameType, network: int) -> None:
        super().__init__(medium, recording.server, frame_type, network)
        self.asked: list[Packet] = []
        self.astray: list[Packet] = []
        self.told: list[SapEntry] = []
        self._recording = recording
        self._turns: Counter[Key] = Counter()
        self._to_say = list(recording.server_says)
        self._routes, self._services = recording.announced()

    async def open(self) -> None:
        await super().open()
        self._say_what_is_due()

    def hear(self, packet: Packet, router: bytes) -> None:
        to = packet.destination
        if to == self._recording.address:
            self._serve(packet)
        elif to.network not in (THIS_NETWORK, self.network):
            self.strange.append(packet)
        elif to.socket == Socket.RIP:
            self._tell_routes(packet, router)
        elif to.socket == Socket.SAP:
            self._tell_services(packet, router)
        elif to.node != BROADCAST_NODE:
            self.strange.append(packet)

    def _serve(self, packet: Packet) -> None:
        """Answer as recorded; a request that was not recorded, or not as often, is left without an answer."""
        self.asked.append(packet)
        key = packet.source.socket, packet.payload
        replies = self._recording.answers(key, self._turns[key])
        self._turns[key] += 1
        way = self._way(packet.source)
        if way is None or replies is None:
            self.astray.append(packet)
            return
        for reply in replies:
            self.send(reply._replace(destination=packet.source), way)
        self._say_what_is_due()

    def _way(self, to: Address) -> bytes | None:
        return to.node if to.network == self.network else self.ways.get(to.network)

    def _say_what_is_due(self) -> None:
        while self._to_say and self._to_say[0][0] <= len(self.asked):
            _, said = self._to_say.pop(0)
            if isinstance(said, bytes):
                self.say(said)
            else:
                before, here = self._recording.network, self.network
                source = rewritten(said.source, before, here)
                to = rewritten(said.destination, before, here)
                self.send(said._replace(source=source, destination=to), BROADCAST_NODE)

    def _tell_routes(self, packet: Packet, asker: bytes) -> None:
        heard = RipPacket.decode(packet.payload)
        networks = {entry.network for entry in heard.entries}
        ours = {ALL_NETWORKS, *(entry.network for entry in self._routes.entries)}
        if heard.operation == RipOperation.REQUEST and networks & ours:
            self._reply(packet, asker, PacketType.RIP, self._routes.encode())

    def _tell_services(self, packet: Packet, asker: bytes) -> None:
        query = sap.decode(packet.payload)
        if isinstance(query, SapResponse):
            self.told += query.entries
        if not isinstance(query, SapQuery):  # the recorded server gave no answer to specific queries
            return
        wanted = [
            entry
            for entry in self._services.entries
            if query.service_type in (entry.service_type, ServiceType.ANY)
        ]
        if wanted:
            nearest = query.operation == SapOperation.NEAREST_QUERY
            operation = SapOperation.NEAREST_RESPONSE if nearest else SapOperation.GENERAL_RESPONSE
            entries = tuple(wanted[:1] if nearest else wanted)
            self._reply(packet, asker, PacketType.PEP, SapResponse(operation, entries).encode())

    def _reply(self, asked: Packet, asker: bytes, packet_type: int, payload: bytes) -> None:
        here = Address(self.network, self.mac, asked.destination.socket)
        self.send(Packet(asked.source, here, packet_type, payload), asker)


class ReplayClient(Host):
    """The recorded client: `answered` fills with what it asked and what came to that."""

    def __init__(self, recording: Recording, medium: Medium, frame_type: FrameType, network: int) -> None:
        super().__init__(medium, recording.client, frame_type, network)
        self.answered: list[tuple[Exchange, list[Packet]]] = []
        self._recording = recording
        self._inbox: list[Packet] = []
        self._arrived = asyncio.Event()

    def hear(self, packet: Packet, router: bytes) -> None:
        if packet.destination.node == self.mac:
            self._inbox.append(packet)
            self._arrived.set()

    async def converse(self, settle: Callable[[], None] = lambda: None) -> None:
        """Go through the conversation; `settle` is called after each packet, to move what is under way."""
        for step in self._recording.client_says:
            if isinstance(step, bytes):
                self.say(step)
            else:
                self._ask(step)
                settle()
                await self._replies(step)
        settle()
        self.strange += self._inbox

    def _ask(self, step: Exchange) -> None:
        before, asked = self._recording.network, step.request
        to = rewritten(asked.destination, before, self.network)
        broadcast = to.node == BROADCAST_NODE
        source = rewritten(asked.source, before, self.network)
        way = BROADCAST_NODE if broadcast else self.ways[to.network]
        self.send(asked._replace(source=source, destination=to), way)

    async def _replies(self, step: Exchange) -> None:
        """Wait for as many replies as were recorded, and take those."""
        count = 1 if step.is_specific else len(step.replies)
        try:
            async with asyncio.timeout(PATIENCE):
                while len(self._inbox) < count:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            raise AssertionError(f"{len(self.answered)} answered, then only {self._inbox}: {step}") from None
        self.answered.append((step, self._inbox[:count]))
        del self._inbox[:count]
