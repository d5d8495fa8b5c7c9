"""Which packets may cross an uplink, and why another may not. Pure."""

from collections.abc import Callable
from typing import Final

from nwip.ipx.address import BROADCAST_NODE
from nwip.links.dosbox import ingress
from nwip.links.uplink import header
from nwip.links.uplink.far_hosts import FarHosts
from nwip.links.uplink.loop_watch import LoopWatch
from nwip.links.uplink.registration import Registration
from nwip.links.uplink.registrations import Registrations

LOOP: Final = "leads back into the domain"
CAME_BACK: Final = "has come back"
COPY: Final = "copy of a broadcast"

_ANY_NETWORK: Final = bytes(4)


class Crossing:
    """Judges packets by what the engine's tables hold; `network` is our side's number as four octets."""

    def __init__(
        self,
        network: bytes,
        registrations: Registrations,
        far: FarHosts,
        watch: LoopWatch,
        elsewhere: Callable[[bytes], bool],
    ) -> None:
        self._network = network
        self._registrations = registrations
        self._far = far
        self._watch = watch
        self._elsewhere = elsewhere

    def flaw_outwards(self, packet: bytes) -> str | None:
        """Say why a packet must not go to the far side, whoever sends it; None if it may."""
        own = self._registrations.gateway
        if len(packet) > ingress.MAXIMUM_SIZE:
            return ingress.OVERSIZE
        if header.destination(packet)[:4] != self._network:
            return "to another network"
        if own is None or not own.is_up:
            return "not registered with the server"
        if self._watch.is_loop:
            return LOOP
        if self._watch.ends_at is not None and not header.is_hello(packet):
            return "on probation"
        return None

    def has_come_back(self, host: bytes, now: float) -> bool:
        """Say whether a host of our side, ten octets, is in truth one of the far side, or stands for one.

        One that is on another link of this gateway now is forgotten as a far host.
        """
        node = host[4:]
        if host[:4] != self._network:
            return False
        if node in self._far and self._elsewhere(node):
            self._far.discard(node)
        return self._far.is_there(node, now) or self._registrations.was_given(node)

    def flaw_inwards(self, registration: Registration, packet: bytes, ours: bytes, now: float) -> str | None:
        """Say why a packet of the far side is not taken; None if it is: its sender is a far host then.

        `ours` is our own node number on our side.
        """
        sender, to = ingress.source_node(packet), ingress.destination_node(packet)
        networks = (_ANY_NETWORK, registration.network)
        if self._registrations.has_number(sender):
            return CAME_BACK
        if to == BROADCAST_NODE and registration is not self._registrations.gateway:
            return COPY
        if to not in (BROADCAST_NODE, registration.number):
            return "for another registration"
        if header.source(packet)[:4] not in networks or header.destination(packet)[:4] not in networks:
            return "from another network"
        if self._watch.is_loop:
            return LOOP
        if header.is_hello(packet):
            return None
        if self._watch.ends_at is not None:
            return "on probation"
        if header.is_ping_answer(packet) and registration.pings_another(sender, now):
            return "answer of another than the pinged"
        return self._far.take(sender, ours, now)
