"""What a member of a sealed domain keeps in its state directory; what is stored outlives a crash.

    key, dss-key     the private keys, in hexadecimal
    authority        the private key of the domain's authority, on the DSS that made the domain
    roster           a signed statement on each line: added to at the end, before anybody is told
    domain-secrets   epoch, secret and check on each line
    invitations      JSON

A line that is damaged is left out and the rest counts, since each proves itself; the file is put aside.
"""

import logging
import secrets
import time
from collections.abc import Callable
from hashlib import blake2s
from typing import Final

import msgspec

from nwip.charter import CHARTER, Charter
from nwip.config import ConfigError
from nwip.security.domain_secrets import DomainSecrets
from nwip.security.invitations import Invitations, Pending
from nwip.security.keys import KEY_SIZE, KeyPair
from nwip.security.membership import Membership
from nwip.security.roster import Roster
from nwip.security.statements import Authority, Statement
from nwip.state import State
from nwip.wire import WireError

KEY: Final = "key"
DSS_KEY: Final = "dss-key"
AUTHORITY: Final = "authority"
ROSTER: Final = "roster"
SECRETS: Final = "domain-secrets"
INVITATIONS: Final = "invitations"
JOIN_AGAIN: Final = "join again with a new invitation: nwip join --anew TOKEN"
JOIN_ANEW: Final = "restore it from a copy, or join again with a new invitation: nwip join --anew TOKEN"

_log = logging.getLogger(__name__)


class _Kept(msgspec.Struct):
    """The file of invitations: `issued` of each counts from `written`, which is by the wall clock."""

    written: float
    pending: list[Pending]


