"""Our indices: by which number a datagram names the session or the attempt that it is for. Pure."""

from collections.abc import Callable

from nwip.security.sealed.initiating import Attempt
from nwip.security.sealed.session import Session, data_prefix


class Indices:
    """Random numbers of 32 bits, each given out to one thing at a time; `token` returns random octets.

    `sessions` holds sessions by the eight octets that data for them begins with: the hot path looks there.
    """

    def __init__(self, token: Callable[[int], bytes]) -> None:
        self._token = token
        self.sessions: dict[bytes, Session] = {}
        self.attempts: dict[int, Attempt] = {}

    def new(self) -> int:
        """Return a number that nothing has."""
        while True:
            index = int.from_bytes(self._token(4), "little")
            if index not in self.attempts and data_prefix(index) not in self.sessions:
                return index

    def add(self, session: Session) -> None:
        """Let data find a session."""
        self.sessions[session.prefix] = session

    def drop(self, session: Session) -> None:
        """Let data find a session no more."""
        self.sessions.pop(session.prefix, None)
