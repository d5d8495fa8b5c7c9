"""One registration with a DOSBox-protocol server: asked for, kept alive, asked for again. Pure.

The protocol has no word for "are you there": a registration sends a packet to its own number, which a server
that knows it sends back (DOSBox's does; ipxbox does not, but answers registrations again and again). When
neither probe comes back it registers anew, with the number that it had as the source: DOSBox's server knows
it by that and does not give it a second one of its 16 places, which would double every packet.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from nwip.ipx.address import Address
from nwip.ipx.numbers import THIS_NETWORK, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.ping import NODE_WANTED, registration

FIRST_PAUSE: Final = 1.0  # seconds until an unanswered registration is sent again
LONGEST_PAUSE: Final = 30.0  # the pause doubles up to this, each shortened by up to a quarter at random
PROBE_AFTER: Final = 10.0  # seconds in which we have not sent, or not heard, anything
PROBE_WAIT: Final = 2.0  # seconds for an answer
PROBES: Final = 2  # unanswered ones after which the server is taken to have forgotten us
PROOF_WAIT: Final = 0.7  # seconds that a chosen number waits for a ping that asks for proof: nwip's at 0.5
PING_TIME: Final = 2.0  # seconds in which only the host that was pinged may answer
WAITING_PACKETS: Final = 4  # kept while the registration is under way; further ones are dropped


class RegistrationView(NamedTuple):
    """What there is to tell of a registration: `host` is None for the gateway's own."""

    host: Address | None
    number: bytes | None
    is_up: bool
    chose_node: bool
    packets_in: int
    packets_out: int


class Registration:
    """A registration from the UDP port with the index `port`; `number` is None until the server gives one.

    `host` is the ten octets of network and node that it stands for: None for the gateway's own, and while
    nobody uses it. `network` is the far side's as four octets. `given_up` counts packets that have waited in
    vain. `chance` returns a random number from 0 to 1.
    """

    __slots__ = (
        "_chance",
        "_last_sent",
        "_pause",
        "_pinged",
        "_pinged_until",
        "_probed_at",
        "_probes",
        "_ready_at",
        "_tries",
        "_try_at",
        "_waiting",
        "_wanted",
        "chose_node",
        "given_up",
        "host",
        "is_up",
        "last_heard",
        "last_used",
        "network",
        "number",
        "packets_in",
        "packets_out",
        "port",
    )

    def __init__(self, port: int, chance: Callable[[], float]) -> None:
        self.port = port
        self.host: bytes | None = None
        self.number: bytes | None = None
        self.network = bytes(4)
        self.chose_node = False
        self.packets_in = self.packets_out = self.given_up = 0
        self._chance = chance
        self.begin(None, None, 0.0)

    def begin(self, host: bytes | None, wanted: bytes | None, now: float) -> None:
        """Register for a host at the next `advance`; `wanted` is the node number to ask for, or None."""
        self.host = host
        self.is_up = False
        self.last_heard = self.last_used = self._last_sent = self._try_at = now
        self._wanted = wanted
        self._tries = self._probes = 0
        self._pause = FIRST_PAUSE
        self._probed_at = self._ready_at = self._pinged_until = now
        self._pinged: bytes | None = None
        self._waiting: list[bytes] = []

    @property
    def tries(self) -> int:
        """How many registrations in a row have not been answered yet."""
        return self._tries

    @property
    def wants_another_port(self) -> bool:
        """Whether the next try must come from a new port.

        The server may have heard the last one, and holds a place for that port: so it must not get another.
        """
        return self._tries > 0 and self.number is None

    @property
    def due(self) -> float:
        """When `advance` or `take_waiting` has something to do."""
        if not self.is_up:
            return self._try_at
        return min(self._next_probe, self._ready_at) if self._waiting else self._next_probe

    def advance(self, now: float) -> bytes | None:
        """Return the probe or registration that is due now, if one is."""
        if self.is_up:
            if now < self._next_probe:
                return None
            if self._probes < PROBES:
                return self.probe(now)
            self.is_up = False
            self._try_at = now
        if now < self._try_at:
            return None
        if self._tries:
            self.given_up += len(self._waiting)
            self._waiting.clear()
        self._tries += 1
        self._try_at = now + self._pause * (1.0 - 0.25 * self._chance())
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        packet = registration(self._wanted)
        if self.number is not None:
            packet = packet._replace(source=packet.source._replace(node=self.number))
        return packet.encode()

    def probe(self, now: float) -> bytes:
        """Return a packet to ourselves, which the server sends back if it knows us."""
        self._probes += 1
        self._probed_at = self._last_sent = now
        return Packet(self.address, self.address).encode()

    def heard(self, now: float) -> None:
        """Note that the server has sent us something."""
        self.last_heard = now
        self._probes = 0

    def sent(self, now: float) -> None:
        """Note that we have sent the server something."""
        self._last_sent = now

    def accept(self, reply: Packet, now: float) -> None:
        """Take network and number from the server's reply."""
        self.number = reply.destination.node
        self.network = reply.destination.network.to_bytes(4, "big")
        self.chose_node = reply.transport_control == NODE_WANTED and self.number == self._wanted
        self.is_up = True
        self._tries = self._probes = 0
        self._pause = FIRST_PAUSE
        self._last_sent = self.last_heard = now
        self._ready_at = now + PROOF_WAIT if self.chose_node else now

    def proved(self, now: float) -> None:
        """Note that a ping that may have asked for proof of a chosen number has been answered."""
        self._ready_at = now

    def is_ready(self, now: float) -> bool:
        """Say whether packets of the host can be sent."""
        return self.is_up and now >= self._ready_at

    def hold(self, packet: bytes) -> bool:
        """Keep a packet until it can be sent; False when the server is long silent, or there is no room."""
        if self._tries > 1 or len(self._waiting) >= WAITING_PACKETS:
            return False
        self._waiting.append(packet)
        return True

    def abandon(self) -> int:
        """Take the registration from its host; return how many of its packets have waited in vain."""
        self.host = None
        waited = len(self._waiting)
        self._waiting.clear()
        return waited

    def take_waiting(self, now: float) -> list[bytes]:
        """Take out what has waited, if it can be sent now."""
        if not self.is_ready(now):
            return []
        waiting, self._waiting = self._waiting, []
        return waiting

    def pings(self, node: bytes | None, now: float) -> None:
        """Note that the host pings one host of the far side, or with None all."""
        self._pinged, self._pinged_until = node, now + PING_TIME

    def pings_another(self, node: bytes, now: float) -> bool:
        """Say whether the host has just pinged one host, and another than `node`."""
        return self._pinged not in (None, node) and now < self._pinged_until

    @property
    def _next_probe(self) -> float:
        if self._probes:
            return self._probed_at + PROBE_WAIT
        return min(self._last_sent, self.last_heard) + PROBE_AFTER

    @property
    def address(self) -> Address:
        """Our own address on the far side, socket 2. `RuntimeError` before a number was given."""
        if self.number is None:
            raise RuntimeError("not registered with the server")
        return Address(int.from_bytes(self.network, "big"), self.number, Socket.ECHO)

    def view(self) -> RegistrationView:
        """Return what there is to tell."""
        host = None
        if self.host is not None:
            host = Address(int.from_bytes(self.host[:4], "big"), self.host[4:], THIS_NETWORK)
        return RegistrationView(
            host, self.number, self.is_up, self.chose_node, self.packets_in, self.packets_out
        )
