"""Invitations to a sealed domain: the line that is pasted, and what the inviting DSS remembers of it. Pure.

The line is `nwip1:` and, in base64url without padding, a MessagePack array (docs/protocol.md) and the first 4
octets of its BLAKE2s. Whoever has it knows whom to trust, and is let in once, within 24 hours by the clock of
the DSS; no other clock is asked.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2s
from typing import Annotated, Final, Literal, Self

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from nwip.directory.records import Name, Port
from nwip.security.statements import Grants, PublicKey, Role
from nwip.wire import WireError

SCHEME: Final = "nwip1:"
SECRET_SIZE: Final = 16
MARK_SIZE: Final = 16
SERVER_LIMIT: Final = 8
LINE_LIMIT: Final = 8192  # characters
GOOD_FOR: Final = 86_400.0  # seconds
REMEMBERED_FOR: Final = 2 * GOOD_FOR
OPEN_LIMIT: Final = 4096

_KEYS: Final[dict[Role, int]] = {"node": 1, "dss": 2}  # a DSS and the node beside it

_CHECK_SIZE: Final = 4
_WRONG: Final = "this is no invitation: copy the whole line, from nwip1: to its end"
_ALTERED: Final = (
    "this invitation is not as it was written: copy the whole line again, from nwip1: to its end"
)

Host = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\A[0-9A-Za-z.:_-]+\Z")]
Servers = Annotated[list[tuple[Host, Port]], Meta(max_length=SERVER_LIMIT)]


class Invitation(Struct, frozen=True, array_like=True, kw_only=True):
    """What the line says: the domain, where its DSS is reached, and the keys by which it is known.

    `servers` take sessions of nodes, `peers` those of other DSSs: names or addresses of hosts, and ports.
    Only the invitation of a DSS names peers.
    """

    version: Literal[1] = 1
    domain: Annotated[str, Meta(min_length=1, max_length=255)]
    servers: Annotated[Servers, Meta(min_length=1)]
    dss_key: PublicKey
    authority: PublicKey
    secret: Annotated[bytes, Meta(min_length=SECRET_SIZE, max_length=SECRET_SIZE)]
    peers: Servers = []

    @property
    def role(self) -> Role:
        """As what it lets its guest in."""
        return "dss" if self.peers else "node"

    def encode(self) -> str:
        """Return the line."""
        octets = _encoder.encode(self)
        return SCHEME + urlsafe_b64encode(octets + _check(octets)).decode("ascii").rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read a line, perhaps broken up by blanks and line ends on its way.

        Raises `WireError`, one sentence for people, when it is none or any character of it has changed.
        """
        line = "".join(text[:LINE_LIMIT].split())
        if not line.startswith(SCHEME) or len(line) == len(SCHEME):
            raise WireError(_WRONG)
        digits = line.removeprefix(SCHEME)
        try:
            whole = urlsafe_b64decode(digits + "=" * (-len(digits) % 4))
        except ValueError:
            raise WireError(_ALTERED) from None
        octets, check = whole[:-_CHECK_SIZE], whole[-_CHECK_SIZE:]
        if check != _check(octets):
            raise WireError(_ALTERED)
        try:
            found = msgspec.msgpack.decode(octets, type=cls)
        except (ValueError, RecursionError):
            raise WireError("this invitation is from a version of nwip that is not known here") from None
        if found.encode() != line:  # base64 lets the last character stand for several
            raise WireError(_ALTERED)
        return found


def mark_of(secret: bytes) -> bytes:
    """Return by what a guest names its invitation without showing the secret."""
    return blake2s(b"nwip invitation" + secret, digest_size=MARK_SIZE).digest()


def guest_psk(secret: bytes) -> bytes:
    """Return the preshared key of the guest's handshake, 32 octets."""
    return blake2s(secret, person=b"nwip-inv").digest()


