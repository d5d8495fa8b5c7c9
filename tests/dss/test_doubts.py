"""What a replica kept over a gap goes, once its DSS has told all and heard the owner as lately."""

from nwip.directory.owners import Lease
from nwip.directory.records import Record, Service
from nwip.directory.table import Directory
from nwip.dss.messages import Delta
from nwip.dss.replica import Replica

OWNER = b"O" * 16


def service(name: str, counter: int) -> Record:
    return Record(OWNER, 1, counter, Service(4, name, 1, bytes(6), 0x451, 1))


def lease(renewal: int) -> Lease:
    return Lease(OWNER, 1, renewal, 15.0, 0.0)


def returned() -> Replica:
    """A replica that held A and B, and after a gap asks another DSS."""
    replica = Replica(Directory())
    replica.opened(0.0)
    replica.asked(0.0)
    replica.merge(Delta([lease(5)], [service("A", 1), service("B", 2)]), 1.0, 0.0)
    replica.snapshot_read(0.0)
    replica.closed(1.0)
    replica.opened(10.0)
    replica.asked(10.0)
    return replica


def names(replica: Replica) -> set[str]:
    return {
        record.value.name for record in replica.directory.of_owner(OWNER) if isinstance(record.value, Service)
    }


def test_what_a_whole_snapshot_does_not_tell_is_gone() -> None:
    replica = returned()
    assert replica.merge(Delta([lease(6)], [service("A", 1)]), 1.0, 10.0) == []
    assert names(replica) == {"A", "B"}, "before the end nothing is missing yet"
    (change,) = replica.snapshot_read(10.0)
    assert change.removed
    assert names(replica) == {"A"}


def test_a_dss_that_has_heard_less_of_an_owner_takes_nothing_away_until_it_has_caught_up() -> None:
    replica = returned()
    replica.merge(Delta([lease(4)], [service("A", 1)]), 1.0, 10.0)
    assert replica.snapshot_read(10.0) == []
    assert names(replica) == {"A", "B"}
    replica.merge(Delta([lease(6)]), 1.0, 11.0)
    assert names(replica) == {"A"}


def test_a_record_that_is_told_late_stays() -> None:
    replica = returned()
    replica.merge(Delta([lease(4)], [service("A", 1)]), 1.0, 10.0)
    replica.snapshot_read(10.0)
    replica.merge(Delta([lease(6)], [service("B", 2)]), 1.0, 11.0)
    assert names(replica) == {"A", "B"}


def test_a_second_snapshot_in_the_midst_of_the_first_changes_nothing() -> None:
    replica = returned()
    replica.merge(Delta([lease(6)], [service("A", 1)]), 1.0, 10.0)
    replica.asked(10.0)
    replica.merge(Delta([lease(6)], [service("B", 2)]), 1.0, 10.0)
    replica.snapshot_read(10.0)
    assert names(replica) == {"A", "B"}


def test_an_owner_that_the_dss_does_not_know_has_its_lease_to_live() -> None:
    replica = returned()
    replica.snapshot_read(10.0)
    assert names(replica) == {"A", "B"}
    replica.directory.expire(26.0)
    assert names(replica) == set()
