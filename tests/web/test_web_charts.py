"""Charts: paths that break where nothing is known, and axes that a person reads."""

import math
import re
import xml.etree.ElementTree as ET

import pytest

from nwip.web.charts import HEIGHT, LEFT, WIDTH, ago, chart, figure, nice_ceiling, path
from nwip.web.history import Curve
from web.answers import Watched, answers, link

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "ceiling"), [(0, 1), (1, 1), (1.1, 2), (3, 5), (7, 10), (99, 100), (101, 200)]
)
def test_an_axis_ends_at_a_round_number(value: float, ceiling: float) -> None:
    assert nice_ceiling(value) == ceiling


@pytest.mark.parametrize(
    ("value", "said"), [(NAN, "-"), (0, "0"), (0.5, "0.5"), (9.96, "10.0"), (3, "3"), (3400.4, "3,400")]
)
def test_a_rate_is_written_as_it_is_read(value: float, said: str) -> None:
    assert figure(value) == said


@pytest.mark.parametrize(("span", "said"), [(0, "now"), (60, "60 s ago"), (600, "10 min ago")])
def test_a_moment_is_told_as_before_now(span: float, said: str) -> None:
    assert ago(span) == said


def test_a_path_breaks_where_nothing_is_known() -> None:
    assert path([(100, 1), (110, 2), (120, NAN), (130, 3)]) == "M100.0 1.0L110.0 2.0M130.0 3.0"
    assert path([(LEFT - 50, 1), (100, 2)]) == "M100.0 2.0"


def test_every_point_of_a_chart_is_in_its_box() -> None:
    times = [float(at) for at in range(0, 1800, 2)]
    curve = Curve(times, tuple([abs(math.sin(at)) * size for at in times] for size in (1, 900, 3e6)))
    found = chart("t", curve, 1800.0)
    for line in found.lines:
        numbers = [float(text) for text in re.findall(r"[\d.]+", line.path)]
        assert all(LEFT - 1 <= x <= WIDTH for x in numbers[::2])
        assert all(0 <= y <= HEIGHT for y in numbers[1::2])
    assert found.levels[-1].says == "5,000,000"
    assert [tick.says for tick in found.moments] == ["now", "10 min ago", "20 min ago", "30 min ago"]


def test_traffic_is_drawn_as_svg_for_each_series_that_there_is() -> None:
    watched = Watched()
    for came in (0, 100, 300):
        watched.look(links=[link("doom & co", packets_in=came, drops={"full": came // 100})])
    with watched.client() as client:
        for series in ("all", "link:doom %26 co", "peer:7E010A000101"):
            answer = client.get(f"/traffic.svg?of={series}")
            assert answer.headers["content-type"] == "image/svg+xml"
            ET.fromstring(answer.text)  # noqa: S314 - our own
        assert "in 100/s" in client.get("/traffic.svg").text
        assert client.get("/traffic.svg?of=link:other").status_code == 404


def test_before_there_is_any_traffic_the_chart_is_empty_and_sound() -> None:
    watched = Watched(answers(links=[]))
    with watched.client() as client:
        ET.fromstring(client.get("/traffic.svg").text)  # noqa: S314 - our own
