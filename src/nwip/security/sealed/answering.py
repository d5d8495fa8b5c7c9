"""The handshakes that others begin: what an initiation costs us, and what we keep of it. Pure.

Little is kept for whoever has not shown that it is there. Without the right mac1 an initiation costs one
hash. When more come than we care to work on, only those with a cookie are. An answered initiation is
*pending*: it becomes a session when data has been opened under its keys, which one that is recorded and sent
again never brings. The same initiation again gets the same answer, and nothing is computed for it.
"""

from collections import Counter, OrderedDict
from typing import NamedTuple

from nwip.directory.records import Endpoint
from nwip.security.limits import TokenBuckets
from nwip.security.noise import Responder
from nwip.security.sealed.address import Address, Via
from nwip.security.sealed.cookies import CookieGiver
from nwip.security.sealed.framing import Response, decode_initiation, read_member_payload
from nwip.security.sealed.indices import Indices
from nwip.security.sealed.macs import Macs, has_no_cookie
from nwip.security.sealed.party import Party
from nwip.security.sealed.session import Session
from nwip.security.sealed.timing import (
    BUSY_FOR,
    HANDSHAKES_A_SECOND,
    MOST_A_SECOND,
    MOST_PENDING,
    MOST_PENDING_OF_PEER,
    PENDING_FOR,
    PROVEN_A_SECOND,
)
from nwip.wire import WireError


class Pending(NamedTuple):
    """An initiation that was answered: the session that it may become, the answer, and until when it may."""

    session: Session
    response: bytes
    until: float


class Answerer:
    """Answers initiations to our key. Sessions are among the indices while they are pending."""

    def __init__(self, party: Party, indices: Indices) -> None:
        self._party = party
        self._indices = indices
        self._macs = Macs(party.key.public)
        self._cookies = CookieGiver(party.key.public, party.token)
        self._busy_until = float("-inf")
        self._load = TokenBuckets(HANDSHAKES_A_SECOND, HANDSHAKES_A_SECOND, 1)
        self._proven = TokenBuckets(PROVEN_A_SECOND, PROVEN_A_SECOND)
        self._all_proven = TokenBuckets(MOST_A_SECOND, MOST_A_SECOND, 1)
        self._pending: OrderedDict[bytes, Pending] = OrderedDict()
        self._of_peer: Counter[bytes] = Counter()

    def __len__(self) -> int:
        return len(self._pending)

    def answer(self, datagram: bytes, address: Address, now: float) -> bytes:
        """Return what is to be sent back for an initiation.

        What is sent back is a response, or a cookie reply to an address that is first to be proven; who comes
        through a peer need prove none. Raises `WireError` for what gets no answer.
        """
        initiation = decode_initiation(datagram)
        if not self._macs.is_right(datagram):
            raise WireError("mac1 is not that of our key")
        known = self._pending.get(initiation.noise)
        if known is not None:
            return known.response
        if not self._load.allow(None, now):
            self._busy_until = now + BUSY_FOR
        if not isinstance(address, Via) and self._asks_for_proof(datagram, address, now):
            return self._cookies.reply(datagram, initiation.sender, address, now)
        if now < self._busy_until and not self._is_within_limits(address, now):
            raise WireError("too many handshakes")
        party = self._party
        responder = Responder(party.key, party.prologue)
        epoch = read_member_payload(responder.first(initiation.noise))
        public = responder.remote
        secret = party.secrets.of_epoch(epoch, now)
        if public == party.key.public or secret is None or not party.may_talk(public):
            raise WireError("not from a member, or under a secret that is not known here")
        noise = responder.second(secret)
        ours, theirs = self._indices.new(), initiation.sender
        session = Session(public, responder.keys(), (ours, theirs), now, initiated=False)
        response = Macs(public).add(Response(ours, theirs, noise).encode())
        self._keep(initiation.noise, Pending(session, response, now + PENDING_FOR))
        return response

    def confirm(self, session: Session) -> None:
        """Take a session out of the pending ones: data has been opened under its keys."""
        for message, pending in self._pending.items():
            if pending.session is session:
                self._remove(message)
                return

    def forget(self, public: bytes) -> None:
        """Drop what is pending of a peer."""
        for message in [key for key, pending in self._pending.items() if pending.session.public == public]:
            self._indices.drop(self._remove(message))

    def expire(self, now: float) -> None:
        """Drop what has been pending for too long."""
        while self._pending:
            message, oldest = next(iter(self._pending.items()))
            if oldest.until > now:
                return
            self._indices.drop(self._remove(message))

    def next_deadline(self) -> float | None:
        """Return when to call `expire`, or None."""
        return next(iter(self._pending.values())).until if self._pending else None

    def _asks_for_proof(self, datagram: bytes, address: Endpoint, now: float) -> bool:
        if has_no_cookie(datagram):
            return now < self._busy_until
        return not self._cookies.proves(datagram, address, now)

    def _is_within_limits(self, address: Address, now: float) -> bool:
        return self._proven.allow(address[0], now) and self._all_proven.allow(None, now)

    def _keep(self, message: bytes, pending: Pending) -> None:
        public = pending.session.public
        if self._of_peer[public] >= MOST_PENDING_OF_PEER:
            oldest = next(key for key, other in self._pending.items() if other.session.public == public)
            self._indices.drop(self._remove(oldest))
        elif len(self._pending) >= MOST_PENDING:
            self._indices.drop(self._remove(next(iter(self._pending))))
        self._pending[message] = pending
        self._indices.add(pending.session)
        self._of_peer[public] += 1

    def _remove(self, message: bytes) -> Session:
        session = self._pending.pop(message).session
        self._of_peer[session.public] -= 1
        if not self._of_peer[session.public]:
            del self._of_peer[session.public]
        return session
