"""What a running node tells of its DSS through its control socket, and what it may be told to do with it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec
from msgspec.structs import replace

from nwip.control import Answer
from nwip.directory.filters import FILTER_LIMIT, Filter, Policy, dry_run
from nwip.directory.grants import GRANT_LIMIT, Grant
from nwip.directory.parameters import Parameters
from nwip.directory.records import Kind, Record
from nwip.dss import portable
from nwip.dss.server_engine import ServerEngine
from nwip.dss_changes import NEEDS_RESTART, ChangeError, changed, differences
from nwip.dss_imports import Imports
from nwip.dss_rows import Row, Told, Wanted, parameter_rows, record_order, record_row
from nwip.dss_status import (
    Served,
    conflict_rows,
    name_of,
    peer_rows,
    primary_name,
    role,
    standing_alarms,
    store_row,
)
from nwip.slices import encoded, slices, sorted_in_slices

Question = Mapping[str, object]

NAMED_AT_MOST = 8  # owners that a refusal lists


class Running(Protocol):
    """A node, perhaps with a DSS."""

    @property
    def dss(self) -> Served | None:
        """The DSS of this node."""
        ...


class DssViews:
    """The answers about the DSS of one node. Each returns plain data, and raises `Answer` to say no."""

    def __init__(self, node: Running) -> None:
        self._node = node
        self._imports = Imports()

    def handlers(self) -> dict[str, Callable[[Question], Awaitable[object]]]:
        """Return the answer to each question by its name."""
        return {
            "dss-status": self.status,
            "dss-records": self.records,
            "dss-export": self.export,
            "dss-import": self.take_in,
            "dss-forget": self.forget,
            "dss-promote": self.promote,
            "dss-parameters": self.parameters,
            "dss-set": self.set,
        }

    async def status(self, _: Question) -> Row:
        """Say who this DSS is, what it holds and how it stands with the store and the other DSSs."""
        dss = self._dss()
        engine, directory = dss.engine, dss.engine.directory
        counts = dict.fromkeys(Kind, 0)
        hidden = 0
        async for part in slices(self._all_records()):
            for record in part:
                counts[record.key[0]] += 1
                hidden += directory.is_hidden(record)
        now, parameters, keeper = self._now(), engine.parameters, dss.keeper
        peers = dss.replication.status(now)
        live, heard = len(directory.owners()), len(directory.heard_owners())
        sessions = [session for session in engine.sessions() if session.hello is not None]
        nodes = sum(session.is_node for session in sessions)
        return {
            "identity": engine.identity.hex(),
            "name": engine.name,
            "domain": parameters.domain,
            "role": role(engine),
            "primary": {"identity": parameters.identity.hex(), "name": primary_name(engine, peers)},
            "rank": {"term": parameters.term, "version": parameters.version},
            "waiting": engine.is_held,
            "sessions": {"nodes": nodes, "readers": len(sessions) - nodes},
            "records": {kind.name.lower(): count for kind, count in counts.items()} | {"hidden": hidden},
            "refused": directory.refused,
            "owners": {"live": live, "heard": heard, "unheard": live - heard},
            "store": store_row(keeper, now),
            "peers": peer_rows(peers),
            "conflicts": conflict_rows(engine),
            "alarms": standing_alarms(engine, peers, keeper),
        }

    async def records(self, question: Question) -> msgspec.Raw:
        """Return every owner's records, those of the question's `Wanted`; made in slices."""
        try:
            wanted = msgspec.convert(question.get("wanted", {}), WantedQuestion).wanted()
        except msgspec.ValidationError as error:
            raise Answer(2, f"that is no choice of records: {error}") from None
        rows = [record_row(told) async for part in slices(self._told()) for told in part if wanted.fits(told)]
        return await encoded(sorted_in_slices(rows, record_order))

    async def export(self, _: Question) -> msgspec.Raw:
        """Return the lines of `portable`, each owner's of one moment; made in slices."""
        engine, now = self._dss().engine, self._now()

        def lines() -> Iterator[portable.Line]:
            yield from portable.head(engine.parameters, engine.identity, engine.name)
            for owner in engine.directory.owners():
                yield from portable.of_owner(engine.directory, owner, now)

        return await encoded(slices(portable.closed(lines())))

    async def take_in(self, question: Question) -> Row:
        """Take the next lines of an export; with the `last` of them, merge all. See `Imports`."""
        dss = self._dss()
        try:
            return await self._imports.feed(question, dss.engine, self._now) | {
                "lease": dss.engine.parameters.lease
            }
        except portable.PortableError as error:
            raise Answer(2, f"{error}; nothing was imported") from None
        finally:
            dss.wake()

    async def forget(self, question: Question) -> Row:
        """Drop all records of an owner, named by its name or the first digits of its identity."""
        dss, text = self._dss(), str(question.get("owner", ""))
        engine = dss.engine
        owners = engine.directory.owners()
        found = [owner for owner in owners if name_of(engine, owner).casefold() == text.casefold() != ""]
        found = found or [owner for owner in owners if text and owner.hex().startswith(text.casefold())]
        if not found:
            raise Answer(1, f"no owner has the name {text!r}, or an identity that begins so")
        if len(found) > 1:
            names = ", ".join(f"{name_of(engine, owner)} {owner.hex()}" for owner in found[:NAMED_AT_MOST])
            raise Answer(2, f"{text!r} may be {len(found)} owners: write the identity of one ({names})")
        (owner,) = found
        name = name_of(engine, owner)
        attached = owner in engine.attached() or owner == engine.identity
        return {
            "owner": name,
            "identity": owner.hex(),
            "records": dss.forget(owner),
            "attached": attached,
        }

    async def promote(self, _: Question) -> Row:
        """Make this DSS the primary, whoever was; that it already is, is no fault."""
        dss = self._dss()
        engine = dss.engine
        old = engine.parameters
        before = {
            "identity": old.identity.hex(),
            "name": primary_name(engine, dss.replication.status(self._now())),
        }
        already = role(engine) == "primary"
        if not already:
            dss.promote()
        return {
            "changed": not already,
            "before": before if old.term else None,
            "primary": {"identity": engine.identity.hex(), "name": engine.name},
            "term": engine.parameters.term,
        }

    async def parameters(self, _: Question) -> list[Row]:
        """Return the domain's parameters."""
        return parameter_rows(self._dss().engine.parameters)

    async def set(self, question: Question) -> Row:
        """Change parameters of the domain; with `dry_run` only say what would come of it."""
        dss = self._dss()
        engine, before = dss.engine, dss.engine.parameters
        dry = question.get("dry_run") is True
        if not dry and role(engine) != "primary":
            name = primary_name(engine, dss.replication.status(self._now()))
            there = f"{name} is: set the parameters there, or" if name else "and none is yet:"
            sentence = (
                f"this DSS is not the primary, {there} make this one the primary with 'nwip dss promote'"
            )
            raise Answer(1, sentence)
        after = _wanted_parameters(before, question)
        changes = differences(before, after)
        kept = [str(row["key"]) for row in changes if row["key"] in NEEDS_RESTART]
        vanishing = [row async for row in self._vanishing(after)] if after.filters != before.filters else []
        if engine.parameters is not before:
            raise Answer(1, "the parameters have changed meanwhile: look at them, and set yours again")
        if changes and not dry:
            dss.set_parameters(replace(after, version=before.version + 1))
        return {
            "changes": changes,
            "restart": {"keys": kept, "nodes": self._nodes() if kept else []},
            "vanishing": vanishing,
            "version": engine.parameters.version,
            "dry_run": dry,
        }

    async def _vanishing(self, after: Parameters) -> AsyncIterator[Row]:
        """Give out what other filters would hide that is not hidden now."""
        engine = self._dss().engine
        policy, hidden = Policy(after.filters), engine.directory.is_hidden
        async for part in slices(self._all_records()):
            shown = [(record, _node_name(engine, record.owner)) for record in part if not hidden(record)]
            for gone in dry_run(shown, policy):
                yield {"what": str(gone.record.value), "owner": name_of(engine, gone.record.owner)}

    def _nodes(self) -> list[str]:
        engine = self._dss().engine
        return sorted(name_of(engine, record.owner) for record in engine.directory.records(Kind.NODE))

    def _all_records(self) -> Iterator[Record]:
        """Give out every record, from copies owner by owner: the directory may change meanwhile."""
        directory = self._dss().engine.directory
        for owner in directory.owners():
            yield from directory.of_owner(owner)

    def _told(self) -> Iterator[Told]:
        dss, now = self._dss(), self._now()
        engine, directory = dss.engine, dss.engine.directory
        at = {session.identity: session.peer for session in engine.sessions() if session.is_node}
        peers = [peer.name or peer.identity.hex() for peer in dss.replication.status(now)]
        for owner in directory.owners():
            lease, name, heard = (
                directory.lease(owner, now),
                name_of(engine, owner),
                directory.is_heard(owner),
            )
            age, left = (lease.age, lease.lease - lease.age) if lease else (0.0, 0.0)
            if owner == engine.identity:
                source = "itself"
            elif not heard:
                source = "kept"
            else:
                source = at.get(owner) or (f"dss {peers[0]}" if len(peers) == 1 else "")
            for record in directory.of_owner(owner):
                yield Told(record, name, age, left, source, directory.is_hidden(record), heard)

    def _dss(self) -> Served:
        if self._node.dss is None:
            raise Answer(
                1, "this node runs no DSS: ask on a node with 'serve = true', or name a DSS with --dss"
            )
        return self._node.dss

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


class WantedQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """`Wanted` as it comes in a question."""

    owner: str | None = None
    service_type: int | None = None
    age: tuple[str, float] | None = None
    kind: str | None = None

    def wanted(self) -> Wanted:
        """Return the choice."""
        return Wanted(self.owner, self.service_type, self.age, self.kind)


def _node_name(engine: ServerEngine, owner: bytes) -> str:
    """Return the name that filters are held against: the node's, perhaps empty."""
    node = engine.directory.node_of(owner)
    return node.name if node else ""


def _wanted_parameters(before: Parameters, question: Question) -> Parameters:
    try:
        values = msgspec.convert(question.get("values", {}), dict[str, str])
        filters: Sequence[Filter] | None = msgspec.convert(question.get("filters"), list[Filter] | None)
        grants: Sequence[Grant] | None = msgspec.convert(question.get("grants"), list[Grant] | None)
    except msgspec.ValidationError as error:
        raise Answer(2, f"these are no parameters: {error}") from None
    if filters is not None and len(filters) > FILTER_LIMIT:
        raise Answer(2, f"a domain has at most {FILTER_LIMIT} filters: join some of the {len(filters)}")
    if grants is not None and len(grants) > GRANT_LIMIT:
        raise Answer(2, f"a domain has at most {GRANT_LIMIT} grants: join some of the {len(grants)}")
    try:
        return changed(before, values, filters, grants)
    except ChangeError as error:
        raise Answer(2, str(error)) from None
