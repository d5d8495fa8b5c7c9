"""Simulated cables: LANs on which everybody hears broadcasts, and frames go to node numbers. Pure."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import DESTINATION_SOCKET_OFFSET, HEADER_SIZE, SOURCE_OFFSET
from nwip.sim.clock import Clock

DELAY: Final = 0.001  # seconds
PROBE_SOCKET: Final = Socket.DYNAMIC_FIRST + 0x100
_PROBE: Final = PROBE_SOCKET.to_bytes(2, "big")

Received = Callable[[bytes, bytes, bytes], None]
"""Takes a packet, the node number it was sent from, and the one it was sent to."""


class Crossings:
    """Counts how often each probe was put on a cable, and by whom. A probe's payload is its name."""

    def __init__(self) -> None:
        self.on_cables: Counter[tuple[bytes, str]] = Counter()
        self.by_senders: Counter[tuple[bytes, str, bytes]] = Counter()

    def note(self, packet: bytes, where: str, sender: bytes) -> None:
        """Count a packet if it is a probe."""
        if packet[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET] == _PROBE:
            name = packet[HEADER_SIZE:]
            self.on_cables[name, where] += 1
            self.by_senders[name, where, sender] += 1

    def clear(self) -> None:
        """Forget all probes."""
        self.on_cables.clear()
        self.by_senders.clear()


class Tap:
    """Where a box is plugged into a cable. `accepts` holds the node numbers it hears; None: all of them."""

    def __init__(self, cable: "Cable", node: bytes, received: Received) -> None:
        self.cable = cable
        self.node = node
        self.received = received
        self.accepts: set[bytes] | None = {node}
        self.plugged = True
        cable.taps.append(self)

    def hears(self, node: bytes) -> bool:
        """Say whether a frame to a node number is taken."""
        return self.accepts is None or node in self.accepts

    def send(self, packet: bytes, source: bytes, to: bytes) -> None:
        """Put a packet on the cable."""
        cable = self.cable
        if self.plugged:
            cable.crossings.note(packet, cable.name, self.node)
            cable.clock.after(DELAY, lambda: cable.deliver(self, packet, source, to))


class Cable:
    """One LAN. `network` is the number that its routers give it."""

    def __init__(self, clock: Clock, crossings: Crossings, name: str, network: int) -> None:
        self.clock = clock
        self.crossings = crossings
        self.name = name
        self.network = network
        self.taps: list[Tap] = []

    def deliver(self, sender: Tap, packet: bytes, source: bytes, to: bytes) -> None:
        """Hand a frame to everybody who takes it."""
        if sender.plugged:
            for tap in self.taps:
                if tap is not sender and tap.plugged and (to == BROADCAST_NODE or tap.hears(to)):
                    tap.received(packet, source, to)
