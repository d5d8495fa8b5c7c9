"""Begins handshakes with peers, and takes their answers. Pure."""

from nwip.security.noise import Initiator
from nwip.security.sealed.framing import decode_cookie, decode_response
from nwip.security.sealed.indices import Indices
from nwip.security.sealed.initiating import Attempt
from nwip.security.sealed.macs import Macs, has_no_cookie
from nwip.security.sealed.party import Party
from nwip.security.sealed.peer import Peer
from nwip.security.sealed.session import Session
from nwip.security.sealed.timing import RETRY_AFTER, RETRY_JITTER
from nwip.wire import WireError


class Caller:
    """Calls peers with our key."""

    def __init__(self, party: Party, indices: Indices) -> None:
        self._party = party
        self._indices = indices
        self._macs = Macs(party.key.public)

    def begin(self, peer: Peer, now: float) -> bytes | None:
        """Make an attempt in place of any before; return its initiation, or None if there is no secret."""
        first_at = now if peer.attempt is None else peer.attempt.first_at
        self.give_up(peer)
        peer.begun = now
        current = self._party.secrets.current
        if current is None:
            return None
        epoch, secret = current
        retry_at = now + RETRY_AFTER + RETRY_JITTER * self._party.token(1)[0] / 255
        try:
            attempt = Attempt(
                Initiator(self._party.key, peer.public, secret, self._party.prologue),
                peer.public,
                peer.macs,
                index=self._indices.new(),
                epoch=epoch,
                times=(first_at, retry_at),
                cookie=peer.cookie if now < peer.cookie_until else None,
            )
        except WireError:  # the roster holds what members say their keys are
            return None
        peer.attempt = self._indices.attempts[attempt.index] = attempt
        return attempt.datagram

    def give_up(self, peer: Peer) -> None:
        """Forget the attempt to call a peer."""
        if peer.attempt is not None:
            del self._indices.attempts[peer.attempt.index]
            peer.attempt = None

    def finish(self, datagram: bytes, now: float) -> Session:
        """Return the session that a response makes. Raises `WireError` if it answers no attempt."""
        response = decode_response(datagram)
        attempt = self._indices.attempts.get(response.receiver)
        if attempt is None or not self._macs.is_right(datagram) or not has_no_cookie(datagram):
            raise WireError("answers nothing that was asked")
        indices = attempt.index, response.sender
        return Session(attempt.public, attempt.finish(response), indices, now, initiated=True)

    def cookie(self, datagram: bytes) -> tuple[bytes, bytes, bytes | None]:
        """Return whose cookie a reply brings, the cookie, and the initiation to send again with it, if any.

        Raises `WireError` if it answers no attempt.
        """
        reply = decode_cookie(datagram)
        attempt = self._indices.attempts.get(reply.receiver)
        if attempt is None:
            raise WireError("a cookie for nothing that was asked")
        return attempt.public, *attempt.take_cookie(reply)
