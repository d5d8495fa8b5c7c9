"""Tunnels to peers: handshakes, keys and addresses; what is carried is octets. Pure.

    tunnels = Tunnels(key, domain, secrets, may_talk, token)
    tunnels.know({public: endpoint, ...}, now)       who can be called, from the directory
    tunnels.seal(public, [plaintext, ...], now)      datagrams, and the endpoint that they go to
    tunnels.open([(datagram, endpoint), ...], now)   [(public, [plaintext, ...]), ...]: authentic and new
    tunnels.datagrams_to_send()                      [(datagram, endpoint), ...]: after every call
    tunnels.next_deadline(), tunnels.advance(now)    timers

`now` is a clock in seconds that never goes back; nothing of it leaves the machine. Whatever arrives, nothing
is raised: what is not taken is counted in `refused`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from nwip.directory.deadlines import Deadlines
from nwip.directory.records import Endpoint
from nwip.security.keys import KeyPair
from nwip.security.sealed.address import Address
from nwip.security.sealed.contents import KEEPALIVE
from nwip.security.sealed.framing import COOKIE, DATA, INITIATION, KIND_SIZE, RESPONSE
from nwip.security.sealed.handshakes import Handshakes
from nwip.security.sealed.indices import Indices
from nwip.security.sealed.outgoing import Outgoing, Ready, Sealed
from nwip.security.sealed.party import Party, Secrets
from nwip.security.sealed.peer import Peer
from nwip.security.sealed.peers import Peers
from nwip.security.sealed.session import PREFIX_SIZE, Came, Opened, Run, Session
from nwip.security.sealed.timing import GIVE_UP_AFTER, RETRY_AFTER
from nwip.wire import WireError

PROLOGUE: Final = b"nwip datagram 1"
HANDSHAKE: Final = frozenset((INITIATION, RESPONSE, COOKIE))
_SHORTEST_PAUSE: Final = 0.1  # seconds between looks at a peer, whatever is due

_NONE: Final = Opened([], None)

Said = tuple[bytes, list[bytes]]


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
        self._kept_open: frozenset[bytes] = frozenset()
        self._looks: Deadlines[bytes] = Deadlines()
        self._outgoing = Outgoing(self._peers, may_talk, self.refused, self._begin)

    def know(self, homes: Mapping[bytes, Address], now: float) -> None:
        """Take the public keys and addresses of all peers that the directory names."""
        for public in self._peers.know(homes):
            self.forget(public, now)
        self._keep_open(now)

    def keep_open(self, publics: Iterable[bytes], now: float) -> None:
        """Keep tunnels to just these peers, as far as they are known: with a datagram in 25 s at least."""
        self._kept_open = frozenset(publics)
        self._keep_open(now)

    def seal(self, public: bytes, plains: Sequence[bytes], now: float) -> Sealed:
        """Return datagrams for a peer, and where to send them.

        While there is no session the plaintexts wait: 16 at most, the oldest are dropped.
        """
        return self._outgoing.seal(public, plains, now)

    def ready(self, public: bytes, count: int, now: float) -> Ready | None:
        """Return what it takes to seal so many packets for a peer at once; None: `seal` has more to do."""
        return self._outgoing.ready(public, count, now)

    def open(self, batch: Iterable[Came], now: float) -> list[Said]:
        """Return who said what in datagrams that came, each with its source address.

        What a peer said stays in its order; keepalives are among it, as empty octets. Hot path: a packet
        costs little beside its AEAD.
        """
        runs: dict[bytes, list[Came]] = {}
        sessions = self._indices.sessions
        find = runs.get
        for came in batch:
            prefix = came[0][:PREFIX_SIZE]
            run = find(prefix)
            if run is not None:
                run.append(came)
            elif self._is_usable(prefix, now):
                runs[prefix] = [came]
            else:
                self._shake_hands(*came, now)
        said = []
        for prefix, run in runs.items():
            session = sessions.get(prefix)
            plains, latest = session.open(run) if session is not None else _NONE
            if len(plains) < len(run):
                self.refused["data"] += len(run) - len(plains)
            if session is not None and plains and self._hear(session, plains, latest, now):
                said.append((session.public, plains))
        return said

    def open_into(self, run: Run, rooms: Sequence[memoryview], now: float) -> bytes | None:
        """Open datagrams that came together, each into its room; return who said it.

        None, and nothing has happened, where `open` has to be asked, which looks at each.
        """
        session = self._indices.sessions.get(run.heads[:PREFIX_SIZE])
        if (
            session is None
            or not session.is_confirmed
            or not session.is_alive(now)
            or not self._may_talk(session.public)
            or self._peers.get(session.public) is None
            or not session.open_into(run.heads, run.sealed, rooms)
        ):
            return None
        self._hear(session, rooms, run.address, now)
        return session.public

    def post(self, public: bytes, plains: Sequence[bytes], now: float) -> None:
        """Seal, and put the datagrams among those to send."""
        self._outgoing.post(public, plains, now)

    def nudge(self, public: bytes, address: Address, now: float) -> None:
        """Say that we are there at another address of a peer, if there is a session: it moves if it hears."""
        peer = self._peers.get(public)
        session = peer.session(now) if peer is not None else None
        if session is not None and self._may_talk(public):
            for datagram in session.seal([KEEPALIVE]):
                self._outgoing.post_datagram(datagram, address, now)

    def datagrams_to_send(self) -> list[tuple[bytes, Endpoint]]:
        """Return, once, what is to be sent besides: handshakes, what waited for them, keepalives."""
        return self._outgoing.take()

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

    def _keep_open(self, now: float) -> None:
        for peer in self._peers:
            peer.kept_open = peer.public in self._kept_open
            if peer.kept_open:
                self._look_soon(peer, now)

    def _is_usable(self, prefix: bytes, now: float) -> bool:
        """Say whether there is a session for what begins so, and who it is with may talk to us."""
        session = self._indices.sessions.get(prefix)
        if session is None or not session.is_alive(now):
            return False
        if not self._may_talk(session.public):
            self.forget(session.public, now)
            return False
        return True

    def _hear(
        self, session: Session, plains: Sequence[bytes | memoryview], latest: Address | None, now: float
    ) -> bool:
        """Take note of what was said, the latest of it from `latest`; False if there is no room for it."""
        if session.is_confirmed:
            peer = self._peers.get(session.public)
        else:
            peer = self._handshakes.confirm(session)
            if peer is not None:
                self._adopt(peer, session, now)
        if peer is None:
            self._indices.drop(session)
            self.refused["no room"] += len(plains)
            return False
        peer.hear_on(session)
        if latest is not None and latest != peer.address and session is peer.heard_on:
            peer.address = latest
            self.moved(peer.public, now)
        peer.heard = now
        peer.waits_since = None
        if peer.queue:
            self._outgoing.flush(peer, session, now)
        if peer.owes_since is None and any(plains):
            peer.owes_since = now
        return True

    def _shake_hands(self, data: bytes, address: Address, now: float) -> None:
        try:
            outcome = self._handshakes.take(data, address, now)
        except WireError:
            kind = data[:KIND_SIZE]
            self.refused["data" if kind == DATA else "handshake" if kind in HANDSHAKE else "not sealed"] += 1
            return
        if outcome.datagram is not None and outcome.address is not None:
            self._outgoing.post_datagram(outcome.datagram, outcome.address, now)
        if outcome.session is not None and outcome.peer is not None:
            self._adopt(outcome.peer, outcome.session, now)
            # the other side waits for something under these keys
            self._outgoing.say_something(outcome.peer, outcome.session, now)

    def _adopt(self, peer: Peer, session: Session, now: float) -> None:
        session.is_confirmed = True
        self._handshakes.caller.give_up(peer)
        for given_up in peer.adopt(session):
            self._indices.drop(given_up)
        peer.hear_on(session)
        peer.waits_since = None
        self._look_soon(peer, now)
        self.established(peer.public, now)

    def _begin(self, peer: Peer, now: float) -> None:
        if now < peer.begun + RETRY_AFTER or peer.address is None or not self._may_talk(peer.public):
            return
        initiation = self._handshakes.caller.begin(peer, now)
        # where a peer was heard last it may be no more: every other try is at its home
        address = peer.home if peer.tries % 2 and peer.home else peer.address
        peer.tries += 1
        self._look_soon(peer, now)
        if initiation is not None:
            self._outgoing.post_datagram(initiation, address, now)

    def _attend(self, peer: Peer, now: float) -> None:
        if not self._may_talk(peer.public):
            self.forget(peer.public, now)
            return
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
            self._outgoing.say_something(peer, current, now)
        if peer.attempt is None and peer.wants_session(now):
            peer.waits_since = None
            self._begin(peer, now)
        self._look_again(peer, now, now + _SHORTEST_PAUSE)

    def _look_soon(self, peer: Peer, now: float) -> None:
        self._look_again(peer, now, now)

    def _look_again(self, peer: Peer, now: float, earliest: float) -> None:
        due = peer.next_look(now)
        if due is None:
            self._looks.discard(peer.public)
        else:
            self._looks.set(peer.public, max(due, earliest))
