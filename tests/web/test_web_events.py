"""News for browsers: a snapshot first, then what is new; who was away gets a snapshot again."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from nwip.web.application import MOST_FOLLOWERS, _Site
from nwip.web.events import MOST_SERIES, events
from web.answers import Watched, link, node

pytestmark = pytest.mark.asyncio


async def told(news: AsyncIterator[bytes]) -> tuple[int, str, dict[str, Any]]:
    async with asyncio.timeout(5):
        octets = await anext(news)
    fields = dict(line.split(": ", 1) for line in octets.decode().rstrip("\n").splitlines())
    assert octets.endswith(b"\n\n")
    assert octets.count(b"\n\n") == 1
    return int(fields["id"]), fields["event"], json.loads(fields["data"])


async def begun(watched: Watched, *series: str) -> AsyncIterator[bytes]:
    news = events(watched.watching, series)
    assert (await anext(news)).startswith(b"retry: ")
    return news


async def test_the_first_event_is_a_snapshot_of_all_that_was_asked_for() -> None:
    watched = Watched()
    for count in (0, 100, 300):
        watched.look(links=[link("doom", packets_in=count)])
    version, kind, data = await told(await begun(watched, "link:doom", "all"))
    assert (version, kind) == (3, "snapshot")
    assert data["curves"]["link:doom"][1] == [None, 50, 100]
    assert data["curves"]["all"][0] == [1_700_001_002, 1_700_001_004, 1_700_001_006]
    assert {box["title"] for box in data["pictures"]["wide"]["boxes"] if box["kind"] == "node"} == {
        "west", "east", "north",
    }  # fmt: skip
    assert data["status"]["words"] == "1 alarm"


async def test_then_come_updates_with_what_is_new_alone() -> None:
    watched = Watched()
    watched.look(links=[link("doom", packets_in=0)])
    news = await begun(watched, "link:doom")
    await told(news)
    watched.look(links=[link("doom", packets_in=10)])
    version, kind, data = await told(news)
    assert (version, kind) == (2, "update")
    assert data["samples"]["link:doom"] == [1_700_001_004, 5, 0, 0]
    assert "curves" not in data
    watched.look(nodes=[node("west", 1, self=True)])
    _, _, data = await told(news)
    assert "gone" in {box["state"] for box in data["pictures"]["wide"]["boxes"]}


async def test_a_picture_that_is_as_it_was_is_not_sent_again() -> None:
    watched = Watched({"nodes": [node("west", 1, self=True)]})
    watched.look()
    news = await begun(watched)
    await told(news)
    watched.look()
    assert "pictures" not in (await told(news))[2]


async def test_who_has_missed_a_version_gets_a_snapshot() -> None:
    watched = Watched()
    watched.look()
    news = await begun(watched, "all")
    await told(news)
    watched.look()
    watched.look()
    assert (await told(news))[:2] == (3, "snapshot")


async def test_who_waits_is_woken_and_a_silent_node_is_news_too() -> None:
    watched = Watched()
    watched.look()
    news = await begun(watched, "all")
    await told(news)
    waiting = asyncio.ensure_future(told(news))
    await asyncio.sleep(0)
    assert not waiting.done()
    watched.node.is_down = True
    watched.look()
    _, _, data = await waiting
    assert data["status"]["state"] == "bad"
    assert data["samples"]["all"] == []


async def test_closing_ends_everybodys_news() -> None:
    watched = Watched()
    watched.look()
    news = await begun(watched)
    await told(news)
    waiting = asyncio.ensure_future(anext(news, b"end"))
    await asyncio.sleep(0)
    watched.watching.close()
    assert await asyncio.wait_for(waiting, 5) == b"end"


async def test_one_client_can_follow_only_so_many_series() -> None:
    watched = Watched()
    watched.look()
    _, _, data = await told(await begun(watched, *(f"link:{number}" for number in range(MOST_SERIES * 2))))
    assert len(data["curves"]) == MOST_SERIES


async def test_followers_have_a_bound_and_leave_their_place() -> None:
    watched = Watched()
    watched.look()
    site = _Site(watched.watching, None)
    followers = [site._followed([]) for _ in range(MOST_FOLLOWERS)]
    for follower in followers:
        await anext(follower)
    assert site._followers == MOST_FOLLOWERS
    await followers[0].aclose()
    assert site._followers == MOST_FOLLOWERS - 1
    for follower in followers[1:]:
        await follower.aclose()


async def test_beyond_the_bound_a_client_is_told_to_come_later() -> None:
    watched = Watched()
    watched.look()
    with watched.client() as client:
        site = client.app._application.routes[0].endpoint.__self__  # type: ignore[attr-defined]
        site._followers = MOST_FOLLOWERS
        answer = client.get("/events")
        site._followers = 0
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")


async def test_a_fault_in_one_look_stops_no_page() -> None:
    watched = Watched()
    looked: list[int] = []

    def look() -> Any:
        looked.append(1)
        raise RuntimeError("nonsense")

    watched.watching._look = look
    running = asyncio.create_task(watched.watching.run())
    async with asyncio.timeout(5):
        while not looked:
            await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
