"""Questions of members to a DSS, and its answers: the side of the DSS. Pure.

The handshake and the frames are those of sealed datagrams; the keys are those of the DSS. What is kept of an
asker is its answered handshake, for the 15 seconds that every such one waits: whoever asks later shakes
hands anew. So there is no timer here, no roaming, and programs of one member do not get in each other's way.
"""

from collections.abc import Callable, Iterable
from typing import Final

from nwip.directory.records import Endpoint
from nwip.security.membership import Membership
from nwip.security.sealed.answering import Answerer
from nwip.security.sealed.contents import QUESTION
from nwip.security.sealed.framing import DATA, INITIATION, KIND_SIZE, RESPONSE
from nwip.security.sealed.indices import Indices
from nwip.security.sealed.party import Party
from nwip.security.sealed.session import PREFIX_SIZE
from nwip.security.sealed.timing import MOST_PENDING
from nwip.security.sealed.tunnels import PROLOGUE
from nwip.wire import WireError

_OURS: Final = slice(4, 8)  # of a response: our index, which data for us names


class SealedQuestions:
    """Answers the members of a domain as the DSS that `membership` makes us.

    A question is answered where its handshake was, and a handshake at one address only: so an asker has
    received there before it is sent more than it sends. `token` returns octets of cryptographic randomness.
    """

    def __init__(self, membership: Membership, token: Callable[[int], bytes]) -> None:
        self._may_talk = membership.is_member
        self._indices = Indices(token)
        prologue = PROLOGUE + membership.domain.encode()
        party = Party(membership.key, prologue, membership.secrets, membership.is_member, token)
        self._answerer = Answerer(party, self._indices)
        self._askers: dict[bytes, Endpoint] = {}

    def take(
        self, data: bytes, source: Endpoint, now: float, answer: Callable[[bytes], Iterable[bytes]]
    ) -> list[bytes]:
        """Return what is to be sent to `source` for a datagram from there; `answer` answers a packet.

        Raises `WireError` for what gets nothing: of a stranger, plain, altered, sent again, from elsewhere.
        """
        self._answerer.expire(now)
        if data[:KIND_SIZE] == INITIATION:
            return [self._greet(data, source, now)]
        session = self._indices.sessions.get(data[:PREFIX_SIZE])
        if session is None or self._askers.get(session.prefix) != source:
            raise WireError("no question of anybody who is known here")
        if not self._may_talk(session.public):
            raise WireError("not a member any more")
        plains = session.open([(data, source)]).plains
        if not plains:
            raise WireError("altered, or sent again")
        return session.seal(
            [
                bytes((QUESTION,)) + response
                for plain in plains
                if plain[:1] == bytes((QUESTION,))
                for response in answer(plain[1:])
            ]
        )

    def _greet(self, data: bytes, source: Endpoint, now: float) -> bytes:
        reply = self._answerer.answer(data, source, now)
        if reply[:KIND_SIZE] == RESPONSE:
            if self._askers.setdefault(DATA + reply[_OURS], source) != source:
                raise WireError("answered at another address already")
            if len(self._askers) > 2 * MOST_PENDING:
                kept = self._indices.sessions
                self._askers = {prefix: at for prefix, at in self._askers.items() if prefix in kept}
        return reply
