"""What a gateway is to do on a LAN where other gateways of the domain may stand. No clock of its own.

`routing/standby.py` decides which gateway is active; here its word becomes a *duty*, its hellos go out on the
link, and what has to outlast a time of standing by is kept: the hosts of a joined LAN.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final, NamedTuple

from msgspec.structs import replace

from nwip.directory.lans import is_turn
from nwip.directory.records import Route
from nwip.ipx.address import NULL_NODE
from nwip.ipx.hello import MAGIC, Hello, HelloState, presence
from nwip.ipx.packet import Packet
from nwip.links.base import Hop, Link
from nwip.routing.shared_node import shared_node
from nwip.routing.standby import Alarm, Standby, Turned
from nwip.wire import WireError

HOSTS_LIMIT: Final = 4096  # hosts of one LAN that are remembered; further ones are not
SHOWN_LIMIT: Final = 4096  # node numbers that wait to be shown; further ones are left out
SHOW_INTERVAL: Final = 0.055  # seconds between broadcasts: what IPX routers leave between packets
SHOWN_AT_ONCE: Final = 8

MALFORMED_HELLO: Final = "malformed hello"

_log = logging.getLogger("nwip.gateway.shared_lan")


class Duty(Enum):
    """What to do on a link.

    `ROUTE`: everything; agents are attached, announce and answer, and hosts are registered. `LEARN`: hear
    RIP, SAP and hosts, so as to be ready; forward nothing, answer nothing, send nothing, register nothing.
    `NOTHING`: take nothing but hellos, for the link is part of a loop.
    """

    ROUTE = "active"
    LEARN = "standing by"
    NOTHING = "blocked"


_DUTIES: Final = {HelloState.ACTIVE: Duty.ROUTE, HelloState.BLOCKED: Duty.NOTHING}


class Turn(NamedTuple):
    """A link has another duty from now on, or another turn under the same; `why` is one sentence."""

    link: Link
    duty: Duty
    turn: int
    why: str


class SharedLan:
    """One link with a `station` number, and this gateway's part on it.

    `switched` says that it is an Ethernet, with switches that learn which port a MAC address is at: there the
    gateways share a node number, which is set as the link's `node` as soon as its network is known.
    `hosts` are those that a joined link has reported, whatever the duty was then. `turned` is told, before
    anything is sent, what is to be done otherwise than before.
    """

    def __init__(
        self,
        link: Link,
        domain: str,
        engine: Standby,
        *,
        switched: bool,
        turned: Callable[[Turn], None] = lambda _: None,
    ) -> None:
        self.link = link
        self.engine = engine
        self.switched = switched
        self.hosts: dict[bytes, Hop] = {}
        self._domain = domain
        self._turned = turned
        self._shown: deque[bytes] = deque()
        self._show_at = 0.0
        self.share_node()

    @property
    def duty(self) -> Duty:
        """What to do on the link now."""
        return _DUTIES.get(self.engine.state, Duty.LEARN)

    def share_node(self) -> None:
        """Give the link the number that the gateways share, once its network is known."""
        if self.switched and (self.link.joined or self.link.network):
            self.link.node = shared_node(self._domain, None if self.link.joined else self.link.network)

    def stamp(self, route: Route) -> Route:
        """Return a route as it is to be registered: with the LAN that it goes through, and the turn there.

        A joined LAN is the virtual network, to which nobody registers a route: what lies behind it goes
        through no LAN of its own, and ages with the lease.
        """
        if self.link.joined or not self.link.network:
            return route
        stamped = replace(route, lan=self.link.network)
        return replace(stamped, turn=self.engine.turn) if is_turn(stamped) else stamped

    def hear(self, packet: Packet, hop: Hop, now: float) -> None:
        """Take a packet that is for gateways alone."""
        if packet.payload == MAGIC:
            return
        try:
            hello = Hello.decode(packet.payload)
        except WireError:
            self.link.counters.drop(MALFORMED_HELLO)
            return
        self.engine.hear(hello, hop, now)
        self.settle(now)

    def may_claim(self, node: bytes, owner: bytes | None) -> bool:
        """Say whether to register a host as one of this LAN, whose record has that owner now.

        It was heard here, and nobody has it, or a gateway of this LAN had. Any other owner is right: what was
        heard here was sent on in the host's name by the gateway that was active.
        """
        if self.duty is not Duty.ROUTE or node not in self.hosts or owner == self.engine.identity:
            return False
        return owner is None or owner in self.engine.neighbours.identities()

    def show(self, nodes: Iterable[bytes], now: float) -> None:
        """Let the LAN's switches know that these node numbers are at our port, a few at a time.

        For all that hosts of a joined LAN may send to: a switch goes on sending to the port of the gateway
        before, which is dead, until it hears the number from another. Nothing where there are no switches.
        """
        if self.switched:
            for node in nodes:
                if len(self._shown) >= SHOWN_LIMIT:
                    break
                self._shown.append(node)
            self._show_some(now)

    def advance(self, now: float) -> None:
        """Do what is due."""
        self.engine.advance(now)
        self._show_some(now)
        self.settle(now)

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        deadline = self.engine.next_deadline()
        if not self._shown:
            return deadline
        return self._show_at if deadline is None else min(deadline, self._show_at)

    def settle(self, now: float) -> None:
        """Do what the engine has decided; after every call to it."""
        events = self.engine.take_events()
        for event in events:
            match event:
                case Turned(state, turn, why):
                    _log.info("%s: %s: %s", self.link.name, state.name.lower().replace("_", " "), why)
                    self._turned(Turn(self.link, _DUTIES.get(state, Duty.LEARN), turn, why))
                case Alarm(text):
                    _log.warning("%s: %s", self.link.name, text)
        for hello in self.engine.hellos_to_send():
            self.link.send_to_all(hello.packet(self.link.network, self.link.station or NULL_NODE).encode())
        if any(isinstance(event, Turned) for event in events):
            self._shown.clear()
            if self.duty is Duty.ROUTE:
                self.show([self.link.node], now)

    def _show_some(self, now: float) -> None:
        if self._shown and self._show_at <= now:
            self._show_at = now + SHOW_INTERVAL
            for _ in range(min(SHOWN_AT_ONCE, len(self._shown))):
                self.link.send_to_all(presence(self.link.network, self._shown.popleft()).encode())