class MembershipFiles:
    """The memberships of a node, `node`, and of the DSS beside it, `dss` (None when it may run none).

    With `keeping` what changes is written at once, and one program at a time can do that; without it no file
    is changed, but for one that is damaged, which is put aside. Raises `ConfigError`, which names the
    configuration `file`, when what is there makes no member, and when another program keeps it.
    """

    def __init__(
        self,
        state: State,
        charter: Charter,
        file: str | None = None,
        *,
        keeping: bool = True,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._state = state
        self._file = file
        self._clock = clock
        self._wall = wall
        self._stale: set[str] = set()
        authority = charter.authority_key
        try:
            if keeping and not state.lock(CHARTER):
                raise self._unusable(
                    "another nwip runs with it", "stop the other, or give this node another directory"
                )
            self.roster = Roster(authority, charter.domain)
            self._read_roster()
            self.secrets = DomainSecrets(self._read_secrets())
            signer = self._read_signer(authority)
            self._invitations = self._read_invitations() if signer else None
            self.node = self._member(charter, KEY)
            self.dss = self._member(charter, DSS_KEY) if charter.role == "dss" else None
        except OSError as error:
            raise self._unusable(f"{error.filename} cannot be used: {error.strerror}") from None
        if self.dss is not None:
            self.dss.signer, self.dss.invitations = signer, self._invitations
        if keeping:
            self._keep_from_now_on()

    @property
    def fault(self) -> ConfigError | None:
        """Why nobody can take part with this any more: a key in it was revoked. None while all is well."""
        for name, membership in ((KEY, self.node), (DSS_KEY, self.dss)):
            if membership is not None and self.roster.is_revoked(membership.identity):
                return self._revoked(name, membership.domain)
        return None

    def keep(self) -> None:
        """Return when all is on the disk. Raises `OSError` when it cannot be."""
        for name in sorted(self._stale):
            self._state.write(name, self._text(name))
            self._stale.discard(name)
        self._state.sync(ROSTER)

    def note_ages(self) -> None:
        """Write how old the invitations are by now, and what could not be written before.

        The later that was before the end of a program, the less a clock that is set back makes them younger.
        """
        if self._invitations:
            self._stale.add(INVITATIONS)
        self._try_to_keep()

    def close(self) -> None:
        """Keep the files no more: another may."""
        self.note_ages()
        self._state.unlock()

    def _keep_from_now_on(self) -> None:
        self.roster.listeners.append(self._add_statement)
        self.secrets.listeners.append(lambda *_: self._changed(SECRETS))
        if self._invitations is not None:
            self._invitations.listeners.append(lambda: self._changed(INVITATIONS))
        for name in tuple(self._stale):
            self._changed(name)

    def _add_statement(self, statement: Statement) -> None:
        signed = self.roster.signed_of(statement.identity)
        try:
            if signed is not None and ROSTER not in self._stale:
                self._state.append(ROSTER, signed.hex() + "\n")
                return
        except OSError as error:
            self._stale.add(ROSTER)  # its last line may be a part of one
            _log.warning("%s", _cannot_be_kept(error))
            return
        self._changed(ROSTER)

    def _changed(self, name: str) -> None:
        self._stale.add(name)
        self._try_to_keep()

    def _try_to_keep(self) -> None:
        try:
            self.keep()
        except OSError as error:
            _log.warning("%s", _cannot_be_kept(error))

    def _text(self, name: str) -> str:
        if name == ROSTER:
            return roster_text(self.roster)
        if name == SECRETS:
            return secrets_text(self.secrets)
        pending = self._invitations.kept(self._clock()) if self._invitations is not None else []
        return msgspec.json.encode(_Kept(self._wall(), pending)).decode("ascii") + "\n"

    def _read_roster(self) -> None:
        text = self._state.read(ROSTER) or ""
        *lines, torn = text.split("\n")
        damaged = 0
        for line in lines:
            try:
                self.roster.merge(bytes.fromhex(line))
            except ValueError:  # so is a WireError
                damaged += 1
        if damaged:
            self._state.copy_aside(ROSTER, f"has {damaged} damaged lines of {len(lines)}, which do not count")
        if damaged or torn or len(lines) > len(self.roster):
            self._stale.add(ROSTER)

    def _read_secrets(self) -> list[tuple[int, bytes]]:
        lines = (self._state.read(SECRETS) or "").splitlines()
        found = [secret for line in lines if (secret := _secret(line))]
        if len(found) < len(lines):
            why = f"has {len(lines) - len(found)} damaged lines of {len(lines)}, which do not count"
            self._state.copy_aside(SECRETS, why)
        if not found:
            raise self._unusable(f"{self._state.directory / SECRETS} holds no secret of the domain")
        return found

    def _read_invitations(self) -> Invitations:
        text, now = self._state.read(INVITATIONS), self._clock()
        try:
            kept = msgspec.json.decode(text, type=_Kept) if text is not None else _Kept(self._wall(), [])
        except (ValueError, RecursionError):
            self._state.put_aside(INVITATIONS, "is damaged: invitations that are still open are good no more")
            kept = _Kept(self._wall(), [])
        elapsed = self._wall() - kept.written
        return Invitations(secrets.token_bytes, kept.pending, elapsed=elapsed, now=now)

    def _read_signer(self, authority: bytes) -> Authority | None:
        private = self._state.kept_secret(AUTHORITY, KEY_SIZE)
        signer = Authority.from_octets(private) if private is not None else None
        if signer is not None and signer.public != authority:
            self._state.put_aside(AUTHORITY, "is not the key of this domain's authority")
            return None
        return signer

    def _member(self, charter: Charter, name: str) -> Membership:
        private = self._state.kept_secret(name, KEY_SIZE)
        path = self._state.directory / name
        if private is None:
            raise self._unusable(f"{path} holds no key any more")
        key = KeyPair.from_octets(private)
        if self.roster.is_revoked(key.identity):
            raise self._revoked(name, charter.domain)
        if self.roster.member(key.identity) is None:
            raise self._unusable(f"{path} holds a key that is no member of {charter.domain}")
        return Membership(
            key, charter.domain, charter.authority_key, self.roster, self.secrets, keep=self.keep
        )

    def _revoked(self, name: str, domain: str) -> ConfigError:
        path = self._state.directory / name
        return self._unusable(f"{path} holds a key that was revoked from {domain}", JOIN_AGAIN)

    def _unusable(self, problem: str, mend: str = JOIN_ANEW) -> ConfigError:
        return ConfigError(self._file, "node.state", f"means {self._state.directory}: {problem}", mend)


def roster_text(roster: Roster) -> str:
    """Return the file of a roster."""
    return "".join(signed.hex() + "\n" for signed in roster.signed())


def secrets_text(secrets: DomainSecrets) -> str:
    """Return the file of a domain's secrets."""
    return "".join(f"{epoch} {secret.hex()} {_check(epoch, secret)}\n" for epoch, secret in secrets.kept())


def _secret(line: str) -> tuple[int, bytes] | None:
    """Read a line of the secrets; None when it is damaged."""
    try:
        epoch, secret, check = line.split()
        found = int(epoch), bytes.fromhex(secret)
        DomainSecrets().learn(*found, 0.0)
    except (ValueError, WireError):
        return None
    return found if check == _check(*found) else None


def _check(epoch: int, secret: bytes) -> str:
    return blake2s(epoch.to_bytes(4, "big") + secret, digest_size=4).hexdigest()


def _cannot_be_kept(error: OSError) -> str:
    return f"what changes in the membership cannot be kept ({error.filename}: {error.strerror}): make room"
