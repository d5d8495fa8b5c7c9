"""One gateway of a LAN is active; who takes over, when, and what is no reason to."""

import pytest

from nwip.ipx.hello import MOST_TURNS, Hello, HelloState, domain_mark, server_answer
from nwip.routing.neighbours import DEAD_INTERVAL, MEMORY, NEIGHBOURS, STRANGERS, Neighbours
from nwip.routing.standby import (
    HELLO_GAP,
    HELLO_INTERVAL,
    LOOP_HOLD,
    SETTLE,
    TAKEOVER_LIMIT,
    Standby,
    Turned,
)
from routing.shared_lan import DOMAIN, Gateway, Lan, Wire, names

ACTIVE, STANDING_BY, LISTENING = HelloState.ACTIVE, HelloState.STANDING_BY, HelloState.LISTENING
BLOCKED, SERVER, LEAVING = HelloState.BLOCKED, HelloState.SERVER, HelloState.LEAVING
TRANSIT = 0.01  # seconds: the delay of the LAN


def settled(*gateways: str) -> tuple[Lan, list[Gateway]]:
    """Return a LAN with the first gateway active, the others standing by."""
    lan = Lan()
    started = [lan.start(gateways[0])]
    lan.run(TAKEOVER_LIMIT)
    started += [lan.start(name) for name in gateways[1:]]
    lan.run(TAKEOVER_LIMIT)
    assert names(lan.active()) == [gateways[0]]
    return lan, started


def said(
    state: HelloState,
    *,
    domain: str = DOMAIN,
    identity: bytes = b"F" * 16,
    nonce: bytes = b"forged!!",
    priority: int = 100,
    turn: int = 0,
    number: int = 1,
) -> Hello:
    return Hello(domain_mark(domain), identity, nonce, state, priority, turn, number)


def test_a_gateway_alone_listens_for_one_dead_interval_and_is_active_then() -> None:
    lan = Lan()
    alone = lan.start("a")
    lan.run(DEAD_INTERVAL - 0.01)
    assert alone.engine.state is LISTENING
    lan.run(0.02)
    assert alone.active
    assert alone.engine.turn == 1
    assert alone.engine.why == "no other gateway is active"


def test_a_newcomer_stands_by_as_soon_as_the_active_one_has_answered_it() -> None:
    lan, _ = settled("a")
    newcomer = lan.start("b", priority=255)
    lan.run(HELLO_GAP + 2 * TRANSIT)
    assert newcomer.engine.state is STANDING_BY
    lan.run(60.0)
    assert names(lan.active()) == ["a"], "whoever comes, the active one stays"


def test_of_those_that_start_together_the_one_with_the_highest_priority_is_active() -> None:
    lan = Lan()
    for name, priority in (("a", 100), ("b", 200), ("c", 100)):
        lan.start(name, priority=priority)
        lan.run(0.1)
    lan.run(DEAD_INTERVAL + SETTLE)
    assert names(lan.active()) == ["b"]
    assert [len(gateway.turns) for gateway in lan.gateways] == [1, 1, 1], "nobody was active in between"


def test_who_ends_listening_waits_but_a_moment_for_a_better_one_that_has_just_begun() -> None:
    lan = Lan()
    lan.start("a")
    lan.run(DEAD_INTERVAL - 0.1)
    lan.start("b", priority=200)
    lan.run(SETTLE + 0.15)
    assert names(lan.active()) == ["a"]


def test_when_the_active_one_is_killed_the_highest_priority_then_identity_takes_over() -> None:
    lan, (a, b, c, d) = settled("a", "b", "c", "d")
    b.engine.set_priority(200, lan.now)
    c.engine.set_priority(200, lan.now)
    lan.run(1.0)
    before = {gateway.name: len(gateway.turns) for gateway in (b, d)}
    lan.kill(a)
    lan.run(DEAD_INTERVAL - HELLO_INTERVAL)
    assert lan.active() == []
    lan.run(HELLO_INTERVAL + 2 * TRANSIT)
    assert names(lan.active()) == ["c"]
    assert c.engine.turn == 2
    lan.run(10.0)
    assert {gateway.name: len(gateway.turns) for gateway in (b, d)} == before, "the others see it and stay"
    lan.kill(c)
    lan.run(TAKEOVER_LIMIT)
    assert names(lan.active()) == ["b"]
    assert b.engine.turn == 3


def test_when_the_active_one_and_the_next_die_together_the_one_after_takes_over_in_time() -> None:
    lan, (a, b, c) = settled("a", "b", "c")
    lan.run(0.3)
    lan.kill(a)
    lan.kill(c)
    lan.run(TAKEOVER_LIMIT)
    assert lan.active() == [b]


