"""What links show an operator to put right."""

from nwip.link_alarms import link_alarms
from nwip.links.dosbox.ingress import MAXIMUM_SIZE, OVERSIZE
from nwip.links.lan.ingress import TOO_LARGE
from nwip.links.memory import MemoryLink


class Noticing(MemoryLink):
    """A link that notices something itself."""

    def alarms(self) -> list[str]:
        return ["it rains in"]


def test_packets_that_do_not_fit_are_told_with_the_size_that_does() -> None:
    link = MemoryLink("players", 1, bytes(6))
    link.maximum_size = MAXIMUM_SIZE
    assert link_alarms([link]) == []
    link.counters.drop("malformed", 7)
    assert link_alarms([link]) == []
    link.counters.drop(OVERSIZE)
    (sentence,) = link_alarms([link])
    assert sentence.startswith(
        "link players has dropped 1 packet larger than the 1424 octets that it carries: "
    )
    link.counters.drop(TOO_LARGE, 2)
    (sentence,) = link_alarms([link])
    assert "3 packets" in sentence


def test_what_a_link_notices_itself_is_told_under_its_name() -> None:
    link = Noticing("lan", 1, bytes(6))
    assert link_alarms([link]) == ["link lan: it rains in"]
