"""The DHCP way: leases before questions, and what of it the ways after it are told."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from nwip.directory.records import Endpoint
from nwip.discovery.dhcp.information import Information, Place
from nwip.discovery.dhcp.leases import Lease
from nwip.discovery.dhcp.way import DhcpWay, Interface
from nwip.discovery.steps import Hints, Step
from nwip.wire import WireError

FULL: Final = Information(
    "lab.test",
    nsq_broadcast=False,
    preferred_dss=("192.0.2.1", "192.0.2.2"),
    nearest_servers=("192.0.2.5",),
    autoretries=3,
    autoretry_secs=2,
    primary_dss="192.0.2.1",
)
ETH0: Final = Interface("eth0", "192.0.2.9", bytes(6))


class Asked:
    """A DHCP server that answers what it is told to, or raises it."""

    def __init__(self, answer: Information | Exception | None = None) -> None:
        self.answer = answer
        self.questions: list[tuple[str, str]] = []

    async def __call__(self, address: str, hardware: bytes, server: str) -> Information | None:
        await asyncio.sleep(0)
        assert hardware == ETH0.hardware
        self.questions.append((address, server))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def go(
    leases: list[tuple[str, Lease]],
    ask: Callable[[str, bytes, str], Awaitable[Information | None]],
    hints: Hints | None = None,
) -> tuple[list[Endpoint], Hints, list[Step]]:
    steps: list[Step] = []
    hints = hints or Hints()
    found = asyncio.run(DhcpWay(lambda: leases, lambda: [ETH0], ask)(hints, steps.append))
    return found, hints, steps


def lease(information: Information | None, trouble: str = "") -> list[tuple[str, Lease]]:
    return [("/leases", Lease("eth0", ETH0.address, "192.0.2.254", information, trouble))]


def test_a_lease_that_says_all_is_enough() -> None:
    ask = Asked()
    found, hints, (step,) = go(lease(FULL), ask)
    assert found == [("192.0.2.1", 396), ("192.0.2.1", 10396), ("192.0.2.2", 396), ("192.0.2.2", 10396)]
    assert ask.questions == []
    assert hints == Hints("lab.test", 3, 2.0, nsq_broadcast=False, nearest_servers=["192.0.2.5"])
    assert step.asked == "lease of eth0 in /leases"
    assert step.answer == (
        "domain lab.test, preferred DSS 192.0.2.1, 192.0.2.2, primary DSS 192.0.2.1,"
        " nearest servers 192.0.2.5, nearest-server query not wanted, tries 3, seconds between 2"
    )


def test_where_leases_say_nothing_the_server_of_the_lease_is_asked() -> None:
    ask = Asked(FULL)
    found, hints, steps = go(lease(None), ask)
    assert ask.questions == [("192.0.2.9", "192.0.2.254")]
    assert found[0] == ("192.0.2.1", 396)
    assert hints.domain == "lab.test"
    assert next(step.answer for step in steps) == "nothing of NetWare/IP in them"


def test_without_any_lease_all_servers_are_asked() -> None:
    ask = Asked(FULL)
    go([], ask)
    assert ask.questions == [("192.0.2.9", "")]


def test_what_has_spilled_is_asked_for_since_leases_lack_it() -> None:
    ask = Asked(FULL)
    found, _, _ = go(lease(Information("lab.test", Place.SNAME_FILE)), ask)
    assert ask.questions == [("192.0.2.9", "192.0.2.254")]
    assert ("192.0.2.1", 396) in found


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (None, "no DHCP server answers"),
        (PermissionError(13, "no"), "not permitted: UDP port 68 needs privilege"),
        (OSError(98, "Address already in use"), "not possible: Address already in use"),
        (WireError("option 63 is cut short"), "option 63 is cut short"),
        (Information(), "nothing of NetWare/IP"),
        (Information("lab.test", Place.NOWHERE), "domain lab.test, no further information"),
        (
            Information("lab.test", Place.TOO_BIG),
            "domain lab.test, information that did not fit into the message",
        ),
        (Information("a b"), "option 62 holds no name of a domain"),
    ],
)
def test_what_a_server_says_that_does_not_help_is_explained(
    answer: Information | Exception | None, text: str
) -> None:
    found, _, steps = go([], Asked(answer))
    assert found == []
    assert steps[-1].answer == text


def test_what_is_wrong_in_a_lease_is_explained_and_the_server_asked() -> None:
    ask = Asked(FULL)
    _, _, steps = go(lease(None, "option 62 is not ASCII"), ask)
    assert steps[0].answer == "option 62 is not ASCII"
    assert ask.questions


def test_the_word_of_another_domain_is_not_taken() -> None:
    found, hints, (step, *_) = go(lease(FULL), Asked(), Hints("museum.test"))
    assert found == []
    assert hints == Hints("museum.test")
    assert step.answer == "is for another domain, lab.test"


def test_the_primary_is_a_last_resort() -> None:
    found, _, _ = go(lease(Information("lab.test", primary_dss="192.0.2.7")), Asked())
    assert found == [("192.0.2.7", 396), ("192.0.2.7", 10396)]
