"""What is known of a peer: where it is, the sessions with it, and what waits for one. Pure."""

from nwip.security.keys import identity_of
from nwip.security.sealed.address import Address
from nwip.security.sealed.cookies import COOKIE_LASTS
from nwip.security.sealed.initiating import Attempt
from nwip.security.sealed.macs import Macs
from nwip.security.sealed.session import Session
from nwip.security.sealed.timing import (
    KEEPALIVE_AFTER,
    PERSISTENT_AFTER,
    REJECT_AFTER,
    REKEY_WHILE_RECEIVING,
    RETRY_AFTER,
    UNANSWERED_AFTER,
)

_MOST_SESSIONS = 3  # the one in use, the one before, and one that both sides began at once
NEVER = float("-inf")


class Peer:
    """The holder of a public key. `ours` is our own: it decides which of two sessions begun at once is used.

    `address` is where it was heard last, `home` where the directory has it. `owes_since` is when the first
    packet came that we have sent nothing after, `waits_since` when the first went that nothing came after.
    `heard_on` is the newest session under which data has come, `tries` how often we called since the last one
    was made.
    """

    __slots__ = (
        "_we_come_first",
        "address",
        "attempt",
        "begun",
        "cookie",
        "cookie_until",
        "heard",
        "heard_on",
        "home",
        "identity",
        "kept_open",
        "macs",
        "owes_since",
        "public",
        "queue",
        "sent",
        "sessions",
        "tries",
        "waits_since",
    )

    def __init__(self, public: bytes, ours: bytes) -> None:
        self.public = public
        self.identity = identity_of(public)
        self.macs = Macs(public)
        self.address: Address | None = None
        self.home: Address | None = None
        self.kept_open = False
        self.sessions: list[Session] = []
        self.attempt: Attempt | None = None
        self.begun = NEVER
        self.tries = 0
        self.cookie = b""
        self.cookie_until = NEVER
        self.queue: list[bytes] = []
        self.heard = self.sent = NEVER
        self.heard_on: Session | None = None
        self.owes_since: float | None = None
        self.waits_since: float | None = None
        self._we_come_first = ours < public

    @property
    def is_idle(self) -> bool:
        """Whether nothing goes on with this peer."""
        return not self.sessions and self.attempt is None and not self.queue

    def session(self, now: float) -> Session | None:
        """Return the session to send under, or None."""
        if self.sessions and self.sessions[0].is_alive(now):
            return self.sessions[0]
        return None

    def adopt(self, session: Session) -> list[Session]:
        """Use a session from now on; return those that are given up for it.

        Of two that were begun at once from both sides, that of the lower public key is used by both.
        """
        self.tries = 0
        current = self.sessions[0] if self.sessions else None
        crossed = (
            current is not None
            and current.initiated != session.initiated
            and abs(session.created - current.created) < RETRY_AFTER
            and current.initiated == self._we_come_first
        )
        self.sessions.insert(1 if crossed else 0, session)
        given_up = self.sessions[_MOST_SESSIONS:]
        del self.sessions[_MOST_SESSIONS:]
        return given_up

    def drop_dead(self, now: float) -> list[Session]:
        """Let go of the sessions that are too old; return them."""
        dead = [session for session in self.sessions if not session.is_alive(now)]
        if dead:
            self.sessions = [session for session in self.sessions if session.is_alive(now)]
        if self.heard_on in dead:
            self.heard_on = None  # its keys are to be gone
        return dead

    def keep_cookie(self, cookie: bytes, now: float) -> None:
        """Keep the peer's cookie for initiations that follow."""
        self.cookie, self.cookie_until = cookie, now + COOKIE_LASTS

    def hear_on(self, session: Session) -> None:
        """Take note that data came under a session."""
        if self.heard_on is None or session.created >= self.heard_on.created:
            self.heard_on = session

    def owes_keepalive(self, now: float) -> bool:
        """Say whether it is time to send something, if only nothing."""
        if self.owes_since is not None and now >= self.owes_since + KEEPALIVE_AFTER:
            return True
        return self.kept_open and now >= self.sent + PERSISTENT_AFTER

    def wants_session(self, now: float) -> bool:
        """Say whether a handshake is to be begun, though nothing is to be sent just now."""
        if not self.sessions:
            return self.kept_open or bool(self.queue)
        session = self.sessions[0]
        if self.waits_since is not None and now >= self.waits_since + UNANSWERED_AFTER:
            return True
        receives = now - self.heard <= KEEPALIVE_AFTER
        return session.initiated and receives and now - session.created >= REKEY_WHILE_RECEIVING

    def next_look(self, now: float) -> float | None:
        """Return when to look at this peer again, at the latest; None when nothing goes on."""
        times = [session.created + REJECT_AFTER for session in self.sessions]
        if self.sessions:
            times.append(now + KEEPALIVE_AFTER)
            if self.owes_since is not None:
                times.append(self.owes_since + KEEPALIVE_AFTER)
            if self.waits_since is not None:
                times.append(self.waits_since + UNANSWERED_AFTER)
            if self.kept_open:
                times.append(self.sent + PERSISTENT_AFTER)
        if self.attempt is not None:
            times.append(self.attempt.retry_at)
        elif self.address is not None and not self.sessions and (self.kept_open or self.queue):
            times.append(self.begun + RETRY_AFTER)
        return min(times, default=None)
