"""The secret that all members of a sealed domain share, and those that it has taken the place of. Pure.

It is mixed into every handshake between members (Noise's psk). Each has an epoch, counted from 1; after a
change the one before is good for ten minutes between nodes, which learn of the change from their DSS. A DSS
takes older ones too, from a member that slept through the change and comes for the new one: the member's own
key and the roster say who it is, whichever secret it has.
"""

from collections.abc import Callable, Iterable
from typing import Final

from nwip.wire import WireError

SECRET_SIZE: Final = 32
GRACE: Final = 600.0  # seconds
KEPT: Final = 64  # epochs
LAST_EPOCH: Final = 2**32 - 1

Listener = Callable[[int, bytes], None]


class DomainSecrets:
    """The secrets by epoch; `kept` are those of an earlier run. `listeners` hear of each new one."""

    def __init__(self, kept: Iterable[tuple[int, bytes]] = ()) -> None:
        self.listeners: list[Listener] = []
        self._secrets = dict(sorted(kept)[-KEPT:])
        self._changed: float | None = None

    @property
    def current(self) -> tuple[int, bytes] | None:
        """Epoch and secret of now; None where none was told yet."""
        if not self._secrets:
            return None
        epoch = max(self._secrets)
        return epoch, self._secrets[epoch]

    def of_epoch(self, epoch: int, now: float) -> bytes | None:
        """Return the secret of an epoch for a handshake between nodes, None when it is good no more.

        `now` in seconds, never less than before.
        """
        in_grace = self._changed is not None and now < self._changed + GRACE
        good = sorted(self._secrets)[-2 if in_grace else -1 :]
        return self._secrets[epoch] if epoch in good else None

    def for_session(self, epoch: int) -> bytes | None:
        """Return the secret of an epoch for a session with a DSS: also one that is long past."""
        return self._secrets.get(epoch)

    def kept(self) -> list[tuple[int, bytes]]:
        """Return what a later run is to be given."""
        return sorted(self._secrets.items())

    def learn(self, epoch: int, secret: bytes, now: float) -> bool:
        """Take what a DSS has told; say whether it is new.

        Of two secrets of one epoch, which two authorities' copies would have to make, the higher stands.
        Raises `WireError` for what can be no epoch or secret.
        """
        if len(secret) != SECRET_SIZE or not 1 <= epoch <= LAST_EPOCH:
            raise WireError(f"a domain's secret has {SECRET_SIZE} octets and an epoch from 1 to {LAST_EPOCH}")
        if (epoch, secret) <= (self.current or (0, b"")):
            return False
        if epoch not in self._secrets and self._secrets:
            self._changed = now
        self._secrets[epoch] = secret
        if len(self._secrets) > KEPT:
            del self._secrets[min(self._secrets)]
        for listener in tuple(self.listeners):
            listener(epoch, secret)
        return True

    def rotate(self, secret: bytes, now: float) -> int:
        """Begin the next epoch with fresh random octets; return it."""
        epoch = (self.current or (0, b""))[0] + 1
        self.learn(epoch, secret, now)
        return epoch

    def take_back(self, epoch: int) -> None:
        """Forget an epoch that has just begun, before anybody was told of it."""
        del self._secrets[epoch]
