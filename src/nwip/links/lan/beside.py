"""What passes beside the engine of a LAN link, many frames at once, and what the engine knows of it.

The engine looks at the first packet that goes some way; the data plane remembers, and takes those that follow
(`dataplane/flows.py`). So the engine is asked here what may be remembered, it is told who has been heard and
what was sent meanwhile, and what it decides anew is forgotten there.
"""

from collections.abc import Callable, Collection

from nwip.dataplane.frames_port import FramePort
from nwip.dataplane.headers import NETWORK_SIZE
from nwip.dataplane.spots import Place, Shortcuts, Spot
from nwip.ipx.frames import MAC_SIZE
from nwip.links.base import Hop
from nwip.links.lan.engine import LanEngine


class Beside:
    """The way beside an engine: `port`, through which frames pass. `shortcuts` is where it is remembered."""

    def __init__(self, engine: LanEngine, shortcuts: Callable[[], Shortcuts | None]) -> None:
        self._engine = engine
        self._shortcuts = shortcuts
        self.port = FramePort(engine.own, engine.counters, self)
        engine.neighbours.beside = self

    @property
    def taken_at(self) -> float:
        """When packets last passed from the LAN, in seconds."""
        return self.port.taken_at

    def taken(self, node: bytes) -> int:
        """Return how many packets of a host have passed."""
        return self.port.tally.packets_in.get(node, 0)

    def spot(self, mac: Hop) -> Spot | None:
        """Return where a station is for the kernel; None where its frames must be looked at."""
        types = self._engine.types
        if not (isinstance(mac, bytes) and len(mac) == MAC_SIZE and types.settled and types.spoken):
            return None
        self.port.expect(types.spoken)
        return Spot(self.port, mac)

    def place(self, mac: Hop, packet: bytes, now: float) -> Place | None:
        """Return where packets with the source of this one are sent to a station, None likewise."""
        spot = self.spot(mac)
        if len(packet) > self._engine.types.maximum_size:
            return None
        sender = self._engine.egress.lasting_sender(packet, now)
        if spot is None or sender is None:
            return None
        target = self.port if sender == self._engine.own.node else self.port.by_source
        return Place(target, spot.name)

    def forget(self, node: bytes) -> None:
        """Let everything from and to a host of this network be looked at again: it has come or gone."""
        shortcuts = self._shortcuts()
        if shortcuts is not None:
            shortcuts.forget(self._engine.own.network_octets + node)
        self.port.tally.forget(node)

    def clear(self) -> None:
        """Let everything be looked at again."""
        shortcuts = self._shortcuts()
        if shortcuts is not None:
            shortcuts.clear()

    def admits(self, source: bytes, mac: bytes, destination: bytes) -> bool:
        """Say whether packets may pass; on a joined LAN only its own hosts' to others: see `ingress.py`."""
        own, hosts = self._engine.own, self._engine.neighbours
        if not own.joined:
            return True
        here = own.network_octets
        is_local = destination[:NETWORK_SIZE] == here and destination[NETWORK_SIZE:] in hosts
        return mac in hosts and source == here + mac and not is_local

    def note_sending(self, senders: Collection[bytes], now: float) -> None:
        """Learn that frames go out from some MAC addresses."""
        for mac in senders:
            self._engine.own.note_sending(mac, now)

    def review(self) -> None:
        """Learn which hosts have been heard."""
        self._engine.neighbours.review()
