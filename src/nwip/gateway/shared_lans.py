"""All LANs of a gateway on which other gateways of the domain may stand: the seam to the gateway itself.

After every call that takes `now` the gateway takes `turns()` and does them; `next_deadline` may have changed.
See "For the gateway" in docs/links/sharing-a-lan.md. No clock of its own.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from nwip.directory.lans import Lans
from nwip.directory.records import Route
from nwip.gateway.shared_lan import HOSTS_LIMIT, Duty, SharedLan, Turn
from nwip.ipx.address import NULL_NODE
from nwip.ipx.hello import Hello, is_between_gateways, server_answer
from nwip.ipx.packet import Packet
from nwip.links.base import Arrival, Hop, Link
from nwip.routing.alarms import Alarm
from nwip.routing.standby import DEFAULT_PRIORITY, UNFIT, Standby
from nwip.wire import WireError

STRAY_HELLO: Final = "hello where no gateway can stand"
TOO_MANY_HOSTS: Final = "too many hosts to remember while standing by"


class SharedLans:
    """The links that have a `station` number. Any other link's duty is to route, always.

    `domain` is the domain's name, `identity` the node's.
    """

    def __init__(self, domain: str, identity: bytes) -> None:
        self._domain = domain
        self._identity = identity
        self._lans: dict[str, SharedLan] = {}
        self._priorities: dict[str, int] = {}
        self._fit = True
        self._turns: list[Turn] = []

    def add(
        self, link: Link, nonce: bytes, now: float, *, priority: int = DEFAULT_PRIORITY, switched: bool = True
    ) -> Duty:
        """Take in a link that is about to be opened; return its first duty.

        `nonce` is 8 random octets, new for every call. `switched` says that it is an Ethernet: not an uplink
        or a tunnel, where nobody's node number can be shared.
        """
        if link.station is not None:
            engine = Standby(self._domain, self._identity, nonce, priority if self._fit else UNFIT, now)
            self._lans[link.name] = SharedLan(
                link, self._domain, engine, switched=switched, turned=self._turns.append
            )
            self._priorities[link.name] = priority
        return self.duty(link)

    def remove(self, link: Link, now: float) -> None:
        """Say goodbye on a link that is about to be closed, and forget it; no turn comes of it."""
        lan = self._lans.pop(link.name, None)
        if lan is not None:
            del self._priorities[link.name]
            lan.engine.leave(now)
            lan.settle(now)
            self._turns[:] = [turn for turn in self._turns if turn.link is not link]

    def lan(self, link: Link) -> SharedLan | None:
        """Return what is known of a link, None if no other gateway can stand on it."""
        return self._lans.get(link.name)

    def duty(self, link: Link) -> Duty:
        """Return what to do on a link."""
        lan = self._lans.get(link.name)
        return lan.duty if lan is not None else Duty.ROUTE

    def strangers(self, now: float) -> Iterator[Alarm]:
        """Yield an alarm for each LAN and each gateway of another domain that is heard there."""
        for name, lan in self._lans.items():
            for domain, sentence in lan.engine.strangers.present(now).items():
                yield Alarm("two-domains", name, f"link {name}: {sentence}", domain.hex())

    def why(self, link: Link) -> str:
        """Return why that is its duty, one sentence for people; empty where no other gateway can stand."""
        lan = self._lans.get(link.name)
        return lan.engine.why if lan is not None else ""

    def stamp(self, link: Link, route: Route) -> Route:
        """Return a route that was learned on a link, or leads to its network, as it is to be registered."""
        lan = self._lans.get(link.name)
        return lan.stamp(route) if lan is not None else route

    def network_learned(self, link: Link, now: float) -> None:
        """Learn that a routed link's network is known now; call it behind setting `link.network`."""
        lan = self._lans.get(link.name)
        if lan is not None:
            lan.share_node()
            if lan.duty is Duty.ROUTE:
                lan.show([link.node], now)

    # What comes in.

    def hear(self, link: Link, packet: bytes, hop: Hop, now: float) -> bool:
        """Take a packet if it is for gateways alone; then nothing else may be done with it.

        A star link answers it, which tells a gateway that its link leads back to us.
        """
        if not is_between_gateways(packet):
            return False
        decoded = Packet.decode(packet)
        lan = self._lans.get(link.name)
        if lan is not None:
            lan.hear(decoded, hop, now)
        elif link.star:
            self._answer(link, decoded, hop)
        else:
            link.counters.drop(STRAY_HELLO)
        return True

    def sift(self, link: Link, batch: Sequence[Arrival], now: float) -> list[Arrival]:
        """Take the packets for gateways out of a batch; return the rest, which the duty says what to do with.

        For links on which nothing is forwarded, where they do not come to `hear` by being unusual.
        """
        return [arrival for arrival in batch if not self.hear(link, *arrival, now)]

    def host_gained(self, link: Link, node: bytes, hop: Hop) -> bool:
        """Note a host that a joined link reports; say whether to register it now."""
        lan = self._lans.get(link.name)
        if lan is None:
            return True
        if node in lan.hosts or len(lan.hosts) < HOSTS_LIMIT:
            lan.hosts[node] = hop
        else:
            link.counters.drop(TOO_MANY_HOSTS)
        return lan.duty is Duty.ROUTE

    def host_lost(self, link: Link, node: bytes) -> None:
        """Forget a host that has left; withdraw it as ever, which does nothing if it is not registered."""
        lan = self._lans.get(link.name)
        if lan is not None:
            lan.hosts.pop(node, None)

    def claimable(self, node: bytes, owner: bytes | None) -> tuple[Link, Hop] | None:
        """Return where to register a host of a joined link whose record has that owner now; None: nowhere.

        For each of a link's `hosts` when its duty becomes to route, and whenever a host's record changes.
        """
        for lan in self._lans.values():
            if lan.may_claim(node, owner):
                return lan.link, lan.hosts[node]
        return None

    def directory_changed(self, lans: Lans, now: float) -> None:
        """Look at the turns that others have in the directory: those that we take must be above them."""
        for lan in self._lans.values():
            turn = None if lan.link.joined else lans.highest_turn(lan.link.network, self._identity)
            if turn is not None:
                lan.engine.learn_turn(turn, now)
                lan.settle(now)

    def carrier(self, link: Link, *, present: bool, now: float) -> None:
        """Learn that a link's cable is out, or in again."""
        lan = self._lans.get(link.name)
        if lan is not None:
            if present:
                lan.engine.plug(now)
            else:
                lan.engine.unplug()
            lan.settle(now)

    def set_fit(self, fit: bool, now: float) -> None:
        """Say whether this node reaches the domain; while it does not, others that do take its LANs over."""
        if fit != self._fit:
            self._fit = fit
            for name, lan in self._lans.items():
                lan.engine.set_priority(self._priorities[name] if fit else UNFIT, now)
                lan.settle(now)

    # Time.

    def turns(self) -> list[Turn]:
        """Return, once, what is to be done otherwise than before, in order."""
        turns = self._turns.copy()
        self._turns.clear()  # never another list: links may answer while they are sent to
        return turns

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        times = (lan.next_deadline() for lan in self._lans.values())
        return min((time for time in times if time is not None), default=None)

    def advance(self, now: float) -> None:
        """Do what is due."""
        for lan in self._lans.values():
            lan.advance(now)

    def _answer(self, link: Link, asked: Packet, hop: Hop) -> None:
        try:
            answer = server_answer(Hello.decode(asked.payload), self._domain, self._identity)
        except WireError:
            return
        if answer is not None and asked.source.node != NULL_NODE:
            link.send(answer.packet(link.network, link.node, to=asked.source.node).encode(), hop)
