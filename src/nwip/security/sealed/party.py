"""Who we are in a domain: what all handshakes of a node have in common. Pure."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from nwip.security.keys import KeyPair


class Secrets(Protocol):
    """The secrets of a domain, as far as handshakes ask for them."""

    @property
    def current(self) -> tuple[int, bytes] | None:
        """The epoch and the secret of 32 octets to begin handshakes with, if there is one."""

    def of_epoch(self, epoch: int, now: float) -> bytes | None:
        """Return the secret of an epoch that is still good at `now`."""


class Party(NamedTuple):
    """Our key, the prologue of our domain, its secrets, and who is a member of it.

    `may_talk` says of a public key whether its holder is a member now. `token` returns so many octets of
    cryptographic randomness.
    """

    key: KeyPair
    prologue: bytes
    secrets: Secrets
    may_talk: Callable[[bytes], bool]
    token: Callable[[int], bytes]
