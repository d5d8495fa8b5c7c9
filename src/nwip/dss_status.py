"""How it stands with a DSS: its role, the primary, the others, what an operator should know. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from typing import Final, Protocol

from nwip.directory.conflicts import Conflict
from nwip.directory.parameters import Parameters
from nwip.directory.records import Dss, Kind
from nwip.directory.table import Directory
from nwip.dss.conflict_watch import about, sentence
from nwip.dss.peer_session import PeerStatus
from nwip.dss.server_engine import ServerEngine
from nwip.dss_rows import Row, key_text, value_text
from nwip.routing.alarms import Alarm

LISTED: Final = 64  # conflicts that are told in full; a domain with more has one cause
LATE: Final = 3  # comparisons that two DSSs may differ for, then it is an alarm


class Keeping(Protocol):
    """Who keeps a directory beyond its DSS's life.

    `problem` is one sentence, empty while the store works, and stands since `failing_since`.
    """

    saved_at: float | None

    @property
    def carries(self) -> int:
        """How many other DSSs learn from the store what this one hears; 0 where it is not shared."""
        ...

    @property
    def failing_since(self) -> float | None:
        """When the problem began; None while there is none."""
        ...

    @property
    def problem(self) -> str:
        """What is wrong with the store: a sentence, or nothing."""
        ...

    @property
    def kind(self) -> str:
        """What people call the store."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other DSSs write to it too."""
        ...

    @property
    def place(self) -> str:
        """Where it is: the endpoint in use, a file's path, "" for nowhere."""
        ...

    @property
    def waiting(self) -> int:
        """How many changes are not saved yet."""
        ...


class Peers(Protocol):
    """Who tells how it stands with the other DSSs."""

    def status(self, now: float) -> list[PeerStatus]:
        """Return one entry for each session with another DSS."""
        ...


class Served(Protocol):
    """A DSS that runs in this process: `DssServer`. Each change is told to everybody at once."""

    engine: ServerEngine

    @property
    def keeper(self) -> Keeping | None:
        """Who keeps its directory, if anybody does."""
        ...

    @property
    def replication(self) -> Peers:
        """Its sessions with the others."""
        ...

    def set_parameters(self, parameters: Parameters) -> None:
        """Give the domain new parameters."""
        ...

    def promote(self) -> None:
        """Make it the primary."""
        ...

    def forget(self, owner: bytes) -> int:
        """Drop all records of an owner."""
        ...

    def wake(self) -> None:
        """Send what a change of the engine has left to be sent, and set the clock."""
        ...


def role(engine: ServerEngine) -> str:
    """Return "primary", "secondary", or "new" for a secondary that has not met its primary yet."""
    if not engine.parameters.term:
        return "new"
    return "primary" if engine.is_primary else "secondary"


def name_of(engine: ServerEngine, owner: bytes) -> str:
    """Return what people call an owner: the name of its node or DSS, else its identity."""
    if owner == engine.identity and engine.name:
        return engine.name
    node = engine.directory.node_of(owner)
    if node is not None and node.name:
        return node.name
    record = engine.directory.best((Kind.DSS, owner, ""))
    if record is not None and isinstance(record.value, Dss) and record.value.name:
        return record.value.name
    return owner.hex()


def primary_name(engine: ServerEngine, peers: Sequence[PeerStatus]) -> str:
    """Return the name of the primary, its identity where nobody has told the name, empty if none is known."""
    parameters = engine.parameters
    if not parameters.term:
        return ""
    names = {peer.identity: peer.name for peer in peers if peer.name}
    return names.get(parameters.identity) or name_of(engine, parameters.identity)


def peer_rows(peers: Sequence[PeerStatus]) -> list[Row]:
    """Return a row for each DSS that there is a session with, by name."""
    rows: list[Row] = [asdict(peer) | {"identity": peer.identity.hex()} for peer in peers]
    return sorted(rows, key=lambda row: (str(row["name"]), str(row["identity"])))


