"""A gateway that notices that its cable is out, and in again: nobody is active beside another for it."""

from nwip.ipx.hello import HelloState
from nwip.routing.standby import CABLE_LISTEN, SETTLE, TAKEOVER_LIMIT
from routing.shared_lan import Gateway, Lan, Wire, names
from routing.test_standby_histories import Overlap

TRANSIT = 0.05  # seconds
HISTORIES = 200
STEPS = 15


def unplug(lan: Lan, gateway: Gateway) -> None:
    gateway.segment = 1 + lan.gateways.index(gateway)
    gateway.engine.unplug()
    lan.run(0.0)


def plug(lan: Lan, gateway: Gateway) -> None:
    gateway.segment = 0
    gateway.engine.plug(lan.now)
    lan.run(0.0)


def settled(count: int, seed: int = 0) -> tuple[Lan, list[Gateway]]:
    lan = Lan(seed)
    lan.wire = Wire(delay=TRANSIT)
    gateways = [lan.start(name) for name in "abcd"[:count]]
    lan.run(TAKEOVER_LIMIT)
    return lan, gateways


def test_whose_cable_is_out_is_not_active_says_nothing_and_takes_no_turn() -> None:
    lan, (alone,) = settled(1)
    unplug(lan, alone)
    assert alone.engine.state is HelloState.LISTENING
    assert alone.engine.why == "the cable is out"
    carried = lan.carried
    alone.engine.learn_turn(7, lan.now)
    alone.engine.set_priority(200, lan.now)
    alone.engine.advance(lan.now + 60.0)
    lan.run(60.0)
    assert lan.carried == carried
    assert alone.engine.state is HelloState.LISTENING


def test_who_is_alone_is_active_again_within_a_second_of_the_cables_return() -> None:
    lan, (alone,) = settled(1)
    turn = alone.engine.turn
    unplug(lan, alone)
    lan.run(10.0)
    plug(lan, alone)
    lan.run(CABLE_LISTEN - 0.01)
    assert not alone.active
    lan.run(0.02)
    assert (alone.active, alone.engine.turn) == (True, turn + 1)


def test_another_takes_over_and_who_gets_its_cable_back_stands_by_and_was_never_active_beside_it() -> None:
    lan, gateways = settled(2)
    (first,) = lan.active()
    (second,) = (gateway for gateway in gateways if gateway is not first)
    overlap = Overlap(lan)
    overlap.begin()
    unplug(lan, first)
    lan.run(TAKEOVER_LIMIT)
    assert second.active
    plug(lan, first)
    lan.run(TAKEOVER_LIMIT)
    assert names(lan.active()) == [second.name]
    assert first.engine.state is HelloState.STANDING_BY
    assert overlap.longest == 0.0


def test_a_cable_that_only_flickers_leaves_one_active() -> None:
    lan, (first, second) = settled(2)
    for _ in range(20):
        unplug(lan, first)
        lan.run(0.05)
        plug(lan, first)
        lan.run(0.05)
    lan.run(TAKEOVER_LIMIT)
    assert len(lan.active()) == 1
    assert {first.engine.state, second.engine.state} == {HelloState.ACTIVE, HelloState.STANDING_BY}


def test_a_second_unplugging_and_a_plugging_without_one_change_nothing() -> None:
    lan, (alone,) = settled(1)
    plug(lan, alone)
    assert alone.active
    unplug(lan, alone)
    plug(lan, alone)
    lan.run(CABLE_LISTEN / 2)
    plug(lan, alone)
    lan.run(CABLE_LISTEN / 2)
    assert alone.active


def test_of_all_histories_of_cables_none_leaves_two_active_beside_each_other_or_nobody() -> None:
    for seed in range(HISTORIES):
        lan, gateways = settled(2 + seed % 3, seed)
        overlap = Overlap(lan)
        overlap.begin()
        for _ in range(STEPS):
            one = lan.random.choice(gateways)
            (plug if one.segment else unplug)(lan, one)
            lan.run(lan.random.choice([lan.random.uniform(0.0, 1.0), TAKEOVER_LIMIT + SETTLE]))
        lan.run(TAKEOVER_LIMIT)
        plugged = [gateway for gateway in gateways if not gateway.segment]
        assert len(lan.active()) == min(1, len(plugged)), seed
        assert overlap.longest <= TRANSIT, seed
