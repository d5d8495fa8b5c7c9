"""Takes the datagrams of handshakes: each brings something to send, or a session, or neither. Pure."""

from typing import NamedTuple

from nwip.security.sealed.address import Address
from nwip.security.sealed.answering import Answerer
from nwip.security.sealed.calling import Caller
from nwip.security.sealed.framing import COOKIE, INITIATION, KIND_SIZE, RESPONSE
from nwip.security.sealed.indices import Indices
from nwip.security.sealed.party import Party
from nwip.security.sealed.peer import Peer
from nwip.security.sealed.peers import Peers
from nwip.security.sealed.session import Session
from nwip.wire import WireError


class Outcome(NamedTuple):
    """What comes of a datagram: one to send, and where; a session that a peer has agreed to, and who."""

    datagram: bytes | None = None
    address: Address | None = None
    session: Session | None = None
    peer: Peer | None = None


class Handshakes:
    """The handshakes of one node, from either side."""

    def __init__(self, party: Party, peers: Peers, indices: Indices) -> None:
        self._may_talk = party.may_talk
        self._peers = peers
        self._indices = indices
        self.caller = Caller(party, indices)
        self.answerer = Answerer(party, indices)

    def take(self, data: bytes, address: Address, now: float) -> Outcome:
        """Take what is no data. Raises `WireError` if it is of no handshake, or is not to be answered."""
        kind = data[:KIND_SIZE]
        if kind == INITIATION:
            return Outcome(self.answerer.answer(data, address, now), address)
        if kind == RESPONSE:
            return self._finished(data, address, now)
        if kind == COOKIE:
            return self._again(data, now)
        raise WireError("no datagram of a handshake")

    def confirm(self, session: Session) -> Peer | None:
        """Return the peer of a session that was pending until now; None if there is no room for it."""
        self.answerer.confirm(session)
        return self._peers.admit(session.public)

    def forget(self, public: bytes) -> None:
        """Drop what others have begun under a key."""
        self.answerer.forget(public)

    def _finished(self, data: bytes, address: Address, now: float) -> Outcome:
        session = self.caller.finish(data, now)
        peer = self._peers.get(session.public)
        if peer is None or not self._may_talk(session.public):
            raise WireError("not a member any more")
        peer.address = address
        peer.heard = now
        self._indices.add(session)
        return Outcome(session=session, peer=peer)

    def _again(self, data: bytes, now: float) -> Outcome:
        public, cookie, again = self.caller.cookie(data)
        peer = self._peers.get(public)
        if peer is None:
            raise WireError("a cookie of nobody we know")
        peer.keep_cookie(cookie, now)
        return Outcome(again, peer.address)
