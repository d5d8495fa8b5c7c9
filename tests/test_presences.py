"""Who has left says so; who has not is missed until he is back."""

from nwip.directory.records import Change, Dss, Node, Record
from nwip.directory.table import Directory
from nwip.presences import GONE_LIMIT, MISSED_FOR, Presences

LEASE = 15.0


def who(number: int) -> bytes:
    return number.to_bytes(16, "big")


class Domain:
    def __init__(self) -> None:
        self.now = 0.0
        self.directory = Directory()
        self.presences = Presences(self.directory)
        self.presences.complete = True

    def comes(self, number: int, counter: int = 1, incarnation: int = 1) -> list[str]:
        node = Node(number.to_bytes(6, "big"), f"n{number}", [("192.0.2.1", 43981)])
        self.directory.heard(who(number), incarnation, counter, LEASE, 0.0, self.now)
        change = self.directory.merge(Record(who(number), incarnation, counter, node), self.now)
        return self.tell([change])

    def tell(self, changes: list[Change | None]) -> list[str]:
        return [turn.text for turn in self.presences.take([each for each in changes if each], self.now)]

    def leaves(self, number: int) -> list[str]:
        (record,) = self.directory.of_owner(who(number))
        return self.tell([self.directory.withdraw(who(number), record.key, (1, 2), self.now)])

    def expires(self) -> list[str]:
        self.now += LEASE + 1
        return self.tell(list(self.directory.expire(self.now)))

    def missed(self) -> list[str]:
        return [alarm.about for alarm in self.presences.missed(self.now)]


def test_a_node_that_withdraws_has_left_and_is_not_missed() -> None:
    domain = Domain()
    assert domain.comes(1) == ["node n1 has joined"]
    assert domain.comes(1, 2) == [], "it only says the same again"
    assert domain.leaves(1) == ["node n1 has left"]
    assert domain.missed() == []


def test_a_node_that_says_goodbye_has_left_too() -> None:
    domain = Domain()
    domain.comes(1)
    domain.directory.heard(who(1), 1, 2, LEASE, LEASE, domain.now)
    assert domain.tell(list(domain.directory.expire(domain.now))) == ["node n1 has left"]
    assert domain.missed() == []


def test_that_its_dss_sees_a_lease_end_first_is_no_goodbye() -> None:
    domain = Domain()
    domain.comes(1)
    domain.directory.heard(who(1), 1, 1, LEASE, LEASE, domain.now)
    assert domain.tell(list(domain.directory.expire(domain.now))) == ["node n1 has gone: its lease has ended"]


def test_a_node_whose_lease_ends_is_missed_until_it_is_back() -> None:
    domain = Domain()
    domain.comes(1)
    assert domain.expires() == ["node n1 has gone: its lease has ended"]
    (alarm,) = domain.presences.missed(domain.now)
    assert (alarm.kind, alarm.about) == ("node-gone", "n1")
    assert domain.comes(1, 1, 2) == ["node n1 is back"]
    assert domain.missed() == []


def test_who_was_there_before_is_no_news_but_is_missed_when_it_goes() -> None:
    domain = Domain()
    domain.presences.complete = False
    assert domain.comes(1) == []
    domain.presences.complete = True
    assert domain.expires() == ["node n1 has gone: its lease has ended"]


def test_a_dss_is_known_by_its_record() -> None:
    domain = Domain()
    dss = Dss(who(7), "first", [], [])
    domain.directory.heard(who(7), 1, 1, LEASE, 0.0, 0.0)
    assert domain.tell([domain.directory.merge(Record(who(7), 1, 1, dss), 0.0)]) == ["dss first has joined"]
    assert domain.expires() == ["dss first has gone: its lease has ended"]
    assert [alarm.kind for alarm in domain.presences.missed(domain.now)] == ["dss-gone"]


def test_so_many_are_missed_at_most_and_none_for_ever() -> None:
    domain = Domain()
    for number in range(1, GONE_LIMIT + 3):
        domain.comes(number)
    while domain.directory.owners() or len(domain.directory):
        domain.expires()
    assert len(domain.missed()) == GONE_LIMIT
    domain.now += MISSED_FOR
    assert domain.missed() == []
