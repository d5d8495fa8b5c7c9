"""What `nwip dss` reads of a DSS over the network: the rows of its records, an export, and a comparison."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Final, NamedTuple

from nwip.cli import remote
from nwip.cli.source import Row
from nwip.directory.filters import Policy
from nwip.directory.owners import Lease
from nwip.directory.records import Key, Node, Record
from nwip.dss import portable
from nwip.dss.reader import Domain
from nwip.dss_rows import (
    Told,
    Wanted,
    key_text,
    kind_text,
    owner_names,
    parameter_rows,
    record_order,
    record_row,
)

LONG_PATIENCE: Final = 60.0  # seconds for a whole directory


def read(server: str) -> Domain:
    """Read a whole domain. Raises `DssRefused`, `DssUnreachable`."""
    return remote.read(server, LONG_PATIENCE, remote.own_membership())


def read_both(left: str, right: str) -> tuple[Domain, Domain]:
    """Read two DSSs at the same time, so that little changes in between."""
    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(remote.read, server, LONG_PATIENCE, remote.own_membership())
            for server in (left, right)
        ]
        return both[0].result(), both[1].result()


def record_rows(domain: Domain, wanted: Wanted) -> list[Row]:
    """Return the rows of the records that are wanted; filters hide from answers, not from here."""
    policy = Policy(domain.parameters.filters)
    names = owner_names(reading.record for reading in domain.readings)
    nodes = owner_names(
        reading.record for reading in domain.readings if isinstance(reading.record.value, Node)
    )
    told = (
        Told(
            record,
            names.get(record.owner) or record.owner.hex(),
            reading.age,
            reading.left,
            hidden=policy.hides(record.value, record.owner, nodes.get(record.owner, "")),
        )
        for reading in domain.readings
        for record in (reading.record,)
    )
    return sorted((record_row(one) for one in told if wanted.fits(one)), key=record_order)


def export(domain: Domain) -> Iterator[portable.Line]:
    """Yield the lines of an export; what a DSS hands out has no floors, so the leases here have none."""
    yield from portable.closed(_lines(domain))


def _lines(domain: Domain) -> Iterator[portable.Line]:
    yield from portable.head(domain.parameters, domain.dss_identity, domain.dss_name)
    readings = sorted(domain.readings, key=lambda reading: reading.record.owner)
    for owner, group in groupby(readings, key=lambda reading: reading.record.owner):
        of_owner = list(group)
        length = min(max(of_owner[0].age + of_owner[0].left, 1.0), 86400.0)
        incarnation = max(reading.record.incarnation for reading in of_owner)
        yield portable.LeaseLine(Lease(owner, incarnation, 0, length, min(of_owner[0].age, 86400.0)))
        yield from (portable.RecordLine(reading.record) for reading in of_owner)
    yield from map(portable.WithdrawalLine, domain.withdrawals)


class Differences(NamedTuple):
    """In what two DSSs differ; `same` counts the records in which they do not."""

    records: list[Row]
    parameters: list[Row]
    same: int


def compare(left: Domain, right: Domain) -> Differences:
    """Compare by owner, key and sequence; ages do not count."""
    ours, theirs = _by_place(left), _by_place(right)
    names = owner_names(reading.record for domain in (left, right) for reading in domain.readings)
    rows: list[Row] = []
    for place in ours.keys() | theirs.keys():
        one, other = ours.get(place), theirs.get(place)
        if one == other:
            continue
        owner, key = place
        rows.append(
            {
                "difference": _difference(one, other),
                "kind": kind_text(key[0]),
                "what": key_text(key),
                "owner": names.get(owner) or owner.hex(),
                "owner_id": owner.hex(),
                "left": one.sequence if one else None,
                "right": other.sequence if other else None,
            }
        )
    parameters: list[Row] = [
        {"key": a["key"], "left": a["value"], "right": b["value"]}
        for a, b in zip(parameter_rows(left.parameters), parameter_rows(right.parameters), strict=True)
        if a["value"] != b["value"]
    ]
    return Differences(
        sorted(rows, key=record_order), parameters, len(ours.keys() | theirs.keys()) - len(rows)
    )


def _by_place(domain: Domain) -> dict[tuple[bytes, Key], Record]:
    return {(reading.record.owner, reading.record.key): reading.record for reading in domain.readings}


def _difference(one: Record | None, other: Record | None) -> str:
    if one is None or other is None:
        return "only-left" if one else "only-right"
    if one.sequence == other.sequence:
        return "same-sequence"  # never, while only owners change their records
    return "newer-left" if one.sequence > other.sequence else "newer-right"