def store_row(keeper: Keeping | None, now: float) -> Row:
    """Return how it stands with the store; `saved` and `failing` are seconds ago, None for never."""

    def ago(then: float | None) -> float | None:
        return None if then is None else now - then

    return {
        "kind": keeper.kind if keeper else "none",
        "place": keeper.place if keeper else "",
        "shared": keeper.shared if keeper else False,
        "carries": keeper.carries if keeper else 0,
        "saved": ago(keeper.saved_at) if keeper else None,
        "waiting": keeper.waiting if keeper else 0,
        "problem": keeper.problem if keeper else "",
        "failing": ago(keeper.failing_since) if keeper else None,
    }


def standing_alarms(engine: ServerEngine, peers: Sequence[PeerStatus], keeper: Keeping | None) -> list[str]:
    """Return what is wrong now and what was noted before, each a sentence with its mend."""
    return [alarm.sentence for alarm in alarms_of(engine, peers, keeper)]


def alarms_of(engine: ServerEngine, peers: Sequence[PeerStatus], keeper: Keeping | None) -> list[Alarm]:
    """Return the same as alarms, with their kinds and names."""
    alarms = []
    parameters = engine.parameters
    if not parameters.term:
        text = "no primary has been met: see that dss.peers names one that runs, or 'nwip dss promote'"
        alarms.append(Alarm("primary", "", text))
    elif not engine.is_primary and not _is_there(engine, parameters.identity, peers):
        name = primary_name(engine, peers)
        text = (
            f"the primary {name} is not heard: start it again, or make another one the primary with"
            " 'nwip dss promote'"
        )
        alarms.append(Alarm("primary", name, text))
    if keeper is not None and keeper.problem:
        alarms.append(Alarm("store", engine.name, _failing(keeper)))
    alarms += [_lagging(peer) for peer in peers if peer.lag > LATE * parameters.synchronisation]
    alarms += [
        alarm_of(conflict, engine.directory) for conflict in islice(engine.conflicts.standing(), LISTED)
    ]
    if len(engine.conflicts) > LISTED:
        beyond = f"there are {len(engine.conflicts) - LISTED} conflicts more"
        alarms.append(Alarm("more-conflicts", "", beyond))
    alarms += [Alarm("claim", "", text, text) for text in islice(engine.claims.standing(), LISTED)]
    return alarms + [Alarm("copied-identity", "", text, text) for text in engine.alarms]


def _failing(keeper: Keeping) -> str:
    if not keeper.shared:
        return f"the store fails: {keeper.problem}"
    return f"the shared store fails: {keeper.problem}; until it is back this DSS goes on from memory"


def _lagging(peer: PeerStatus) -> Alarm:
    name = peer.name or peer.identity.hex()
    text = f"the dss {name} has differed for {peer.lag:.0f} seconds: compare the two with 'nwip dss diff'"
    return Alarm("replication-lag", name, text, peer.identity.hex())


def alarm_of(conflict: Conflict, directory: Directory) -> Alarm:
    """Return the alarm of a conflict."""
    kind, what, name = conflict.key
    text = sentence(conflict, directory)
    if kind is Kind.SERVICE:
        return Alarm("conflicting-service", name, text, str(what))
    return Alarm("duplicate-network", key_text(conflict.key), text)


def conflict_rows(engine: ServerEngine) -> list[Row]:
    """Return a row for each conflict, with all its claims: who says so, and what."""
    return [
        {
            "about": about(conflict.key),
            "claims": [
                {
                    "owner": name_of(engine, record.owner),
                    "owner_id": record.owner.hex(),
                    "value": value_text(record.value),
                }
                for record in conflict.claims
            ],
        }
        for conflict in islice(engine.conflicts.standing(), LISTED)
    ]


def _is_there(engine: ServerEngine, identity: bytes, peers: Sequence[PeerStatus]) -> bool:
    return engine.directory.is_heard(identity) or any(peer.identity == identity for peer in peers)
