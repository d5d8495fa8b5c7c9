"""Tunnels to peers: handshakes, keys and addresses; what is carried is octets. Pure.

    tunnels = Tunnels(key, domain, secrets, may_talk, token)
    tunnels.know({public: endpoint, ...}, now)       who can be called, from the directory
    tunnels.seal(public, [plaintext, ...], now)      datagrams, and the endpoint that they go to
    tunnels.open([(datagram, endpoint), ...], now)   [(public, plaintext), ...]: authentic and new
    tunnels.datagrams_to_send()                      [(datagram, endpoint), ...]: after every call
    tunnels.next_deadline(), tunnels.advance(now)    timers

`now` is a clock in seconds that never goes back; nothing of it leaves the machine. Whatever arrives, nothing
is raised: what is not taken is counted in `refused`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

from nwip.directory.deadlines import Deadlines
from nwip.directory.records import Endpoint
from nwip.security.keys import KeyPair
from nwip.security.sealed.address import Address, Via
from nwip.security.sealed.contents import KEEPALIVE, Envelope
from nwip.security.sealed.framing import COOKIE, DATA, INITIATION, KIND_SIZE, RESPONSE
from nwip.security.sealed.handshakes import Handshakes
from nwip.security.sealed.indices import Indices
from nwip.security.sealed.party import Party, Secrets
from nwip.security.sealed.peer import Peer
from nwip.security.sealed.peers import Peers
from nwip.security.sealed.session import PREFIX_SIZE, Session
from nwip.security.sealed.timing import GIVE_UP_AFTER, MOST_QUEUED, RETRY_AFTER
from nwip.wire import WireError

PROLOGUE: Final = b"nwip datagram 1"
HANDSHAKE: Final = frozenset((INITIATION, RESPONSE, COOKIE))
_SHORTEST_PAUSE: Final = 0.1  # seconds between looks at a peer, whatever is due

Opened = tuple[bytes, bytes]


class Sealed(NamedTuple):
    """Datagrams, and where they go. Without an endpoint there are none: they wait, or were dropped."""

    datagrams: list[bytes]
    endpoint: Endpoint | None


_NOTHING: Final = Sealed([], None)


class Tunnels:
    """The tunnels of one node.

    `may_talk` says of a public key whether its holder is a member now: it is asked before every handshake,
    once for each peer in a batch that came, and before every batch that goes. `token` returns so many octets
    of cryptographic randomness. `established`, `moved` and `ended` are told of a peer's public key, at `now`.
    """

    def __init__(
        self,
        key: KeyPair,
        domain: str,
        secrets: Secrets,
        may_talk: Callable[[bytes], bool],
        token: Callable[[int], bytes],
    ) -> None:
        self.refused: Counter[str] = Counter()
        self.established: Callable[[bytes, float], None] = lambda _public, _now: None
        self.moved: Callable[[bytes, float], None] = lambda _public, _now: None
        self.ended: Callable[[bytes, float], None] = lambda _public, _now: None
        self._may_talk = may_talk
        self._indices = Indices(token)
        self._peers = Peers(key.public)
        party = Party(key, PROLOGUE + domain.encode(), secrets, may_talk, token)
        self._handshakes = Handshakes(party, self._peers, self._indices)
        self._looks: Deadlines[bytes] = Deadlines()
        self._outbox: list[tuple[bytes, Endpoint]] = []

    def know(self, homes: Mapping[bytes, Address], now: float) -> None:
        """Take the public keys and addresses of all peers that the directory names."""
        for public in self._peers.know(homes):
            self.forget(public, now)
        for peer in self._peers:
            if peer.kept_open:
                self._look_soon(peer, now)

    def keep_open(self, publics: Collection[bytes], now: float) -> None:
        """Keep tunnels to just these of the known peers, with a datagram in 25 s if there is nothing else."""
        for peer in self._peers:
            peer.kept_open = peer.public in publics
            if peer.kept_open:
                self._look_soon(peer, now)

    def seal(self, public: bytes, plains: Sequence[bytes], now: float) -> Sealed:
        """Return datagrams for a peer, and where to send them.

        While there is no session the plaintexts wait: 16 at most, the oldest are dropped.
        """
        peer = self._peers.get(public)
        if peer is None or peer.address is None:
            self.refused["no such peer"] += len(plains)
            return _NOTHING
        if not self._may_talk(public):
            self.forget(public, now)
            self.refused["not a member"] += len(plains)
            return _NOTHING
        session = peer.session(now)
        if session is None:
            self._wait(peer, plains)
            self._begin(peer, now)
            return _NOTHING
        if session.is_old(now):
            self._begin(peer, now)
        return self._sealed(peer, session, plains, now)

    def open(self, batch: Sequence[tuple[bytes, Address]], now: float) -> list[Opened]:
        """Return who said what in datagrams that came, each with the address that it came from.

        Keepalives are among it, as empty octets. Hot path: a packet costs little beside its AEAD.
        """
        opened: list[Opened] = []
        prefix, session, peer = b"", None, None
        for data, address in batch:
            if data[:PREFIX_SIZE] != prefix:
                prefix = data[:PREFIX_SIZE]
                session = self._session(prefix, now)
                peer = None
            if session is None:
                prefix = b""  # what comes next may be for a session that this one makes
                self._shake_hands(data, address, now)
                continue
            try:
                plain = session.open(data)
            except WireError:
                self.refused["data"] += 1
                continue
            if peer is None:
                peer = self._owner(session, now)
                if peer is None:
                    continue
                peer.hear_on(session)
            if address != peer.address and session is peer.heard_on and session.is_latest(data):
                peer.address = address
                self.moved(peer.public, now)
            peer.heard = now
            peer.waits_since = None
            if peer.queue:
                self._flush(peer, session, now)
            if plain and peer.owes_since is None:
                peer.owes_since = now
            opened.append((session.public, plain))
        return opened

    def post(self, public: bytes, plains: Sequence[bytes], now: float) -> None:
        """Seal, and put the datagrams among those to send."""
        self._send(self.seal(public, plains, now))

    def datagrams_to_send(self) -> list[tuple[bytes, Endpoint]]:
        """Return, once, what is to be sent besides: handshakes, what waited for them, keepalives."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def next_deadline(self) -> float | None:
        """Return when to call `advance` at the latest, or None."""
        times = [
            time
            for time in (self._looks.next(), self._handshakes.answerer.next_deadline())
            if time is not None
        ]
        return min(times, default=None)

    def advance(self, now: float) -> None:
        """Do what is due."""
        self._handshakes.answerer.expire(now)
        for public in self._looks.pop_due(now):
            peer = self._peers.get(public)
            if peer is not None:
                self._attend(peer, now)

    def forget(self, public: bytes, now: float) -> None:
        """End the tunnel with a peer at once, and all that was begun with it."""
        self._handshakes.forget(public)
        peer = self._peers.drop(public)
        self._looks.discard(public)
        if peer is None:
            return
        self._handshakes.caller.give_up(peer)
        for session in peer.sessions:
            self._indices.drop(session)
        if peer.sessions:
            self.ended(public, now)

    def is_open(self, public: bytes, now: float) -> bool:
        """Say whether there is a session with a peer."""
        peer = self._peers.get(public)
        return peer is not None and peer.session(now) is not None

    def address_of(self, public: bytes) -> Address | None:
        """Return where a peer is, as far as is known."""
        peer = self._peers.get(public)
        return None if peer is None else peer.address

    def public_of(self, identity: bytes) -> bytes | None:
        """Return the key of the peer with an identity, if there is a tunnel to it or it is known."""
        return self._peers.public_of(identity)

    def _session(self, prefix: bytes, now: float) -> Session | None:
        session = self._indices.sessions.get(prefix)
        if session is None or not session.is_alive(now):
            return None
        if not self._may_talk(session.public):
            self.forget(session.public, now)
            return None
        return session

    def _owner(self, session: Session, now: float) -> Peer | None:
        """Return the peer of a session under which data was opened; the first time, take it into use."""
        if session.is_confirmed:
            return self._peers.get(session.public)
        peer = self._handshakes.confirm(session)
        if peer is None:
            self._indices.drop(session)
            self.refused["no room"] += 1
        else:
            self._adopt(peer, session, now)
        return peer

    def _shake_hands(self, data: bytes, address: Address, now: float) -> None:
        try:
            outcome = self._handshakes.take(data, address, now)
        except WireError:
            kind = data[:KIND_SIZE]
            self.refused["data" if kind == DATA else "handshake" if kind in HANDSHAKE else "not sealed"] += 1
            return
        if outcome.datagram is not None and outcome.address is not None:
            self._post(outcome.datagram, outcome.address, now)
        if outcome.session is not None and outcome.peer is not None:
            self._adopt(outcome.peer, outcome.session, now)
            if not outcome.peer.queue:
                outcome.peer.queue.append(KEEPALIVE)  # the other side waits for something under these keys
            self._flush(outcome.peer, outcome.session, now)

    def _adopt(self, peer: Peer, session: Session, now: float) -> None:
        session.is_confirmed = True
        self._handshakes.caller.give_up(peer)
        for given_up in peer.adopt(session):
            self._indices.drop(given_up)
        peer.hear_on(session)
        peer.waits_since = None
        self._look_soon(peer, now)
        self.established(peer.public, now)

    def _wait(self, peer: Peer, plains: Sequence[bytes]) -> None:
        too_many = len(peer.queue) + len(plains) - MOST_QUEUED
        if too_many > 0:
            self.refused["queue full"] += too_many
        peer.queue.extend(plains)

    def _flush(self, peer: Peer, session: Session, now: float) -> None:
        waiting = list(peer.queue)
        peer.queue.clear()
        self._send(self._sealed(peer, session, waiting, now))

    def _begin(self, peer: Peer, now: float) -> None:
        if now < peer.begun + RETRY_AFTER or peer.address is None or not self._may_talk(peer.public):
            return
        initiation = self._handshakes.caller.begin(peer, now)
        # where a peer was heard last it may be no more: every other try is at its home
        address = peer.home if peer.tries % 2 and peer.home else peer.address
        peer.tries += 1
        self._look_soon(peer, now)
        if initiation is not None:
            self._post(initiation, address, now)

    def _attend(self, peer: Peer, now: float) -> None:
        dead = peer.drop_dead(now)
        for session in dead:
            self._indices.drop(session)
        if dead and not peer.sessions:
            self.ended(peer.public, now)
        attempt = peer.attempt
        if attempt is not None and now >= attempt.first_at + GIVE_UP_AFTER:
            self._handshakes.caller.give_up(peer)
            peer.queue.clear()
        elif attempt is not None and now >= attempt.retry_at:
            self._begin(peer, now)
        current = peer.session(now)
        if current is not None and peer.owes_keepalive(now):
            self._send(self._sealed(peer, current, [KEEPALIVE], now))
        if peer.attempt is None and peer.wants_session(now):
            peer.waits_since = None
            self._begin(peer, now)
        self._look_again(peer, now, now + _SHORTEST_PAUSE)

    def _sealed(self, peer: Peer, session: Session, plains: Sequence[bytes], now: float) -> Sealed:
        address = peer.address
        peer.sent = now
        peer.owes_since = None
        if peer.waits_since is None and plains[-1]:
            peer.waits_since = now
        datagrams = session.seal(plains)
        if isinstance(address, Via):
            return self._enveloped(datagrams, address, now)
        return Sealed(datagrams, address)

    def _enveloped(self, datagrams: Sequence[bytes], via: Via, now: float) -> Sealed:
        relay = self._peers.get(via.relay)
        if relay is None or isinstance(relay.address, Via):
            self.refused["no such relay"] += len(datagrams)
            return _NOTHING
        return self.seal(via.relay, [Envelope(via.identity, data).to_relay() for data in datagrams], now)

    def _post(self, datagram: bytes, address: Address, now: float) -> None:
        if isinstance(address, Via):
            self._send(self._enveloped([datagram], address, now))
        else:
            self._outbox.append((datagram, address))

    def _send(self, sealed: Sealed) -> None:
        if sealed.endpoint is not None:
            self._outbox.extend((datagram, sealed.endpoint) for datagram in sealed.datagrams)

    def _look_soon(self, peer: Peer, now: float) -> None:
        self._look_again(peer, now, now)

    def _look_again(self, peer: Peer, now: float, earliest: float) -> None:
        due = peer.next_look(now)
        if due is None:
            self._looks.discard(peer.public)
        else:
            self._looks.set(peer.public, max(due, earliest))
