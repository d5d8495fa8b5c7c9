"""What is registered of that which links say: nothing that came from the domain, nothing farther away."""

from nwip.directory.records import Change, Key, Kind, Record, Route, Service, Value
from nwip.directory.table import Directory
from nwip.routing.registering import Registrar
from nwip.routing.timers import HOLD_DOWN, REGISTRATION_HOLD_DOWN

NET = 0x2E5A0001
KEY: Key = (Kind.ROUTE, NET, "")
US, THEM, OTHERS = b"u" * 16, b"t" * 16, b"o" * 16


class Site:
    """A registrar long after its start; `heard` is what links say of `NET`, `offers` what is registered."""

    def __init__(self, age: float = 1000.0) -> None:
        self.now = 1000.0
        self.heard: Route | Service | None = None
        self.offers: dict[Key, Value] = {}
        self.directory = Directory()
        self.directory.freeze(self.now)
        self._counter = 0
        self.registrar = Registrar(US, self.directory, self, lambda _key, _now: self.heard, self.now - age)

    def offer(self, value: Value) -> None:
        self.offers[value.key] = value

    def retract(self, key: Key) -> None:
        del self.offers[key]

    def hear(self, hops: int | None, ticks: int = 2) -> Value | None:
        """Let the links say something else; return what is registered then."""
        self.heard = None if hops is None else Route(NET, hops, ticks)
        self.registrar.review([KEY], self.now)
        return self.offers.get(KEY)

    def others(self, owner: bytes, hops: int | None) -> Value | None:
        """Let another owner offer it, or no longer; return what is registered then."""
        self._counter += 1
        if hops is None:
            change = self.directory.drop(owner, KEY)
        else:
            change = self.directory.merge(Record(owner, 1, self._counter, Route(NET, hops, 2)), self.now)
        assert change is not None
        self.registrar.directory_changed([change], self.now)
        return self.offers.get(KEY)

    def wait(self, seconds: float) -> Value | None:
        end = self.now + seconds
        while (due := self.registrar.next_deadline()) is not None and due <= end:
            self.now = due
            self.registrar.advance(due)
        self.now = end
        return self.offers.get(KEY)


def test_what_nobody_else_offers_is_registered_and_withdrawn_with_its_loss() -> None:
    site = Site()
    assert site.hear(3) == Route(NET, 3, 2)
    assert site.hear(None) is None


def test_what_another_owner_offers_with_fewer_hops_is_not_registered() -> None:
    site = Site()
    site.others(THEM, 2)
    assert site.hear(3) is None
    assert site.hear(2) == Route(NET, 2, 2)
    assert site.others(THEM, 1) is None


def test_after_a_withdrawal_a_way_that_cannot_have_come_from_it_is_registered_at_once() -> None:
    site = Site()
    site.others(THEM, 2)
    site.hear(3)
    assert site.others(THEM, None) == Route(NET, 3, 2)


def test_after_a_withdrawal_what_may_have_come_from_it_waits_for_the_hold_down() -> None:
    site = Site()
    site.others(THEM, 2)
    site.hear(4)
    assert site.others(THEM, None) is None
    assert site.wait(REGISTRATION_HOLD_DOWN - 1) is None
    assert site.wait(2) == Route(NET, 4, 2)


def test_what_is_gone_before_the_hold_down_ends_is_never_registered() -> None:
    site = Site()
    site.others(THEM, 2)
    site.hear(4)
    site.others(THEM, None)
    site.wait(10)
    site.hear(None)
    assert site.wait(1000) is None
    assert site.registrar.next_deadline() is None


def test_of_several_withdrawals_the_nearest_counts_and_the_last_sets_the_time() -> None:
    site = Site()
    site.others(THEM, 1)
    site.others(OTHERS, 5)
    site.hear(4)
    site.others(THEM, None)
    site.wait(100)
    assert site.others(OTHERS, None) is None
    assert site.wait(REGISTRATION_HOLD_DOWN - 1) is None
    assert site.wait(2) == Route(NET, 4, 2)


def test_our_own_withdrawal_holds_down_our_own_echo_too() -> None:
    site = Site()
    site.hear(1)
    site.hear(None)
    assert site.hear(3) is None
    assert site.hear(2) == Route(NET, 2, 2)
    assert site.hear(4) is None
    assert site.wait(REGISTRATION_HOLD_DOWN) == Route(NET, 4, 2)


def test_a_network_of_our_own_is_registered_whoever_else_has_it() -> None:
    site = Site()
    site.others(THEM, 0)
    assert site.hear(0, 1) == Route(NET, 0, 1)


def test_soon_after_the_start_only_what_cannot_come_from_an_earlier_life_is_registered() -> None:
    site = Site(age=0.0)
    assert site.hear(2) is None
    assert site.wait(HOLD_DOWN - 1) is None
    assert site.wait(1) == Route(NET, 2, 2)
    assert Site(age=0.0).hear(1) == Route(NET, 1, 2)


def test_our_own_records_that_come_back_from_the_directory_change_nothing() -> None:
    site = Site()
    site.hear(1)
    site.registrar.directory_changed([Change(Record(US, 1, 9, Route(NET, 1, 2)), removed=True)], site.now)
    assert site.registrar.next_deadline() is None


def test_services_follow_the_same_rule() -> None:
    site = Site()
    key: Key = (Kind.SERVICE, 4, "MUSEUM")
    service = Service(4, "MUSEUM", NET, b"\0\0\0\0\0\1", 0x451, 4)
    site.heard = service
    change = site.directory.merge(
        Record(THEM, 1, 1, Service(4, "MUSEUM", NET, b"\0\0\0\0\0\1", 0x451, 2)), site.now
    )
    assert change is not None
    site.registrar.directory_changed([change], site.now)
    site.registrar.review([key], site.now)
    assert key not in site.offers
    gone = site.directory.drop(THEM, key)
    assert gone is not None
    site.registrar.directory_changed([gone], site.now)
    assert key not in site.offers
    site.wait(REGISTRATION_HOLD_DOWN)
    assert site.offers[key] == service
