"""Random histories of gateways on one LAN, each from a seed: what must hold in all of them."""

import pytest

from nwip.ipx.hello import HelloState
from nwip.routing.standby import HELLO_INTERVAL, TAKEOVER_LIMIT
from routing.shared_lan import Gateway, Lan, Wire

HISTORIES = 150
STEPS = 12
TRANSIT = 0.05  # seconds
GENTLE = Wire(delay=TRANSIT)
LOSSY = Wire(loss=0.3, repeat=0.1, delay=TRANSIT, in_a_row=2)
BAD = Wire(loss=0.5, repeat=0.3, delay=2.0)

TWO_ACTIVE_LIMIT = HELLO_INTERVAL + TRANSIT  # seconds on a LAN that loses nothing
TWO_ACTIVE_LIMIT_LOSSY = 3 * HELLO_INTERVAL + TRANSIT  # where two in a row may be lost


class Overlap:
    """Measures for how long two gateways were active on one segment, since the last change of the LAN."""

    def __init__(self, lan: Lan) -> None:
        self.lan = lan
        self.longest = 0.0
        self._since: float | None = None
        lan.watchers.append(self.look)

    def look(self) -> None:
        two = any(len(self.lan.active(segment)) > 1 for segment in self.lan.segments())
        if self._since is not None:
            self.longest = max(self.longest, self.lan.now - self._since)
        self._since = (self._since if self._since is not None else self.lan.now) if two else None

    def begin(self) -> None:
        self._since = None
        self.longest = 0.0
        self.look()


class History:
    """A LAN with two to six gateways to which things happen; two of them may be links of one node."""

    def __init__(self, seed: int) -> None:
        self.lan = Lan(seed)
        self.random = self.lan.random
        self.overlap = Overlap(self.lan)
        self.names = "abcdef"[: self.random.randint(2, 6)]
        self.twins = self.random.random() < 0.3
        for name in self.names:
            if self.random.random() < 0.8:
                self.start(name)

    def start(self, name: str) -> None:
        twin = self.twins and name in "ab"
        identity = b"twin" * 4 if twin else None
        self.lan.start(name, priority=self.random.choice([0, 100, 100, 200]), identity=identity)

    def change(self) -> str:
        what = self.random.choice(
            ["start", "start", "kill", "kill", "stop", "cut", "mend", "mend", "priority"]
        )
        gateways = self.lan.gateways
        one = self.random.choice(gateways) if gateways else None
        absent = sorted(set(self.names) - {gateway.name for gateway in gateways})
        if what == "start" and absent:
            self.start(self.random.choice(absent))
        elif what == "kill" and one:
            self.lan.kill(self.random.choice(self.lan.active() or [one]))
        elif what == "stop" and one:
            self.lan.stop(one)
        elif what == "cut" and one:
            self.lan.cut(*self.random.sample(gateways, self.random.randint(1, len(gateways))))
        elif what == "mend":
            self.lan.mend()
        elif what == "priority" and one:
            one.engine.set_priority(self.random.choice([0, 100, 200]), self.lan.now)
        self.overlap.begin()
        return what

    def must_be_settled(self, trace: list[str]) -> None:
        """See that each segment has one active gateway, and that all others stand by or are blocked."""
        for segment in self.lan.segments():
            states = {
                gateway.name: gateway.engine.state
                for gateway in self.lan.gateways
                if gateway.segment == segment
            }
            assert len(self.lan.active(segment)) == 1, (trace, states)
            assert HelloState.LISTENING not in states.values(), (trace, states)


def blocked(gateways: list[Gateway]) -> list[str]:
    return [gateway.name for gateway in gateways if gateway.engine.state is HelloState.BLOCKED]


@pytest.mark.parametrize(
    ("wire", "overlap", "end"),
    [
        (GENTLE, TWO_ACTIVE_LIMIT, TAKEOVER_LIMIT),
        (LOSSY, TWO_ACTIVE_LIMIT_LOSSY, TAKEOVER_LIMIT + TWO_ACTIVE_LIMIT_LOSSY),
    ],
)
def test_three_seconds_after_any_change_one_is_active_and_two_never_are_for_longer_than_stated(
    wire: Wire, overlap: float, end: float
) -> None:
    for seed in range(HISTORIES):
        history = History(seed)
        history.lan.wire = wire
        trace = [f"seed {seed}"]
        for _ in range(STEPS):
            history.lan.run(TAKEOVER_LIMIT)
            assert all(history.lan.active(segment) for segment in history.lan.segments()), trace
            history.lan.run(end - TAKEOVER_LIMIT)
            history.must_be_settled(trace)
            history.lan.run(history.random.uniform(0.0, 5.0))
            history.must_be_settled(trace)
            history.overlap.look()
            assert history.overlap.longest <= overlap, trace
            trace.append(f"{history.lan.now:.3f} {history.change()}")


def test_on_a_lan_that_loses_repeats_and_reorders_at_will_one_is_active_again_once_it_no_longer_does() -> (
    None
):
    for seed in range(HISTORIES):
        history = History(seed)
        history.lan.wire = BAD
        trace = [f"seed {seed}"]
        for _ in range(STEPS):
            trace.append(f"{history.lan.now:.3f} {history.change()}")
            history.lan.run(history.random.uniform(0.0, 6.0))
        history.lan.mend()
        history.lan.wire = GENTLE
        history.lan.run(BAD.delay + TAKEOVER_LIMIT)
        history.must_be_settled(trace)
        history.lan.run(30.0)
        history.must_be_settled(trace)


def test_changes_that_come_faster_than_anybody_can_take_over_leave_no_lasting_harm() -> None:
    for seed in range(HISTORIES):
        history = History(seed)
        history.lan.wire = LOSSY
        trace = [f"seed {seed}"]
        for _ in range(3 * STEPS):
            trace.append(f"{history.lan.now:.3f} {history.change()}")
            history.lan.run(history.random.uniform(0.0, 0.8))
        history.lan.run(TAKEOVER_LIMIT + TWO_ACTIVE_LIMIT_LOSSY)
        history.must_be_settled(trace)


def test_a_quiet_lan_stays_as_it_is_however_lossy() -> None:
    for seed in range(50):
        history = History(seed)
        history.lan.wire = LOSSY
        history.lan.run(TAKEOVER_LIMIT + TWO_ACTIVE_LIMIT_LOSSY)
        active = history.lan.active()
        turns = [len(gateway.turns) for gateway in history.lan.gateways]
        history.lan.run(120.0)
        assert history.lan.active() == active
        assert [len(gateway.turns) for gateway in history.lan.gateways] == turns


def test_two_links_of_one_node_are_never_both_left_unblocked() -> None:
    seen = 0
    for seed in range(HISTORIES):
        history = History(seed)
        twins = [gateway for gateway in history.lan.gateways if gateway.engine.identity == b"twin" * 4]
        if len(twins) == 2:
            seen += 1
            history.lan.run(TAKEOVER_LIMIT)
            high = max(twins, key=lambda twin: twin.engine.nonce)
            assert blocked(history.lan.gateways) == [high.name]
    assert seen > 20
