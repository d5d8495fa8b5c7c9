"""The hosts of an uplink's far side, learned from what they send. Pure.

DOSBox's server makes node numbers of IP addresses, so the first octet of every second one is odd: on an
Ethernet that would be a group's. Our side knows such a host by a number made from its own, which is the same
at every gateway; all others by their own.
"""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2s
from typing import Final

from nwip.ipx.address import BROADCAST_NODE, NODE_SIZE, NULL_NODE
from nwip.links.dosbox import ingress

CAPACITY: Final = 1024
SILENCE: Final = 180.0  # seconds after which a host is gone; three pings have reached it by then
RELEASED_FOR: Final = 10.0  # seconds in which a host that has moved to another gateway is not gained again
RELEASED_LIMIT: Final = 1024  # such hosts; the one released first is forgotten

_GROUP: Final = 0x01  # IEEE 802
_PERSON: Final = b"nwip-far"


def number_here(node: bytes) -> bytes:
    """Return the node number by which our side knows the host that has `node` on the far side."""
    if not node[0] & _GROUP or node == BROADCAST_NODE:
        return node
    digest = blake2s(node, digest_size=NODE_SIZE, person=_PERSON).digest()
    return bytes((digest[0] & 0x7C | 0x82,)) + digest[1:]  # individual, locally administered, never 7E


class FarHosts:
    """At most `capacity` hosts; a newcomer is refused when there is no room.

    `elsewhere` says whether a node number of our side is a host on another link of this gateway, `reserved`
    whether no far host may have it. Times are seconds of the engine's clock.
    """

    def __init__(
        self,
        elsewhere: Callable[[bytes], bool],
        reserved: Callable[[bytes], bool],
        capacity: int = CAPACITY,
    ) -> None:
        self._elsewhere = elsewhere
        self._reserved = reserved
        self._capacity = capacity
        self._there: dict[bytes, bytes] = {}  # our side's number of each, with the far side's
        self._heard: OrderedDict[bytes, float] = OrderedDict()  # the one silent for longest is first
        self._released: OrderedDict[bytes, tuple[float, bool]] = OrderedDict()  # until; heard since

    def __contains__(self, node: bytes) -> bool:
        """Say whether a node number of our side is a far host's."""
        return node in self._there

    def __len__(self) -> int:
        return len(self._there)

    def nodes(self) -> list[bytes]:
        """Return the node numbers on our side."""
        return list(self._there)

    def number_there(self, node: bytes) -> bytes:
        """Return the far side's node number of a host; that of a host that is not known is the same."""
        return self._there.get(node, node)

    def take(self, there: bytes, ours: bytes, now: float) -> str | None:
        """Note that a host has sent something; return why it cannot be one, if so. `ours` is our number."""
        node = number_here(there)
        if node not in self._there:
            flaw = self._flaw(node, ours, now)
            if flaw is not None:
                return flaw
        self._there[node] = there
        self._heard[node] = now
        self._heard.move_to_end(node)
        return None

    def is_there(self, node: bytes, now: float) -> bool:
        """Say whether a host is on the far side, or was let go for another gateway and is heard all the same.

        The latter happens when the other gateway hears it on the far side too.
        """
        until, heard = self._released.get(node, (now, False))
        return node in self._there or (heard and now < until)

    def release(self, node: bytes, now: float) -> bool:
        """Forget a host that has moved elsewhere; False when it was not known."""
        self._released[node] = (now + RELEASED_FOR, False)
        self._released.move_to_end(node)
        if len(self._released) > RELEASED_LIMIT:
            self._released.popitem(last=False)
        return self.discard(node)

    def discard(self, node: bytes) -> bool:
        """Forget a host; False when it was not known."""
        self._there.pop(node, None)
        return self._heard.pop(node, None) is not None

    def clear(self) -> list[bytes]:
        """Forget all hosts, and return them."""
        nodes = self.nodes()
        self._there.clear()
        self._heard.clear()
        return nodes

    def longest_silence(self, now: float) -> float:
        """Return for how long the most silent host has been silent; 0 when there is none."""
        return now - next(iter(self._heard.values()), now)

    def expire(self, now: float) -> list[bytes]:
        """Forget the hosts that have been silent for too long, and return them."""
        gone = []
        while self._heard and self.longest_silence(now) >= SILENCE:
            gone.append(next(iter(self._heard)))
            self.discard(gone[-1])
        return gone

    def _flaw(self, node: bytes, ours: bytes, now: float) -> str | None:
        if node in (BROADCAST_NODE, NULL_NODE):
            return "claims a node number that is no host's"
        if ingress.claim_flaw(node, ours, self._reserved) is not None:
            return "claims a node number of nwip's nodes"
        if self._elsewhere(node):
            return "claims the number of a host of ours"
        until, _ = self._released.get(node, (now, False))
        if now < until:
            self._released[node] = (until, True)
            return "has moved to another gateway"
        return "too many far hosts" if len(self._there) >= self._capacity else None
