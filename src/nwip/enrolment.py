"""How a state directory becomes that of a member: `nwip domain create` makes a domain, `nwip join` joins one.

The charter is written last: after a crash in between the directory is still of no sealed domain, its keys are
there, and the same command goes on from them.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from nwip.charter import CHARTER, Charter, check, read_charter
from nwip.config import Config, ConfigError
from nwip.dss.guest import Welcome
from nwip.membership_files import (
    AUTHORITY,
    DSS_KEY,
    INVITATIONS,
    KEY,
    ROSTER,
    SECRETS,
    roster_text,
    secrets_text,
)
from nwip.security.domain_secrets import SECRET_SIZE, DomainSecrets
from nwip.security.invitations import Invitation
from nwip.security.keys import KEY_SIZE, KeyPair
from nwip.security.roster import Roster
from nwip.security.statements import Authority, Member, Role, read_statement
from nwip.state import State
from nwip.wire import WireError

FIRST_EPOCH: Final = 1


class EnrolmentError(Exception):
    """A state directory cannot become that of a member; the message is one sentence."""


Guest = Callable[[Invitation, KeyPair, str], Awaitable[Welcome]]
"""Goes to the DSS of an invitation and has a key made a member's: `join_domain`."""


def create(config: Config, domain: str) -> Charter:
    """Make a sealed domain with its authority; its DSS and the node beside it have this state directory.

    Raises `EnrolmentError` where there is a membership, `ConfigError` where the configuration contradicts it,
    `OSError` when it cannot be kept.
    """
    state = State(config.node.state_directory)
    if not config.dss.serves:
        key = "dss.servers" if config.dss.servers else "dss.serve"
        problem = f"means that this machine runs no DSS, but {domain} is to be served here"
        raise ConfigError(config.file, key, problem, "take the key out, or create the domain elsewhere")
    _make_way(state, config.file, anew=False)
    authority = Authority.from_octets(state.lasting_secret(AUTHORITY, KEY_SIZE))
    charter = Charter(domain=domain, authority=authority.public.hex(), role="dss")
    check(config, charter, state)
    roster = Roster(authority.public, domain)
    for name, role in _keys("dss"):
        member = Member(_key(state, name).public, role, config.node.name, (), roster.highest_serial + 1)
        roster.merge(authority.sign(member, domain))
    _write(state, roster, DomainSecrets([(FIRST_EPOCH, secrets.token_bytes(SECRET_SIZE))]), charter)
    return charter


async def join(config: Config, invitation: Invitation, guest: Guest, *, anew: bool = False) -> Charter:
    """Make this state directory that of a member, as the invitation says.

    `anew` puts aside what it has been, with its keys. Raises as `create`, and whatever `guest` does.
    """
    state = State(config.node.state_directory)
    charter = Charter(
        domain=invitation.domain,
        authority=invitation.authority.hex(),
        role=invitation.role,
        servers=invitation.servers,
        peers=invitation.peers,
    )
    check(config, charter, state)
    _make_way(state, config.file, anew=anew)
    roster = Roster(invitation.authority, invitation.domain)
    known = DomainSecrets()
    for name, role in _keys(invitation.role):
        key = _key(state, name)
        gained = await guest(invitation, key, config.node.name)
        try:
            said = read_statement(gained.statement, invitation.authority, invitation.domain)
            for signed in (*gained.statements, gained.statement):
                roster.merge(signed)
            known.learn(gained.epoch, gained.secret, 0.0)
        except WireError as error:
            raise EnrolmentError(f"the DSS did not keep to its invitation: {error}") from None
        if not isinstance(said, Member) or (said.public, said.role) != (key.public, role):
            raise EnrolmentError("the DSS did not keep to its invitation: it made somebody else a member")
    _write(state, roster, known, charter)
    return charter


def _keys(role: Role) -> list[tuple[str, Role]]:
    """Return the keys that a member of a role has, and as what each: beside a DSS runs a node."""
    node: list[tuple[str, Role]] = [(KEY, "node")]
    return [(DSS_KEY, "dss"), *node] if role == "dss" else node


def _key(state: State, name: str) -> KeyPair:
    return KeyPair.from_octets(state.lasting_secret(name, KEY_SIZE))


def _make_way(state: State, file: str | None, *, anew: bool) -> None:
    """See that the directory has no membership, or put the one that it has aside; the charter last."""
    if anew and state.read(CHARTER) is not None:
        if not state.lock(CHARTER):
            raise EnrolmentError(f"a node runs with {state.directory}: stop it first")
        _put_aside(state, KEY, DSS_KEY, AUTHORITY, ROSTER, SECRETS, INVITATIONS, CHARTER)
        return
    held = read_charter(state, file)
    if held is not None:
        raise EnrolmentError(
            f"{state.directory} holds a membership of the sealed domain {held.domain} already:"
            " give this node another directory with node.state, or put that one aside with nwip join --anew"
        )
    _put_aside(state, ROSTER, SECRETS, INVITATIONS)  # of a charter that somebody has taken away


def _put_aside(state: State, *names: str) -> None:
    for name in names:
        if state.read(name) is not None:
            state.put_aside(name, "is of a former membership", "former")


def _write(state: State, roster: Roster, known: DomainSecrets, charter: Charter) -> None:
    state.write(ROSTER, roster_text(roster))
    state.write(SECRETS, secrets_text(known))
    state.write(CHARTER, charter.text())
