"""Three nodes, an unreliable wire and an attacker: what is taken was sent, and once, and all recovers."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fixtures.sealed_wire import Datagram, Wire, packet

stations = st.integers(0, 2)
sizes = st.sampled_from([30, 60, 600, 1151, 1152, 1200, 1201, 1400, 1440, 1500])


class Histories(RuleBasedStateMachine):
    """Three nodes of which each sends what no other does."""

    def __init__(self) -> None:
        super().__init__()
        self.wire = Wire()
        self.stations = [self.wire.station(f"192.0.2.{number}", started=1e6 * number) for number in range(3)]
        for station in self.stations:
            station.know(*(other for other in self.stations if other is not station))
        self.sent: dict[tuple[bytes, bytes], bytes] = {}
        self.loss, self.repeat, self.delay = 0, 0, 1.0
        self.chance = self.stations[0].chance
        self.wire.route = self.route

    def route(self, datagram: Datagram) -> list[tuple[float, Datagram]]:
        if self.chance.randrange(100) < self.loss:
            return []
        copies = 2 if self.chance.randrange(100) < self.repeat else 1
        return [(self.chance.uniform(0.001, self.delay), datagram) for _ in range(copies)]

    @rule(here=stations, there=stations, size=sizes, count=st.integers(1, 20))
    def send(self, here: int, there: int, size: int, count: int) -> None:
        one, other = self.stations[here], self.stations[there]
        packets = [packet(size, len(self.sent) + number) for number in range(count)]
        for octets in packets:
            self.sent[one.public, octets] = other.public
        if one is not other:
            one.send(other, *packets)

    @rule(seconds=st.sampled_from([0.01, 0.5, 5, 11, 30, 61, 100, 130, 200]))
    def wait(self, seconds: float) -> None:
        self.wire.run(seconds)

    @rule(
        loss=st.sampled_from([0, 10, 60, 100]),
        repeat=st.sampled_from([0, 50]),
        delay=st.sampled_from([0.01, 1, 8]),
    )
    def weather(self, loss: int, repeat: int, delay: float) -> None:
        self.loss, self.repeat, self.delay = loss, repeat, delay

    @rule(which=stations)
    def restart(self, which: int) -> None:
        station = self.stations[which]
        station.restart()
        station.know(*(other for other in self.stations if other is not station))

    @rule(which=stations, port=st.integers(1, 3))
    def move(self, which: int, port: int) -> None:
        self.stations[which].endpoint = (f"192.0.2.{which}", 43980 + port)

    @precondition(lambda self: self.wire.passed)
    @rule(data=st.data(), to=stations)
    def attack(self, data: st.DataObject, to: int) -> None:
        recorded = data.draw(st.integers(max(0, len(self.wire.passed) - 300), len(self.wire.passed) - 1))
        source, _, octets = self.wire.passed[recorded]
        place = data.draw(st.integers(-1, len(octets) - 1))
        if place >= 0:
            octets = octets[:place] + bytes((octets[place] ^ 1,)) + octets[place + 1 :]
        source = data.draw(st.sampled_from([source, ("198.51.100.66", 666)]))
        taken = self.stations[to].take(octets, source)
        assert place < 0 or taken == []

    @invariant()
    def what_is_taken_was_sent_to_whoever_took_it_and_once(self) -> None:
        for station in self.stations:
            assert len(set(station.got)) == len(station.got)
            for sender, octets in station.got:
                assert self.sent[sender, octets] == station.public

    @invariant()
    def little_is_kept(self) -> None:
        for station in self.stations:
            tunnels = station.tunnels
            assert len(tunnels._indices.sessions) <= 2 * 3 + len(tunnels._handshakes.answerer)
            assert len(tunnels._indices.attempts) <= 2
            assert len(tunnels._handshakes.answerer) <= 16
            assert len(station.engine._flows) <= 2

    def teardown(self) -> None:
        """See that all recovers when the wire does."""
        self.loss, self.repeat, self.delay = 0, 0, 0.05
        self.wire.run(9)
        pairs = [(one, other) for one in self.stations for other in self.stations if one is not other]
        for station in self.stations:
            station.know(*(other for other in self.stations if other is not station))
        for _ in range(45):
            for one, other in pairs:
                self.send(self.stations.index(one), self.stations.index(other), 600, 1)
            self.wire.run(1)
        for station in self.stations:
            station.got.clear()
        for one, other in pairs:
            self.send(self.stations.index(one), self.stations.index(other), 1500, 1)
        self.wire.run(5)
        self.what_is_taken_was_sent_to_whoever_took_it_and_once()
        assert [len(station.got) for station in self.stations] == [2, 2, 2]


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
