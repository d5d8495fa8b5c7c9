"""Records in the lines of an export: the LAN and turn of a route, and lines of an older program without."""

from collections.abc import Iterable

import msgspec
import pytest

from nwip.directory.parameters import Parameters
from nwip.directory.records import Record, Route
from nwip.directory.table import Directory
from nwip.dss import portable
from nwip.dss_rows import value_text

OWNER = b"A" * 16
PARAMETERS = Parameters(domain="lab.test")
ROUTE = Route(0xABCD01, 0, 1, 0xABCD01, 7)


def exported() -> list[str]:
    directory = Directory()
    directory.merge(Record(OWNER, 1, 1, ROUTE), 0.0)
    lines = [*portable.head(PARAMETERS, OWNER, "one"), *portable.of_owner(directory, OWNER, 0.0)]
    return [msgspec.json.encode(line).decode() for line in portable.closed(lines)]


def imported(lines: Iterable[str]) -> list[Route]:
    reading = portable.Reading("lab.test")
    for line in lines:
        reading.feed(line)
    reading.finish()
    return [record.value for record in reading.records if isinstance(record.value, Route)]


def test_a_route_comes_back_with_its_lan_and_turn() -> None:
    lines = exported()
    assert any("[2,11259137,0,1,11259137,7]" in line for line in lines)
    assert imported(lines) == [ROUTE]


def test_a_route_of_an_older_program_comes_back_without() -> None:
    lines = [line.replace("0,1,11259137,7]", "0,1]") for line in exported()]
    assert imported(lines) == [Route(0xABCD01, 0, 1)]


@pytest.mark.parametrize(
    ("route", "text"),
    [
        (ROUTE, "0 hops, 1 ticks, through LAN 00ABCD01, turn 7"),
        (Route(7, 2, 5, 0xABCD01), "2 hops, 5 ticks, through LAN 00ABCD01"),
        (Route(7, 2, 5), "2 hops, 5 ticks"),
    ],
)
def test_people_are_shown_the_lan_and_turn_of_a_route(route: Route, text: str) -> None:
    assert value_text(route) == text
