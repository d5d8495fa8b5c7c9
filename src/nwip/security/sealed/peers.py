"""The table of peers: those that the directory names, and a bounded number of other members. Pure."""

from collections.abc import Iterator, Mapping

from nwip.security.sealed.address import Address
from nwip.security.sealed.peer import Peer
from nwip.security.sealed.timing import MOST_STRANGERS


class Peers:
    """Peers by public key. `ours` is our own key.

    Members that the directory does not name yet may talk too; of these there are at most 1024, and one with
    nothing going on makes room for another.
    """

    def __init__(self, ours: bytes) -> None:
        self._ours = ours
        self._peers: dict[bytes, Peer] = {}
        self._of_identity: dict[bytes, bytes] = {}
        self._strangers: dict[bytes, None] = {}  # in the order of their coming

    def __len__(self) -> int:
        return len(self._peers)

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers.values())

    def get(self, public: bytes) -> Peer | None:
        """Return the peer with a key, if it is in the table."""
        return self._peers.get(public)

    def public_of(self, identity: bytes) -> bytes | None:
        """Return the key of the peer with an identity, if it is in the table."""
        return self._of_identity.get(identity)

    def know(self, homes: Mapping[bytes, Address]) -> list[bytes]:
        """Take the addresses of all peers that the directory names; return the keys of those to forget."""
        forgotten = []
        for public in [key for key in self._peers if key not in homes and key not in self._strangers]:
            self._peers[public].home = None
            if self._peers[public].is_idle or not self._has_room():
                forgotten.append(public)
            else:
                self._strangers[public] = None
        for public, home in homes.items():
            if public == self._ours:
                continue
            peer = self._peers.get(public)
            if peer is None:
                peer = self._add(public)
            self._strangers.pop(public, None)
            if peer.home != home and (not peer.sessions or peer.address == peer.home):
                peer.address = home
            peer.home = home
        return forgotten

    def admit(self, public: bytes) -> Peer | None:
        """Return the peer with a key, new if need be; None when there is no room for it."""
        peer = self._peers.get(public)
        if peer is None and self._has_room():
            peer = self._add(public)
            self._strangers[public] = None
        return peer

    def drop(self, public: bytes) -> Peer | None:
        """Take a peer out; return it."""
        self._strangers.pop(public, None)
        peer = self._peers.pop(public, None)
        if peer is not None:
            del self._of_identity[peer.identity]
        return peer

    def _add(self, public: bytes) -> Peer:
        peer = self._peers[public] = Peer(public, self._ours)
        self._of_identity[peer.identity] = public
        return peer

    def _has_room(self) -> bool:
        if len(self._strangers) < MOST_STRANGERS:
            return True
        idle = next((public for public in self._strangers if self._peers[public].is_idle), None)
        if idle is not None:
            self.drop(idle)
        return idle is not None