def test_after_a_goodbye_the_next_is_active_at_once() -> None:
    lan, (a, b) = settled("a", "b")
    lan.stop(a)
    lan.run(2 * TRANSIT)
    assert lan.active() == [b]


def test_a_hello_from_before_the_goodbye_does_not_bring_the_gateway_back() -> None:
    lan, (a, b) = settled("a", "b")
    known = b.engine.neighbours.find(a.engine.identity, a.engine.nonce, lan.now)
    assert known is not None
    lan.stop(a)
    lan.run(2 * TRANSIT)
    repeated = b.engine.repeated
    lan.tell(b, known.hello)
    assert b.active
    assert b.engine.repeated == repeated + 1


def test_a_gateway_that_comes_back_stands_by() -> None:
    lan, (a, b) = settled("a", "b")
    lan.kill(a)
    lan.run(TAKEOVER_LIMIT)
    again = lan.start("a", priority=255)
    lan.run(30.0)
    assert lan.active() == [b]
    assert again.engine.state is STANDING_BY


def test_of_two_that_a_cut_cable_made_active_the_one_with_the_higher_turn_stays() -> None:
    lan, (a, b) = settled("b", "a")
    lan.cut(a)
    lan.run(TAKEOVER_LIMIT)
    assert names(lan.active()) == ["a", "b"]
    assert (a.engine.turn, b.engine.turn) == (1, 2)
    lan.mend()
    lan.run(HELLO_INTERVAL + TRANSIT)
    assert lan.active() == [b], "though the other has the higher identity"
    assert a.engine.why.endswith("is active too, and has precedence")


@pytest.mark.parametrize(("priorities", "stays"), [((100, 100), "b"), ((101, 100), "a")])
def test_of_two_with_one_turn_priority_then_identity_decides_and_the_one_that_stays_takes_another_turn(
    priorities: tuple[int, int], stays: str
) -> None:
    lan = Lan()
    a = lan.start("a", priority=priorities[0])
    b = lan.start("b", priority=priorities[1])
    lan.cut(b)
    lan.run(TAKEOVER_LIMIT)
    assert (a.engine.turn, b.engine.turn) == (1, 1)
    lan.mend()
    lan.run(2 * HELLO_INTERVAL)
    (active,) = lan.active()
    assert (active.name, active.engine.turn) == (stays, 2)
    assert active.turns[-1][1].why.endswith("was active too, with the same turn")


def test_two_hellos_lost_in_a_row_are_no_reason_to_take_over() -> None:
    lan, (a, b) = settled("a", "b")
    lan.wire = Wire(loss=1.0, delay=TRANSIT, in_a_row=2)
    lan.run(120.0)
    assert lan.active() == [a]
    assert len(b.turns) == 1


def test_from_a_gateway_that_would_rather_not_one_that_would_takes_over_without_a_gap() -> None:
    lan, (a, b, c) = settled("a", "b", "c")
    c.engine.set_priority(0, lan.now)
    lan.run(1.0)
    idle: list[float] = []
    lan.watchers.append(lambda: None if lan.active() else idle.append(lan.now))
    a.engine.set_priority(0, lan.now)
    lan.run(HELLO_INTERVAL + 2 * TRANSIT)
    assert lan.active() == [b]
    assert idle == []
    b.engine.set_priority(0, lan.now)
    lan.run(30.0)
    assert lan.active() == [b], "nobody would, so it goes on"
    assert b.engine.turn == 2
    newcomer = lan.start("d")
    lan.run(1.0)
    assert lan.active() == [newcomer]


def test_a_gateway_that_was_asleep_asks_before_it_routes() -> None:
    lan, (a, b) = settled("a", "b")
    lan.gateways.remove(a)  # its process is stopped
    lan.run(10.0)
    assert lan.active() == [b]
    a.engine.advance(lan.now)
    assert a.engine.state is LISTENING
    lan.gateways.append(a)
    lan.run(1.0)
    assert a.engine.state is STANDING_BY


def test_a_gateway_that_was_asleep_is_not_active_when_it_first_hears_something() -> None:
    lan, (a, _) = settled("a", "b")
    lan.gateways.remove(a)
    lan.run(10.0)
    a.engine.hear(said(STANDING_BY), b"hop", lan.now)
    assert a.engine.state is LISTENING


def test_a_link_that_opens_late_listens_from_then_on() -> None:
    engine = Standby(DOMAIN, b"A" * 16, b"nonce..1", 100, 0.0)
    engine.advance(60.0)
    assert engine.state is LISTENING
    assert len(engine.hellos_to_send()) == 1
    assert engine.next_deadline() == 60.0 + HELLO_INTERVAL


# Loops.