class Pending(Struct, frozen=True, array_like=True):
    """What a DSS remembers of an invitation: never its secret, but all that follows from it.

    `issued` in seconds, as its holder counts them; `spent` are the keys that it has let in, in order.
    """

    mark: Annotated[bytes, Meta(min_length=MARK_SIZE, max_length=MARK_SIZE)]
    psk: PublicKey
    role: Role
    name: Name
    grants: Grants
    issued: float
    spent: tuple[PublicKey, ...] = ()

    @property
    def next_role(self) -> Role:
        """What the next key that it lets in will be: beside a DSS runs a node, with a key of its own."""
        return "node" if self.spent else self.role

    def fault(self, public: bytes, now: float) -> str:
        """Say in a sentence why it does not let the holder of a key in; "" if it does.

        One that was let in may ask again: its first answer may have been lost.
        """
        if now >= self.issued + GOOD_FOR:
            return "this invitation has expired: it was good for 24 hours, ask for another"
        if public not in self.spent and len(self.spent) >= _KEYS[self.role]:
            return "this invitation has been used: it is good for one machine, ask for another"
        return ""


class InvitationsError(Exception):
    """No further invitation can be made; the message is one sentence."""


class Invitations:
    """The invitations of a DSS. `random` gives so many random octets.

    `kept` are those of an earlier run, with `elapsed` seconds since they were kept: less than 0 when the
    clock has been set back meanwhile, and then nobody can tell how old they are, so none is good any more.
    `now` in seconds, never less than before. `listeners` hear that something has changed.
    """

    def __init__(
        self,
        random: Callable[[int], bytes],
        kept: Iterable[Pending] = (),
        *,
        elapsed: float = 0.0,
        now: float = 0.0,
    ) -> None:
        self.listeners: list[Callable[[], None]] = []
        self._random = random
        passed = elapsed if elapsed >= 0 else GOOD_FOR
        self._pending = {each.mark: replace(each, issued=now - passed + each.issued) for each in kept}

    def issue(self, role: Role, name: str, grants: Sequence[int], now: float) -> bytes:
        """Make an invitation and return its secret. Raises `InvitationsError` when too many are open."""
        self._forget_old(now)
        if len(self._pending) >= OPEN_LIMIT:
            raise InvitationsError(
                f"{OPEN_LIMIT} invitations of the last 48 hours are remembered: wait for a day"
            )
        secret = self._random(SECRET_SIZE)
        mark = mark_of(secret)
        self._pending[mark] = Pending(mark, guest_psk(secret), role, name, tuple(grants), now)
        self._changed()
        return secret

    def find(self, mark: bytes, now: float, public: bytes = b"") -> Pending | None:
        """Return the invitation with a mark if it lets the holder of a public key in."""
        found = self.remembered(mark, now)
        return None if found is None or found.fault(public, now) else found

    def remembered(self, mark: bytes, now: float) -> Pending | None:
        """Return also one that is spent or has expired, for 48 hours: its guest can be told why not."""
        found = self._pending.get(mark)
        return None if found is None or now >= found.issued + REMEMBERED_FOR else found

    def spend(self, mark: bytes, now: float, public: bytes = b"") -> None:
        """Let the holder of a public key in by it: nobody else from now on."""
        found = self.find(mark, now, public)
        if found is not None and public not in found.spent:
            self._pending[mark] = replace(found, spent=(*found.spent, public))
            self._changed()

    def kept(self, now: float) -> list[Pending]:
        """Return what a later run is to be given, each with `issued` before the time of now."""
        self._forget_old(now)
        return [replace(each, issued=each.issued - now) for each in self._pending.values()]

    def __len__(self) -> int:
        return len(self._pending)

    def _forget_old(self, now: float) -> None:
        old = [mark for mark, each in self._pending.items() if now >= each.issued + REMEMBERED_FOR]
        for mark in old:
            del self._pending[mark]

    def _changed(self) -> None:
        for listener in tuple(self.listeners):
            listener()


def _check(octets: bytes) -> bytes:
    return blake2s(octets, digest_size=_CHECK_SIZE).digest()


_encoder = msgspec.msgpack.Encoder()
