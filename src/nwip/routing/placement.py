"""Where the hosts of the virtual network are that are not on our own links. Pure.

Two sources, in this order: for ten seconds, the node that a packet came from (a player's first packet
outruns its record), unless the host has moved since; the `Node` and `Host` records of the directory. Hosts of
our own links are known before either is asked. A packet to an unknown host waits a moment for its record.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

from nwip.directory.records import Host, Kind
from nwip.directory.table import Directory

LEARNED_FOR: Final = 10.0  # seconds that a packet places its source
LEARNED_LIMIT: Final = 8192  # hosts; the one placed longest ago is forgotten
WAIT: Final = 0.25  # seconds that a packet waits for its destination to become known
WAITING_PACKETS: Final = 4  # for each unknown host; further ones are dropped
WAITING_HOSTS: Final = 256  # packets for further ones are dropped


class _Learned(NamedTuple):
    """What packets showed: the owner, until when it is believed, and the moves known of the host then."""

    owner: bytes
    until: float
    moves: int


class Placement:
    """Answers, for a node number of the virtual network, which owner it is behind."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._learned: OrderedDict[bytes, _Learned] = OrderedDict()
        self._waiting: OrderedDict[bytes, tuple[float, list[bytes]]] = OrderedDict()
        self.given_up = 0

    def owner_of(self, node: bytes, now: float) -> bytes | None:
        """Return the identity of the node that a host (or node number) is behind, None when unknown."""
        host = self.best_host(node)
        learned = self._learned.get(node)
        if learned is not None and learned.until > now and learned.moves >= (host[1] if host else 0):
            return learned.owner
        nodes = self._directory.offers((Kind.NODE, node, ""))
        if nodes:
            return nodes[0].owner
        return host[0] if host else None

    def best_host(self, node: bytes) -> tuple[bytes, int] | None:
        """Return owner and move counter of the `Host` record that stands: most moves, then higher owner."""
        claims = [
            (record.value.moves, record.owner)
            for record in self._directory.offers((Kind.HOST, node, ""))
            if isinstance(record.value, Host)
        ]
        if not claims:
            return None
        moves, owner = max(claims)
        return owner, moves

    def learn(self, node: bytes, owner: bytes, now: float) -> bytes | None:
        """Note that a packet of `node` came from `owner`; return the host that was forgotten for it."""
        host = self.best_host(node)
        self._learned[node] = _Learned(owner, now + LEARNED_FOR, host[1] if host else 0)
        self._learned.move_to_end(node)
        return self._learned.popitem(last=False)[0] if len(self._learned) > LEARNED_LIMIT else None

    def wait(self, node: bytes, packet: bytes, now: float) -> bool:
        """Keep a packet until `node` becomes known; False when there is no room, and it is dropped."""
        due, packets = self._waiting.get(node, (now + WAIT, []))
        if len(packets) >= WAITING_PACKETS or (not packets and len(self._waiting) >= WAITING_HOSTS):
            return False
        packets.append(packet)
        self._waiting[node] = (due, packets)
        return True

    def release(self, node: bytes) -> list[bytes]:
        """Hand back, in order, the packets that waited for `node`."""
        return self._waiting.pop(node, (0.0, []))[1]

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        first_waiting = next(iter(self._waiting.values()), None)
        first_learned = next(iter(self._learned.values()), None)
        deadlines = [
            entry
            for entry in (first_waiting and first_waiting[0], first_learned and first_learned.until)
            if entry
        ]
        return min(deadlines, default=None)

    def advance(self, now: float) -> list[bytes]:
        """Drop what has waited long enough; return the hosts whose learned place has lapsed."""
        while self._waiting and next(iter(self._waiting.values()))[0] <= now:
            self.given_up += len(self._waiting.popitem(last=False)[1][1])
        lapsed = []
        while self._learned and next(iter(self._learned.values())).until <= now:
            lapsed.append(self._learned.popitem(last=False)[0])
        return lapsed