def test_of_two_links_of_one_node_on_one_lan_the_one_with_the_higher_nonce_is_blocked() -> None:
    lan = Lan()
    high = lan.start("eth1", identity=b"N" * 16, nonce=b"\xff" * 8)
    lan.run(TAKEOVER_LIMIT)
    low = lan.start("eth0", identity=b"N" * 16, nonce=b"\x01" * 8)
    lan.run(TRANSIT)
    assert high.engine.state is BLOCKED
    assert high.engine.why.startswith("another link of this node is on the same LAN")
    lan.run(TAKEOVER_LIMIT)
    assert lan.active() == [low]
    lan.run(60.0)
    assert (high.engine.state, len(high.turns)) == (BLOCKED, 2)


def test_a_blocked_link_takes_over_when_the_other_one_is_gone() -> None:
    for way in (Lan.kill, Lan.stop):
        lan = Lan()
        low = lan.start("eth0", identity=b"N" * 16, nonce=b"\x01" * 8)
        high = lan.start("eth1", identity=b"N" * 16, nonce=b"\xff" * 8)
        lan.run(TAKEOVER_LIMIT)
        assert lan.active() == [low]
        way(lan, low)
        lan.run(TAKEOVER_LIMIT if way is Lan.kill else 2 * TRANSIT)
        assert lan.active() == [high]


def test_when_two_lans_of_one_node_become_one_the_link_that_is_not_blocked_goes_on_without_a_gap() -> None:
    lan = Lan()
    low = lan.start("eth0", identity=b"N" * 16, nonce=b"\x01" * 8)
    high = lan.start("eth1", identity=b"N" * 16, nonce=b"\xff" * 8)
    lan.cut(high)
    high.engine.learn_turn(9, lan.now)
    lan.run(TAKEOVER_LIMIT)
    assert (low.active, high.active, high.engine.turn) == (True, True, 10)
    lan.mend()
    lan.run(1.0)
    assert (low.active, high.engine.state) == (True, BLOCKED)
    assert [turn.state for _, turn in low.turns] == [ACTIVE]


def test_the_others_do_not_count_on_a_blocked_link() -> None:
    lan = Lan()
    lan.start("eth0", identity=b"N" * 16, nonce=b"\x01" * 8)
    lan.start("eth1", identity=b"N" * 16, nonce=b"\xff" * 8)
    other = lan.start("a", priority=1)
    lan.run(TAKEOVER_LIMIT)
    assert names(lan.active()) == ["eth0"]
    lan.kill(lan.active()[0])
    lan.kill(next(gateway for gateway in lan.gateways if gateway.engine.state is BLOCKED))
    lan.run(TAKEOVER_LIMIT)
    assert lan.active() == [other]


def test_what_comes_back_of_our_own_is_no_loop() -> None:
    lan, (a,) = settled("a")
    hello = Hello(a.engine.domain, a.engine.identity, a.engine.nonce, ACTIVE, 100, 1, 1)
    lan.tell(a, hello)
    assert a.active
    assert a.engine.echoes == 1


def test_a_replayed_hello_of_our_own_blocks_for_the_dead_interval_and_only_once() -> None:
    lan, (a,) = settled("a")
    ours = Hello(a.engine.domain, a.engine.identity, b"\0" * 8, ACTIVE, 100, 1, 7)  # of a former start
    lan.tell(a, ours)
    assert a.engine.state is BLOCKED
    lan.run(DEAD_INTERVAL / 2)
    lan.tell(a, ours)
    lan.run(DEAD_INTERVAL / 2 + 0.01)
    assert a.active
    lan.tell(a, ours)
    assert a.active


def test_a_link_whose_hello_a_server_of_the_domain_answers_is_blocked_as_long_as_it_does() -> None:
    lan, (a,) = settled("uplink")
    for _ in range(40):
        asked = said(ACTIVE, identity=a.engine.identity, nonce=a.engine.nonce, number=a.engine._number)
        answer = server_answer(asked, DOMAIN, b"S" * 16)
        assert answer is not None
        lan.tell(a, answer)
        assert a.engine.state is BLOCKED
        lan.run(HELLO_INTERVAL)
    assert a.engine.why.startswith("leads back into the domain")
    lan.run(LOOP_HOLD)
    assert a.engine.state is LISTENING
    lan.run(TAKEOVER_LIMIT)
    assert a.active


def test_an_answer_to_somebody_else_or_to_an_old_hello_blocks_nothing() -> None:
    lan, (a,) = settled("uplink")
    lan.run(30.0)
    ours = said(SERVER, nonce=a.engine.nonce, number=a.engine._number)
    for stale in (
        ours._replace(nonce=b"another."),
        ours._replace(number=1),
        ours._replace(number=a.engine._number + 1),
        ours._replace(domain=domain_mark("other.test")),
    ):
        lan.tell(a, stale)
        assert a.active
    lan.tell(a, ours)
    assert a.engine.state is BLOCKED


