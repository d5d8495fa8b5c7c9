"""What the routing side knows of a link. Pure."""

from dataclasses import dataclass

from nwip.routing.timers import ENTRIES_LIMIT


@dataclass(eq=False, slots=True)
class Port:
    """A link as RIP and SAP see it.

    `network` is the number of the network on it (0: not known yet), `node` our own number on it, `station`
    the number that is ours alone where several gateways share `node`. `talks` says that updates are sent on
    it: not to players, who need none. A port that is not `active` (another gateway routes on that LAN) only
    listens: it leads nowhere and is told nothing. `station_limit` bounds what one station can teach.
    """

    name: str
    network: int
    node: bytes
    station: bytes | None = None
    joined: bool = False
    talks: bool = True
    active: bool = True
    station_limit: int = ENTRIES_LIMIT

    def is_own(self, node: bytes) -> bool:
        """Say whether it is we who speak under a node number; under a shared one, who is active."""
        return node == self.station or (node == self.node and (self.active or self.station is None))
