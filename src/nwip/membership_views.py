"""What a running node tells of its sealed domain through its control socket, and may be told to do."""

# ruff: noqa: PLC0415 - a node of an open domain loads nothing of `cryptography`

import asyncio
import ipaddress
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Final, Literal, Protocol

import msgspec
from msgspec import Meta, Struct

from nwip.control import Answer
from nwip.dataplane.interfaces import local_addresses, main_address
from nwip.directory.records import Endpoint, Kind, Name, Network, endpoint_text
from nwip.discovery.preferred import split_server
from nwip.dss.client import DssClient
from nwip.dss.server import DssServer
from nwip.ipx.address import format_network
from nwip.rows import Row

if TYPE_CHECKING:
    from nwip.security.membership import Membership
    from nwip.security.statements import Member

Question = Mapping[str, object]

NAMED_AT_MOST: Final = 8  # members that a refusal lists
SERVERS: Final = 8  # that an invitation names


class Party(Protocol):
    """What there is to see of a node's memberships: those of `MembershipFiles`."""

    @property
    def node(self) -> "Membership":
        """That of the node."""
        ...

    @property
    def dss(self) -> "Membership | None":
        """That of the DSS beside it."""
        ...


class Running(Protocol):
    """What there is to see of a node."""

    dss: DssServer | None
    client: DssClient | None

    @property
    def party(self) -> Party | None:
        """Its memberships; None in an open domain."""
        ...


class InviteQuestion(Struct, forbid_unknown_fields=True):
    """What an invitation is to say; `servers` are where a guest reaches this DSS before all others."""

    ask: str = ""
    role: Literal["node", "dss"] = "node"
    name: Name = ""
    networks: Annotated[tuple[Network, ...], Meta(max_length=64)] = ()
    servers: Annotated[list[Annotated[str, Meta(max_length=255)]], Meta(max_length=SERVERS)] = []


