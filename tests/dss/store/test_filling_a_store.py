"""What one DSS writes to a shared store, step by step."""

import pytest

from dss.simulated_domain import new_server, service
from nwip.directory.owners import Lease
from nwip.directory.records import Key, Record
from nwip.directory.tombstones import Withdrawal
from nwip.dss.messages import Delta
from nwip.dss.store.base import Kept
from nwip.dss.store.sharing import STEP, Sharing

OWNER = b"o" * 16
KEY: Key = service("last").key


@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_what_changes_while_the_store_is_filled_is_not_written_as_it_was_before(is_withdrawn: bool) -> None:
    engine = new_server(b"D" * 16)
    sharing = Sharing(engine)
    sharing.origin = b"M" * 16
    sharing.follow()
    values = [*(service(str(number)) for number in range(2 * STEP)), service("last")]
    for start in range(0, len(values), STEP):
        records = [Record(OWNER, 1, start + 1 + at, value) for at, value in enumerate(values[start:][:STEP])]
        engine.take_in(Delta([Lease(OWNER, 1, 1, 15.0, 0.0)], records), b"", 0.0)
    while sharing.wanted:
        sharing.take()  # into a store that is then lost
    steps = sharing.found(Kept(), 0.0)
    while not len(sharing):
        next(steps)
    change = Record(OWNER, 1, 9999, service("last", hops=7))
    gone = Withdrawal(OWNER, 1, 9999, KEY)
    engine.take_in(Delta(withdrawals=[gone]) if is_withdrawn else Delta(records=[change]), b"", 0.0)
    store: dict[Key, Record | None] = {}
    write(sharing, store)
    for _ in steps:
        pass
    write(sharing, store)
    assert len(store) == len(values)
    assert store[KEY] == (None if is_withdrawn else change)


def write(sharing: Sharing, store: dict[Key, Record | None]) -> None:
    """Write everything that waits, as a store does."""
    while sharing.wanted:
        batch = sharing.take()
        store.update((key, None) for _, key in batch.removed)
        store.update((record.key, record) for record in batch.records)
