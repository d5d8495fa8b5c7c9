"""The LAN link: thin I/O around the engine. One class for every medium that carries Ethernet frames."""

import hashlib
import logging
from collections.abc import Callable, Collection, Sequence

from nwip.dataplane.spots import Located, Place, Spot
from nwip.dataplane.wakeup import Wakeup
from nwip.ipx.address import BROADCAST_NODE, NODE_SIZE, format_node
from nwip.ipx.frames import FrameType
from nwip.links.base import Counters, Gateway, Hop
from nwip.links.lan.beside import Beside
from nwip.links.lan.counting import NOT_TAKEN
from nwip.links.lan.engine import LanEngine, nobodys
from nwip.links.lan.events import Event, Found, Joined, Left, Warned
from nwip.links.lan.medium import Batching, Cabled, Medium
from nwip.links.lan.neighbours import LIMIT
from nwip.links.lan.own_numbers import OwnNumbers

_log = logging.getLogger("nwip.links.lan")


class LanLink(Located):
    """`Link` of whoever is on an Ethernet; a hop is a MAC address.

    On a medium that is `Batching`, what needs no look passes beside it.

    `network` 0: the LAN's number is not known yet. `frame_type` None: it is found by listening. `node` is our
    number on the network, for a joined link the one on the virtual network; None: the same as `station`,
    which is the medium's address, or made of `secret` (16 to 64 octets) and the link's name. The rest goes
    to the engine: see `LanEngine`.
    """

    star = False
    counters: Counters

    def __init__(
        self,
        name: str,
        kind: str,
        network: int,
        medium: Medium,
        frame_type: FrameType | None,
        *,
        joined: bool,
        secret: bytes,
        node: bytes | None = None,
        limit: int = LIMIT,
        reserved: Callable[[bytes], bool] = nobodys,
        beside: Collection[FrameType] = (),
    ) -> None:
        super().__init__()
        self.name = name
        self.kind = kind
        self.joined = joined
        self.station: bytes | None = medium.mac or made_up_mac(secret, name)
        self._own = OwnNumbers(network, node or self.station, self.station, joined=joined)
        self._engine = LanEngine(self._own, frame_type, limit=limit, reserved=reserved, beside=beside)
        self.counters = self._engine.counters
        self.maximum_size = self._engine.types.maximum_size
        self._medium = medium
        self._gateway: Gateway | None = None
        self._wakeup: Wakeup | None = None
        self._carrier = True
        self._beside: Beside | None = None
        if isinstance(medium, Batching):
            self._beside = Beside(self._engine, lambda: self.shortcuts)
            medium.pass_through(self._beside.port)
        if isinstance(medium, Cabled):
            medium.on_cable(self._cable_changed)

    @property
    def network(self) -> int:
        """The number of the network on the LAN, 0 while it is not known."""
        return self._own.network

    @network.setter
    def network(self, network: int) -> None:
        if network != self._own.network:
            self._own.network = network
            self._look_at_each()

    @property
    def node(self) -> bytes:
        """Our number as the LAN's router; another one is heard, and used, from the moment it is set."""
        return self._own.node

    @node.setter
    def node(self, node: bytes) -> None:
        if node != self._own.node:
            self._own.node = node
            self._look_at_each()
        self._medium.accept(node)

    @property
    def frame_type(self) -> FrameType | None:
        """The frame type that is spoken; None while it is being looked for."""
        return self._engine.types.spoken

    def spot(self, hop: Hop) -> Spot | None:
        """Return where a station is for the kernel."""
        return None if self._beside is None or self._gateway is None else self._beside.spot(hop)

    def place(self, hop: Hop, packet: bytes) -> Place | None:
        """Return where packets with the source of this one are sent to a station."""
        if self._beside is None or self._gateway is None or self._wakeup is None:
            return None
        return self._beside.place(hop, packet, self._wakeup.now())

    async def open(self, gateway: Gateway) -> None:
        """Open the medium and report to `gateway`. Raises `OSError` when the medium cannot be had."""
        self._wakeup = Wakeup(self._engine.next_deadline, self._advance)
        for mac in {self._own.station, self._own.node}:
            self._medium.accept(mac)
        await self._medium.open(self._received)
        self._gateway = gateway
        self._look_at_each()
        self._engine.start(self._wakeup.now())
        self.maximum_size = self._engine.types.maximum_size
        self._settle()
        if not self._carrier:
            gateway.carrier(self, present=False)

    async def close(self) -> None:
        """Leave the LAN."""
        self._gateway = None
        self._look_at_each()
        if self._wakeup is not None:
            self._wakeup.cancel()
        await self._medium.close()

    def send(self, packet: bytes, hop: Hop) -> None:
        """Send a packet to a MAC address. What cannot go out is a counted drop."""
        if self._wakeup is None:
            self.counters.drop(NOT_TAKEN)
            return
        frame = self._engine.frame(packet, hop, self._wakeup.now())
        if frame is None:
            return
        if not self._medium.send(frame):
            self.counters.drop(NOT_TAKEN)
            return
        self.counters.packets_out += 1
        self.counters.octets_out += len(packet)

    def send_to_all(
        self,
        packet: bytes,
        *,
        besides: Hop | None = None,  # noqa: ARG002 - a broadcast on a LAN leaves nobody out
    ) -> None:
        """Send a packet as a broadcast; on a LAN it reaches all at once, also `besides`."""
        self.send(packet, BROADCAST_NODE)

    def release(self, node: bytes) -> None:
        """Forget a host that has moved to another gateway."""
        self._engine.release(node)
        self._settle()

    def describe(self) -> dict[str, str]:
        """Return what the medium is, which frame type is spoken, who we are and what is heard."""
        told = {**self._medium.describe(), **self._engine.describe()}
        return told if self._beside is None else {**told, "data plane": self._beside.port.kind}

    def alarms(self, now: float) -> list[tuple[str, str]]:
        """Return what is wrong with the LAN for an operator to put right."""
        return self._engine.types.alarms(now)

    def _received(self, frames: Sequence[bytes]) -> None:
        if self._gateway is None or self._wakeup is None:
            return
        arrivals = self._engine.receive_frames(frames, self._wakeup.now())
        self._settle()
        if arrivals and self._gateway is not None:
            self._gateway.receive(self, arrivals)

    def _cable_changed(self, present: bool) -> None:
        self._carrier = present
        if self._gateway is not None:
            self._gateway.carrier(self, present=present)

    def _advance(self, now: float) -> None:
        self._engine.advance(now)
        self._settle()

    def _settle(self) -> None:
        """Send and report what the engine has decided, and set the timer to its next deadline."""
        for frame in self._engine.frames_to_send():
            if not self._medium.send(frame):
                self.counters.drop(NOT_TAKEN)
        for event in self._engine.events():
            self._report(event)
        if self._wakeup is not None and self._gateway is not None:
            self._wakeup.arm()

    def _look_at(self, node: bytes) -> None:
        if self._beside is not None:
            self._beside.forget(node)

    def _look_at_each(self) -> None:
        if self._beside is not None:
            self._beside.clear()

    def _report(self, event: Event) -> None:
        match event:
            case Joined(node):
                self._look_at(node)
                _log.info("%s: host %s joined", self.name, format_node(node))
                if self._gateway is not None:
                    self._gateway.host_gained(self, node, node)
            case Left(node, reason):
                self._look_at(node)
                _log.info("%s: host %s left: %s", self.name, format_node(node), reason)
                if self._gateway is not None:
                    self._gateway.host_lost(self, node)
            case Found(text):
                self.maximum_size = self._engine.types.maximum_size
                _log.info("%s: %s", self.name, text)
            case Warned(text):
                _log.warning("%s: %s", self.name, text)


def made_up_mac(secret: bytes, name: str) -> bytes:
    """Return a MAC address for a link whose medium has none, always the same for the same name and secret.

    Locally administered (IEEE 802.3, 3.2.3) and not beginning with 7E, as the numbers of nodes do.
    """
    octets = hashlib.blake2s(
        name.encode(), key=secret[:32], person=b"nwip LAN", digest_size=NODE_SIZE
    ).digest()
    first = octets[0] & 0xFC | 0x02
    return bytes([first ^ 0x80 if first == 0x7E else first]) + octets[1:]
