"""Questions of a member to a DSS: the side of the member. Pure.

    asker = Asker(membership, question, token)
    asker.say(now)             what to send: handshakes at first, then the question; again when nobody answers
    asker.take(data, now)      packets that answer, and what to send at once

Which key the DSS at an address has need not be known: a handshake goes out for each DSS that the roster
names, and only the one whose key it is made for answers.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from nwip.security.membership import Membership
from nwip.security.sealed.calling import Caller
from nwip.security.sealed.contents import QUESTION
from nwip.security.sealed.framing import COOKIE, KIND_SIZE, RESPONSE
from nwip.security.sealed.indices import Indices
from nwip.security.sealed.party import Party
from nwip.security.sealed.peer import Peer
from nwip.security.sealed.session import Session
from nwip.security.sealed.tunnels import PROLOGUE
from nwip.wire import WireError

MOST_CALLED: Final = 16  # DSSs: more are not called at one address


class Taken(NamedTuple):
    """What comes of a datagram: packets that answer, and datagrams to send."""

    answers: list[bytes]
    datagrams: list[bytes]


class Asker:
    """Asks one question, an IPX packet. `token` returns octets of cryptographic randomness."""

    def __init__(self, membership: Membership, question: bytes, token: Callable[[int], bytes]) -> None:
        key = membership.key
        prologue = PROLOGUE + membership.domain.encode()
        self._indices = Indices(token)
        self._caller = Caller(
            Party(key, prologue, membership.secrets, membership.is_member, token), self._indices
        )
        dss = [member.public for member in membership.roster.members() if member.role == "dss"]
        self._peers = {public: Peer(public, key.public) for public in dss[:MOST_CALLED]}
        self._question = bytes((QUESTION,)) + question
        self._session: Session | None = None

    @property
    def is_known(self) -> bool:
        """Whether the DSS has taken us for a member: silence then is its answer."""
        return self._session is not None

    def say(self, now: float) -> list[bytes]:
        """Return what to send: when it begins, and again when no answer has come."""
        if self._session is not None:
            return self._session.seal([self._question])
        initiations = (self._caller.begin(peer, now) for peer in self._peers.values())
        return [initiation for initiation in initiations if initiation is not None]

    def take(self, data: bytes, now: float) -> Taken:
        """Take a datagram that came. Raises `WireError` for what is of no use."""
        kind = data[:KIND_SIZE]
        if kind == RESPONSE and self._session is None:
            self._session = self._caller.finish(data, now)
            return Taken([], self._session.seal([self._question]))
        if kind == COOKIE:
            public, cookie, again = self._caller.cookie(data)
            self._peers[public].keep_cookie(cookie, now)
            return Taken([], [again] if again is not None else [])
        if self._session is None or data[: len(self._session.prefix)] != self._session.prefix:
            raise WireError("nothing that was asked for")
        plains = self._session.open([(data, ("", 0))]).plains
        return Taken([plain[1:] for plain in plains if plain[:1] == bytes((QUESTION,))], [])
