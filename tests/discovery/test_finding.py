"""The order in which ways are gone, whom each names is asked, how often, and what is said of it."""

import asyncio
from collections.abc import Mapping

import pytest

from nwip.directory.records import Endpoint
from nwip.discovery.finding import CANDIDATE_LIMIT, Found, find
from nwip.discovery.steps import Hints, Say, Source, Step, Way, is_domain_name
from nwip.dss.messages import VERSION, Hello, Reason, Refused

A, B, C = ("192.0.2.1", 396), ("192.0.2.2", 396), ("192.0.2.3", 396)
HELLO = Hello(VERSION, "lab.test", b"D" * 16, b"d" * 16, "dss", "dss")
REFUSED = Refused(Reason.NOT_ALLOWED, "this dss serves the domain other.test")


class World:
    """DSSs that answer as they are told to, a clock that only pauses move, and all that was said."""

    def __init__(self, answers: Mapping[Endpoint, list[Hello | Refused | None]]) -> None:
        self.answers = {server: list(queue) for server, queue in answers.items()}
        self.asked: list[tuple[Endpoint, str]] = []
        self.pauses: list[float] = []
        self.steps: list[Step] = []

    async def probe(self, server: Endpoint, domain: str) -> Hello | Refused | None:
        await asyncio.sleep(0)
        self.asked.append((server, domain))
        queue = self.answers.get(server, [])
        return queue.pop(0) if queue else None

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def find(self, ways: Mapping[Way, Source], hints: Hints | None = None) -> Found | None:
        return asyncio.run(
            find(hints or Hints("lab.test"), ways, probe=self.probe, pause=self.pause, say=self.steps.append)
        )


def naming(*servers: Endpoint, order: list[Way] | None = None, way: Way = Way.DNS) -> Source:
    async def source(hints: Hints, say: Say) -> list[Endpoint]:
        del hints, say
        if order is not None:
            order.append(way)
        return list(servers)

    return source


def test_the_ways_are_gone_in_the_documented_order_whatever_order_they_are_given_in() -> None:
    order: list[Way] = []
    ways = {way: naming(order=order, way=way) for way in (Way.NEAREST, Way.DNS, Way.PREFERRED, Way.DHCP)}
    assert World({}).find(ways) is None
    assert order == [Way.PREFERRED, Way.DHCP, Way.DNS, Way.NEAREST]


def test_the_first_way_that_leads_to_a_dss_is_the_last_that_is_gone() -> None:
    order: list[Way] = []
    world = World({A: [HELLO]})
    found = world.find(
        {Way.DHCP: naming(A), Way.DNS: naming(B, order=order), Way.NEAREST: naming(C, order=order)}
    )
    assert found == Found(Way.DHCP, "lab.test", A, [A])
    assert order == []


def test_a_silent_preferred_server_keeps_its_place_and_one_that_refuses_loses_it() -> None:
    world = World({A: [None], B: [REFUSED], C: [HELLO]})
    found = world.find({Way.PREFERRED: naming(A, B, C)})
    assert found == Found(Way.PREFERRED, "lab.test", C, [A, C])
    assert [step.answer for step in world.steps] == [
        "does not answer",
        "refuses: this dss serves the domain other.test",
        "answers for the domain lab.test",
    ]


def test_each_dss_is_tried_as_often_as_dhcp_says_with_the_seconds_between() -> None:
    world = World({A: [None, None, HELLO]})
    found = world.find({Way.DHCP: naming(A)}, Hints("lab.test", autoretries=3, autoretry_secs=7.0))
    assert found is not None
    assert world.pauses == [7.0, 7.0]
    assert [at for at, _ in world.asked] == [A, A, A]


def test_after_the_last_try_the_next_way_is_gone_without_a_pause() -> None:
    world = World({B: [HELLO]})
    found = world.find({Way.DHCP: naming(A), Way.DNS: naming(B)}, Hints("lab.test", autoretries=2))
    assert found is not None
    assert found.way is Way.DNS
    assert world.pauses == [10.0], "one between the two tries of A"


def test_one_that_refuses_is_not_asked_again() -> None:
    world = World({A: [REFUSED]})
    assert world.find({Way.DHCP: naming(A)}, Hints("lab.test", autoretries=5)) is None
    assert [at for at, _ in world.asked] == [A]
    assert world.pauses == []


@pytest.mark.parametrize("retries", [0, 1])
def test_a_dss_is_tried_once_even_if_dhcp_says_not_at_all(retries: int) -> None:
    world = World({})
    world.find({Way.DHCP: naming(A)}, Hints("lab.test", autoretries=retries))
    assert len(world.asked) == 1


def test_without_a_domain_whichever_answers_is_taken_by_its_name() -> None:
    world = World({A: [HELLO]})
    found = world.find({Way.NEAREST: naming(A)}, Hints())
    assert found is not None
    assert found.domain == "lab.test"
    assert world.asked == [(A, "")]


def test_what_one_way_learns_the_next_one_knows() -> None:
    async def dhcp(hints: Hints, say: Say) -> list[Endpoint]:
        del say
        hints.domain = "lab.test"
        return []

    async def names(hints: Hints, say: Say) -> list[Endpoint]:
        del say
        return [A] if hints.domain == "lab.test" else []

    world = World({A: [HELLO]})
    assert world.find({Way.DHCP: dhcp, Way.DNS: names}, Hints()) is not None
    assert world.asked == [(A, "lab.test")]


def test_a_way_that_names_hundreds_has_few_of_them_asked() -> None:
    world = World({})
    world.find({Way.DNS: naming(*[(f"192.0.2.{n}", 396) for n in range(250)], A, A)})
    assert len(world.asked) == CANDIDATE_LIMIT


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("a", True), ("nwip.example.org", True), ("a" * 63 + ".b", True), ("a" * 64, False), ("a..b", False),
     ("", False), ("-a", False), ("a b", False), ("a\n", False), (".".join(["ab"] * 85), False)],
)  # fmt: skip
def test_the_name_of_a_domain(text: str, is_one: bool) -> None:
    assert is_domain_name(text) == is_one