# Other domains, forgeries, bounds.


def test_a_gateway_of_another_domain_is_an_alarm_and_no_rival() -> None:
    lan, (a,) = settled("a")
    stranger = said(ACTIVE, domain="other.test", turn=99, priority=255)
    for number in range(1, 100):
        lan.tell(a, stranger._replace(number=number), b"\2\0\0\0\0\7")
        lan.run(1.0)
    assert a.active
    assert a.engine.turn == 1
    (alarm,) = lan.alarms
    assert alarm.startswith("a gateway of another domain is on this LAN, at 02:00:00:00:00:07: take one")
    assert a.engine.strangers.present(lan.now) == {stranger.domain: alarm}
    lan.run(61.0)
    assert a.engine.strangers.present(lan.now) == {}
    lan.tell(a, stranger)
    assert len(lan.alarms) == 2, "it had gone, and is back"


def test_many_other_domains_fill_no_table() -> None:
    lan, (a,) = settled("a")
    for number in range(100):
        lan.tell(a, said(ACTIVE, domain=f"{number}.test"))
    assert len(lan.alarms) == STRANGERS


def test_a_forged_turn_at_the_limit_is_not_counted_beyond_it() -> None:
    lan, (a,) = settled("a")
    lan.tell(a, said(ACTIVE, turn=MOST_TURNS))
    assert a.engine.state is STANDING_BY
    lan.run(TAKEOVER_LIMIT)
    assert a.active
    assert a.engine.turn == MOST_TURNS


def test_a_flood_of_forged_gateways_fills_no_table_and_draws_few_hellos() -> None:
    lan, (a,) = settled("a")
    before = lan.carried
    for number in range(1000):
        lan.tell(a, said(STANDING_BY, identity=b"F" * 12 + number.to_bytes(4, "big")))
        lan.run(0.001)
    assert len(a.engine.neighbours) == NEIGHBOURS
    assert a.active
    assert lan.carried - before <= 1.0 / HELLO_GAP + 1


def test_at_the_limit_the_one_goes_that_was_heard_longest_ago_and_is_not_active() -> None:
    known = Neighbours(limit=2)
    one, two, three = (number.to_bytes(16, "big") for number in (1, 2, 3))
    known.hear(said(ACTIVE, identity=one), b"", 0.0)
    known.hear(said(STANDING_BY, identity=two), b"", 0.1)
    known.hear(said(STANDING_BY, identity=three), b"", 0.2)
    assert known.identities() == {one, three}
    known.hear(said(ACTIVE, identity=three, number=2), b"", 0.3)
    known.hear(said(ACTIVE, identity=two, number=2), b"", 0.4)
    assert known.identities() == {three, two}


def test_a_hello_that_was_heard_is_taken_for_a_new_one_when_its_gateway_is_forgotten() -> None:
    known = Neighbours()
    assert known.hear(said(ACTIVE, number=2**32 - 1), b"", 0.0)
    assert not known.hear(said(ACTIVE, number=5), b"", DEAD_INTERVAL + MEMORY - 0.1)
    assert known.hear(said(ACTIVE, number=6), b"", DEAD_INTERVAL + MEMORY)


# Turns.


def test_a_turn_is_above_what_the_directory_knows_of_the_lan() -> None:
    lan = Lan()
    a = lan.start("a")
    a.engine.learn_turn(41, lan.now)
    lan.run(TAKEOVER_LIMIT)
    assert (a.active, a.engine.turn) == (True, 42)
    a.engine.learn_turn(41, lan.now)
    assert a.engine.turn == 42


def test_an_active_gateway_goes_above_the_directory_once_so_that_two_do_not_outbid_each_other() -> None:
    lan, (a,) = settled("a")
    a.engine.learn_turn(7, lan.now)
    assert a.engine.turn == 8
    assert a.engine.take_events() == [Turned(ACTIVE, 8, "the directory had a higher turn")]
    a.engine.learn_turn(9, lan.now)
    assert a.engine.turn == 8
    lan.tell(a, said(ACTIVE, turn=10))
    lan.run(TAKEOVER_LIMIT)
    assert (a.active, a.engine.turn) == (True, 11), "the next takeover counts all that was heard"
    a.engine.learn_turn(MOST_TURNS, lan.now)
    assert a.engine.turn == MOST_TURNS


def test_after_leaving_nothing_more_happens() -> None:
    lan, (a,) = settled("a")
    lan.stop(a)
    a.engine.leave(lan.now)
    a.engine.hear(said(STANDING_BY), b"", lan.now)
    a.engine.advance(lan.now + 60.0)
    assert a.engine.hellos_to_send() == []
    assert a.engine.next_deadline() is None
    assert a.engine.state is LEAVING
