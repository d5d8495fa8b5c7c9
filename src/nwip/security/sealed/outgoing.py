"""What goes to peers: under their session, through a relay if need be, or into the queue. Pure."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from nwip.directory.records import Endpoint
from nwip.security.sealed.address import Address, Via
from nwip.security.sealed.contents import KEEPALIVE, Envelope
from nwip.security.sealed.peer import Peer
from nwip.security.sealed.peers import Peers
from nwip.security.sealed.session import Session
from nwip.security.sealed.timing import MOST_QUEUED


class Sealed(NamedTuple):
    """Datagrams, and where they go. Without an endpoint there are none: they wait, or were dropped."""

    datagrams: list[bytes]
    endpoint: Endpoint | None


class Ready(NamedTuple):
    """The session to seal under for a peer just now, and where its datagrams go."""

    session: Session
    endpoint: Endpoint


_NOTHING: Final = Sealed([], None)


class Outgoing:
    """Seals for the peers of one node. `begin` is called when a peer needs a session, or a new one."""

    def __init__(
        self,
        peers: Peers,
        may_talk: Callable[[bytes], bool],
        refused: Counter[str],
        begin: Callable[[Peer, float], None],
    ) -> None:
        self._peers = peers
        self._may_talk = may_talk
        self._refused = refused
        self._begin = begin
        self._outbox: list[tuple[bytes, Endpoint]] = []

    def seal(self, public: bytes, plains: Sequence[bytes], now: float) -> Sealed:
        """Return datagrams for a peer, and where to send them."""
        peer = self._peers.get(public)
        if not plains:
            return _NOTHING
        if peer is None or peer.address is None:
            return self._dropped("no such peer", plains)
        if not self._may_talk(public):
            return self._dropped("not a member", plains)
        session = self._session(peer, now)
        if session is None:
            self._wait(peer, plains, now)
            return _NOTHING
        return self._sealed(peer, session, plains, now)

    def ready(self, public: bytes, count: int, now: float) -> Ready | None:
        """Return what it takes to seal so many packets for a peer, which is to be done at once.

        None where `seal` has to be asked: because there is no session, or the way is through a relay.
        """
        peer = self._peers.get(public)
        if peer is None or not self._may_talk(public):
            return None
        session, address = self._session(peer, now), peer.address
        if session is None or address is None or isinstance(address, Via) or not session.has_counters(count):
            return None
        self._note(peer, now)
        return Ready(session, address)

    def flush(self, peer: Peer, session: Session, now: float) -> None:
        """Send what has waited for a session."""
        waiting, peer.queue = peer.queue, []
        self._send(self._sealed(peer, session, waiting, now))

    def say_something(self, peer: Peer, session: Session, now: float) -> None:
        """Send what has waited for a session, or else a keepalive: the other side shall hear from us."""
        if not peer.queue:
            peer.queue.append(KEEPALIVE)
        self.flush(peer, session, now)

    def post(self, public: bytes, plains: Sequence[bytes], now: float) -> None:
        """Seal, and put the datagrams among those to send."""
        self._send(self.seal(public, plains, now))

    def post_datagram(self, datagram: bytes, address: Address, now: float) -> None:
        """Put a datagram among those to send."""
        if isinstance(address, Via):
            self._send(self._enveloped([datagram], address, now))
        else:
            self._outbox.append((datagram, address))

    def take(self) -> list[tuple[bytes, Endpoint]]:
        """Return, once, what is to be sent."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def _sealed(self, peer: Peer, session: Session, plains: Sequence[bytes], now: float) -> Sealed:
        address = peer.address
        self._note(peer, now, keepalive=not plains[-1])
        datagrams = session.seal(plains)
        if isinstance(address, Via):
            return self._enveloped(datagrams, address, now)
        return Sealed(datagrams, address)

    def _session(self, peer: Peer, now: float) -> Session | None:
        """Return the session with a peer, and see to the next one if it is old."""
        session = peer.session(now)
        if session is not None and session.is_old(now):
            self._begin(peer, now)
        return session

    def _note(self, peer: Peer, now: float, *, keepalive: bool = False) -> None:
        """Take note that something goes to a peer."""
        peer.sent = now
        peer.owes_since = None
        if peer.waits_since is None and not keepalive:
            peer.waits_since = now

    def _enveloped(self, datagrams: Sequence[bytes], via: Via, now: float) -> Sealed:
        relay = self._peers.get(via.relay)
        if relay is None or isinstance(relay.address, Via):
            return self._dropped("no such relay", datagrams)
        return self.seal(via.relay, [Envelope(via.identity, data).to_relay() for data in datagrams], now)

    def _wait(self, peer: Peer, plains: Sequence[bytes], now: float) -> None:
        too_many = len(peer.queue) + len(plains) - MOST_QUEUED
        if too_many > 0:
            self._refused["queue full"] += too_many
        peer.queue += plains
        del peer.queue[:-MOST_QUEUED]
        self._begin(peer, now)

    def _dropped(self, reason: str, dropped: Sequence[bytes]) -> Sealed:
        self._refused[reason] += len(dropped)
        return _NOTHING

    def _send(self, sealed: Sealed) -> None:
        if sealed.endpoint is not None:
            self._outbox.extend((datagram, sealed.endpoint) for datagram in sealed.datagrams)
