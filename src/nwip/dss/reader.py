"""Reads a whole domain once, for the command line."""

import asyncio
import os
from typing import TYPE_CHECKING, NamedTuple

from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint, Kind, Record
from nwip.directory.tombstones import Withdrawal
from nwip.dss.client_engine import ClientEngine
from nwip.dss.conversation import converse, end_tasks
from nwip.dss.events import Event, Opened, SnapshotRead

if TYPE_CHECKING:
    from nwip.security.membership import Membership


class DssError(Exception):
    """A DSS could not be read; the message is one sentence for people."""


class DssUnreachable(DssError):  # noqa: N818 - reads as what happened, as in the exit codes
    """Nothing answered in time, or the connection was lost."""


class DssRefused(DssError):  # noqa: N818 - reads as what happened, as in the exit codes
    """The DSS answered, and refused."""


class Reading(NamedTuple):
    """A record as read.

    `owner_name` is its owner's name, perhaps empty; `age` the seconds since the owner's renewal, `left` the
    seconds of lease left.
    """

    record: Record
    owner_name: str
    age: float
    left: float


class Domain(NamedTuple):
    """What a DSS told: parameters, all records by kind and key, withdrawals, and who it is."""

    parameters: Parameters
    readings: list[Reading]
    dss_name: str
    dss_identity: bytes
    withdrawals: list[Withdrawal]


async def read_domain(
    server: Endpoint,
    domain: str | None = None,
    timeout: float = 5.0,  # noqa: ASYNC109 - callers always have one
    *,
    local_address: str | None = None,
    membership: "Membership | None" = None,
) -> Domain:
    """Read everything that a DSS holds; `domain` None takes whichever it serves.

    `membership` is needed where the domain is sealed.

    Raises `DssUnreachable` or `DssRefused`.
    """
    seal = None
    if membership is not None:
        from nwip.dss.introduction import member_seal  # noqa: PLC0415 - plain domains need no ciphers

        seal = member_seal(membership)
    engine = ClientEngine(
        domain or "",
        membership.identity if membership is not None else os.urandom(16),
        "reader",
        boot=os.urandom(16),
        kinds=tuple(Kind),
        role="reader",
        membership=membership,
    )
    opened: list[Opened] = []
    read = asyncio.Event()

    def handle(event: Event, _: Endpoint) -> None:
        if isinstance(event, Opened):
            opened.append(event)
        elif isinstance(event, SnapshotRead):
            read.set()

    local = (local_address, 0) if local_address else None
    session = asyncio.ensure_future(converse(engine, server, local, handle, asyncio.Event(), seal=seal))
    complete = asyncio.ensure_future(read.wait())
    try:
        await asyncio.wait((session, complete), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        now = asyncio.get_running_loop().time()
        if engine.parameters is not None and read.is_set():
            dss = opened[0].hello
            withdrawals = list(engine.directory.withdrawals())
            return Domain(engine.parameters, _readings(engine, now), dss.name, dss.identity, withdrawals)
        if engine.refusal is not None:
            raise DssRefused(f"the dss refused: {engine.failure or session.result()}")
        raise DssUnreachable(session.result() if session.done() else f"no answer within {timeout:g} seconds")
    finally:
        await end_tasks(session, complete)


def _readings(engine: ClientEngine, now: float) -> list[Reading]:
    directory = engine.directory
    readings = []
    for kind in Kind:
        for record in sorted(directory.records(kind), key=lambda record: (record.key[1], record.key[2])):
            lease, node = directory.lease(record.owner, now), directory.node_of(record.owner)
            age, left = (lease.age, lease.lease - lease.age) if lease else (0.0, 0.0)
            readings.append(Reading(record, node.name if node else "", age, left))
    return readings
