"""The handshakes that we begin: one initiation, and what must be kept until its answer. Pure."""

from nwip.security.noise import Initiator, Keys
from nwip.security.sealed.cookies import read_cookie
from nwip.security.sealed.framing import CookieReply, Initiation, Response, member_payload
from nwip.security.sealed.macs import Macs, mac1_of


class Attempt:
    """An initiation of ours to the peer whose `macs` these are, under our index and the secret of an epoch.

    `first_at` is when the first attempt of its series was made, `retry_at` when the next one is due.
    Raises `WireError` when the other's key is none.
    """

    __slots__ = ("_body", "_macs", "_noise", "_shown", "datagram", "first_at", "index", "public", "retry_at")

    def __init__(
        self,
        noise: Initiator,
        public: bytes,
        macs: Macs,
        *,
        index: int,
        epoch: int,
        times: tuple[float, float],
        cookie: bytes | None,
    ) -> None:
        self.public = public
        self.index = index
        self.first_at, self.retry_at = times
        self._noise = noise
        self._macs = macs
        self._body = Initiation(index, noise.first(member_payload(epoch))).encode()
        self._shown = False
        self.datagram = macs.add(self._body, cookie)

    def finish(self, response: Response) -> Keys:
        """Return the keys that follow from the answer; an answer that is none raises `WireError`."""
        self._noise.second(response.noise)
        return self._noise.keys()

    def take_cookie(self, reply: CookieReply) -> tuple[bytes, bytes | None]:
        """Return the cookie of a reply, and, the first time, the same initiation with it.

        Raises `WireError` if the reply is not to our datagram.
        """
        cookie = read_cookie(reply, self.public, mac1_of(self.datagram))
        if self._shown:
            return cookie, None
        self._shown = True
        self.datagram = self._macs.add(self._body, cookie)
        return cookie, self.datagram