class MembershipViews:
    """The answers about the members of the domain. Each returns plain data, and raises `Answer` to say no."""

    def __init__(self, node: Running) -> None:
        self._node = node

    def handlers(self) -> dict[str, Callable[[Question], Awaitable[object]]]:
        """Return the answer to each question by its name."""
        return {
            "domain-invite": self.invite,
            "domain-members": self.members,
            "domain-revoke": self.revoke,
            "domain-rotate": self.rotate,
        }

    async def invite(self, question: Question) -> Row:
        """Make an invitation: its line, and for how many seconds it is good."""
        from nwip.security.invitations import GOOD_FOR, Invitation, InvitationsError

        try:
            wanted = msgspec.convert(question, InviteQuestion)
        except msgspec.ValidationError as error:
            raise Answer(2, f"that is no invitation: {error}") from None
        holder, dss = self._holder()
        assert holder.invitations is not None  # noqa: S101 - it is beside the signer
        servers = [*_named(wanted.servers), *_reached(dss.endpoints)]
        ports = sorted({port for _, port in dss.peering.endpoints}) if dss.peering is not None else []
        peers = [(host, port) for port in ports for host in dict.fromkeys(host for host, _ in servers)]
        if not servers:
            raise Answer(1, "say where this DSS is reached: --server HOST[:PORT]")
        if wanted.role == "dss" and not peers:
            raise Answer(1, "this DSS has no port for other DSSs: see dss.peer-port in its configuration")
        try:
            secret = holder.invitations.issue(
                wanted.role, wanted.name, wanted.networks, asyncio.get_running_loop().time()
            )
            holder.keep()
        except InvitationsError as error:
            raise Answer(1, str(error)) from None
        except OSError as error:
            raise Answer(3, f"the invitation cannot be kept ({_where(error)})") from None
        line = Invitation(
            domain=holder.domain,
            servers=list(dict.fromkeys(servers))[:SERVERS],
            dss_key=holder.key.public,
            authority=holder.authority,
            secret=secret,
            peers=peers[:SERVERS] if wanted.role == "dss" else [],
        )
        return {
            "invitation": line.encode(),
            "domain": holder.domain,
            "role": wanted.role,
            "name": wanted.name,
            "networks": list(map(format_network, wanted.networks)),
            "servers": list(map(endpoint_text, line.servers)),
            "seconds": GOOD_FOR,
        }

    async def members(self, _: Question) -> list[Row]:
        """Return the members, then those that were revoked."""
        party = self._party()
        roster, present = party.node.roster, self._present()
        here = {each.identity for each in (party.node, party.dss) if each is not None}
        rows: list[Row] = [
            {
                "name": member.name,
                "role": member.role,
                "identity": member.identity.hex(),
                "networks": list(map(format_network, member.grants)),
                "serial": member.serial,
                "state": "here" if member.identity in here else "up" if member.identity in present else "",
            }
            for member in roster.members()
        ]
        return rows + [
            {
                "name": gone.name,
                "role": "",
                "identity": gone.identity.hex(),
                "networks": [],
                "serial": gone.serial,
                "state": "revoked",
            }
            for gone in roster.revocations()
        ]

    async def revoke(self, question: Question) -> Row:
        """End the membership of a node, named by its name or the first digits of its identity, for ever."""
        holder, _ = self._holder()
        member = self._one_member(str(question.get("member", "")))
        if member.identity in (holder.identity, self._party().node.identity):
            raise Answer(1, "that is this machine, which holds the authority's key: it cannot revoke itself")
        try:
            holder.revoke(member.identity)
        except OSError as error:
            done = f"{member.name or member.identity.hex()} is revoked, and everybody is told"
            raise Answer(3, _not_kept(done, error)) from None
        return {"name": member.name, "role": member.role, "identity": member.identity.hex()}

    async def rotate(self, _: Question) -> Row:
        """Begin the next epoch of the domain's secret."""
        holder, _dss = self._holder()
        try:
            epoch = holder.rotate(secrets.token_bytes(32), asyncio.get_running_loop().time())
        except OSError as error:
            raise Answer(3, f"the secret stays as it is: no other can be kept ({_where(error)})") from None
        return {"domain": holder.domain, "epoch": epoch}

    def _party(self) -> Party:
        if self._node.party is None:
            sentence = (
                "this node's domain is open and has no members: make a sealed one with"
                " 'nwip domain create', and restart 'nwip up'"
            )
            raise Answer(1, sentence)
        return self._node.party

    def _holder(self) -> "tuple[Membership, DssServer]":
        """Return the membership that has the authority's key, and its DSS."""
        found, dss = self._party().dss, self._node.dss
        if found is None or found.signer is None or dss is None:
            domain = self._party().node.domain
            raise Answer(
                1, f"the key of {domain}'s authority is not here: do it where the domain was created"
            )
        return found, dss

    def _one_member(self, text: str) -> "Member":
        roster = self._party().node.roster
        members, wanted = roster.members(), text.casefold()
        found = [each for each in members if each.name.casefold() == wanted != ""]
        found = found or [each for each in members if wanted and each.identity.hex().startswith(wanted)]
        if not found:
            gone = {
                word for each in roster.revocations() for word in (each.name.casefold(), each.identity.hex())
            }
            if wanted in gone - {""}:
                raise Answer(1, f"{text!r} was revoked already")
            raise Answer(1, f"no member has the name {text!r}, or an identity that begins so")
        if len(found) > 1:
            shown = found[:NAMED_AT_MOST]
            names = ", ".join(f"{each.name} ({each.role}) {each.identity.hex()}" for each in shown)
            raise Answer(2, f"{text!r} may be {len(found)} members: write the identity of one ({names})")
        return found[0]

    def _present(self) -> set[bytes]:
        client = self._node.client
        if client is None:
            return set()
        return {record.owner for kind in (Kind.NODE, Kind.DSS) for record in client.directory.records(kind)}


def _not_kept(done: str, error: OSError) -> str:
    return f"{done}, but that cannot be kept ({_where(error)}): make room before this node is started again"


def _where(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}"


def _named(texts: list[str]) -> list[Endpoint]:
    """Read HOST[:PORT] of each; both usual ports where none is said. Raises `Answer`."""
    from nwip.security.invitations import Servers

    found: list[Endpoint] = []
    for text in texts:
        try:
            host, ports = split_server(text)
            known = host.encode("idna").decode("ascii")
            found += msgspec.convert([(known, port) for port in ports], Servers)
        except ValueError:
            raise Answer(2, f"{text!r} is no HOST[:PORT]: write a name or an address, and a port") from None
    return found


def _reached(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Return where others reach a DSS: at loopback only if it listens nowhere else."""
    found: dict[Endpoint, None] = {}
    for host, port in endpoints:
        hosts = [host]
        if ipaddress.ip_address(host).is_unspecified:  # the IPv6 addresses of a machine come and go
            hosts = [main_address(), *local_addresses()] if ":" not in host else []
        found.update({(each, port): None for each in hosts})
    outside = [at for at in found if not ipaddress.ip_address(at[0]).is_loopback]
    return outside or list(found)
