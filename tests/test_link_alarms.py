"""What links show an operator to put right."""

from nwip.link_alarms import link_alarms
from nwip.links.dosbox.ingress import MAXIMUM_SIZE, OVERSIZE
from nwip.links.lan.ingress import TOO_LARGE
from nwip.links.memory import MemoryLink
from nwip.routing.alarms import Alarm


class Noticing(MemoryLink):
    """A link that notices something itself."""

    def alarms(self, now: float) -> list[tuple[str, str]]:
        return [("rain", f"it rains in since {now - 3:g}")]


def test_packets_that_do_not_fit_are_told_with_the_size_that_does() -> None:
    link = MemoryLink("players", 1, bytes(6))
    link.maximum_size = MAXIMUM_SIZE
    assert link_alarms([link], 0.0) == []
    link.counters.drop("malformed", 7)
    assert link_alarms([link], 0.0) == []
    link.counters.drop(OVERSIZE)
    ((kind, about, sentence, _),) = link_alarms([link], 0.0)
    assert (kind, about) == ("too-large", "players")
    assert sentence.startswith(
        "link players has dropped 1 packet larger than the 1424 octets that it carries: "
    )
    link.counters.drop(TOO_LARGE, 2)
    ((kind, about, sentence, _),) = link_alarms([link], 0.0)
    assert (kind, about) == ("too-large", "players")
    assert "3 packets" in sentence


def test_what_a_link_notices_itself_is_told_under_its_name() -> None:
    link = Noticing("lan", 1, bytes(6))
    assert link_alarms([link], 5.0) == [Alarm("frame-type", "lan", "link lan: it rains in since 2", "rain")]
