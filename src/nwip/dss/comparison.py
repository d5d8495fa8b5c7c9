"""How two DSSs compare what they hold: one digest of all, then what was seen of each owner. Pure.

Only owners that were heard take part: what a DSS merely remembers from its disk is not passed on. Of
withdrawals nothing is compared: they go with the records that they stand against.
"""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Final, NamedTuple

from nwip.directory.digest import DIGEST_SIZE
from nwip.directory.owners import Lease, Sequence
from nwip.directory.table import Directory
from nwip.dss.difference import EVERYTHING
from nwip.dss.messages import BATCH, Delta, Digest, Seen, Summary

MISSING_LIMIT: Final = 16_384  # owners of one comparison


class Comparison(NamedTuple):
    """What the other side lacks: owners, with the sequence above which to send them; leases that ended."""

    missing: list[tuple[bytes, Sequence]]
    dead: list[Lease]
    repairs: int


def digest_message(directory: Directory) -> Digest:
    """Return the digest of everything: the exclusive or, over the owners that are heard and have records.

    Each gives BLAKE2b, with a digest of eight octets, over its identity and its own digest.
    """
    owners = [owner for owner in directory.heard_owners() if directory.has_records(owner)]
    total = 0
    for owner in owners:
        octets = owner + directory.digest(owner).to_bytes(DIGEST_SIZE, "big")
        total ^= int.from_bytes(blake2b(octets, digest_size=DIGEST_SIZE).digest(), "big")
    return Digest(len(owners), total.to_bytes(DIGEST_SIZE, "big"))


def seen(directory: Directory, owner: bytes) -> Seen:
    """Return what was seen of an owner."""
    octets = directory.digest(owner).to_bytes(DIGEST_SIZE, "big")
    return Seen(owner, *directory.highest(owner), directory.count_of(owner), octets)


def summaries(directory: Directory, *, answer: bool) -> Iterator[Summary]:
    """Yield the summary of all owners that are heard, in messages of at most `BATCH`."""
    owners = directory.heard_owners()
    for start in range(0, max(len(owners), 1), BATCH):
        part = [seen(directory, owner) for owner in owners[start : start + BATCH]]
        yield Summary(part, last=start + BATCH >= len(owners), answer=answer)


def living(directory: Directory, now: float) -> Iterator[Delta]:
    """Yield the leases of all owners that are heard, in messages of at most `BATCH`."""
    leases = [lease for owner in directory.heard_owners() if (lease := directory.lease(owner, now))]
    for start in range(0, len(leases), BATCH):
        yield Delta(leases[start : start + BATCH])


def compare(directory: Directory, theirs: Mapping[bytes, Seen], now: float) -> Comparison:
    """Find what somebody with that summary lacks."""
    missing: list[tuple[bytes, Sequence]] = []
    repairs = 0
    for owner in directory.heard_owners():
        known = theirs.get(owner)
        if known is None or not known.records:
            if directory.has_records(owner) or known is None:
                missing.append((owner, EVERYTHING))
            continue
        ours = seen(directory, owner)
        if (ours.records, ours.digest) == (known.records, known.digest):
            continue
        highest = (known.incarnation, known.counter)
        if highest == (ours.incarnation, ours.counter):
            missing.append((owner, EVERYTHING))
            repairs += 1
        elif highest < (ours.incarnation, ours.counter):
            missing.append((owner, highest))
    dead = [
        lease
        for owner in theirs
        if not directory.is_live(owner) and (lease := directory.lease(owner, now)) is not None
    ]
    return Comparison(missing[:MISSING_LIMIT], dead, repairs)
