"""Who gets into a room, and what gets one thrown out."""

import asyncio
import contextlib
import random

import pytest

from links.websocket.browser import Browser, JsDos, Refused
from links.websocket.room import at, link_of, room

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("path", ["/ipx/quake", "/ipx/", "/ipx/doom/deeper", "/other", "/"])
async def test_where_there_is_no_room_the_status_is_404(path: str) -> None:
    async with room() as (link, _):
        with pytest.raises(Refused) as refused:
            async with Browser(at(link), path):
                pass
        assert refused.value.status == 404


async def test_a_room_name_is_as_js_dos_writes_it() -> None:
    async with (
        room("Alice_example.org~1") as (link, _),
        Browser(at(link), "/ipx/Alice_example.org%7E1", subprotocols=()) as browser,
    ):
        assert browser.subprotocol is None
        await JsDos(browser).register()
    for name in ("", "a/b", "a b", "x" * 65, "a@b"):
        with pytest.raises(ValueError, match="is no room"):
            link_of(name)


async def test_text_is_refused_with_a_reason() -> None:
    async with room() as (link, _), Browser(at(link)) as browser:
        await browser.send("hello")
        closed = await browser.closed()
        assert (closed.code, closed.reason) == (1003, "binary messages only")


async def test_a_giant_message_closes_its_connection_and_no_other() -> None:
    async with room() as (link, switch), Browser(at(link)) as rogue, Browser(at(link)) as good:
        player = await JsDos(good).register()
        await rogue.send(bytes(1 << 20))
        assert (await rogue.closed()).code in {1009, 1006}  # the reset may overtake the word
        await player.send()
        await switch.until_arrivals(1)


async def test_a_full_room_lets_nobody_in_and_one_that_leaves_makes_room() -> None:
    async with room(limit=1) as (link, switch):
        async with Browser(at(link)) as browser:
            await JsDos(browser).register()
            with pytest.raises(Refused, match="503 room full"):
                async with Browser(at(link)):
                    pass
            assert link.counters.drops == {"room full": 1}
        await switch.until_hosts(0)
        async with Browser(at(link)) as browser:
            await JsDos(browser).register()


async def test_only_pages_of_the_origins_may_connect_and_programs_without_one() -> None:
    async with room(origins=["https://dos.example.org/"]) as (link, _):
        for origin in ("https://DOS.example.org", None):
            async with Browser(at(link), origin=origin) as browser:
                await JsDos(browser).register()
        for origin in ("https://example.org", "http://dos.example.org", "null"):
            with pytest.raises(Refused, match="403 origin not admitted"):
                async with Browser(at(link), origin=origin):
                    pass
        assert link.counters.drops == {"origin not admitted": 3}


async def test_addresses_that_are_not_admitted_do_not_get_in() -> None:
    async with room(admit=lambda host: host != "127.0.0.1") as (link, _):
        with pytest.raises(Refused, match="403 source not admitted"):
            async with Browser(at(link)):
                pass


async def test_noise_in_place_of_http_or_of_frames_harms_nobody() -> None:
    noise = random.Random(4)  # noqa: S311 - a seed that is always the same
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context))
    async with room() as (link, _), Browser(at(link)) as bystander:
        for number in range(60):
            rogue = Browser(at(link))
            with contextlib.suppress(OSError, Refused):
                if number % 2:
                    async with rogue:
                        rogue.writer.write(noise.randbytes(noise.randrange(1, 300)))
                        await rogue.writer.drain()
                else:
                    _, writer = await asyncio.open_connection(*at(link))
                    writer.write(
                        b"GET /ipx/doom HTTP/1.1\r\nUpgrade: websocket\r\n"
                        + noise.randbytes(100)
                        + b"\r\n\r\n"
                    )
                    await writer.drain()
                    writer.close()
        await JsDos(bystander).register()
        assert len(link.clients()) == 1
    assert faults == []


async def test_one_address_has_so_many_places() -> None:
    async with room(per_address=1) as (link, _), Browser(at(link)) as browser:
        await JsDos(browser).register()
        with pytest.raises(Refused, match="503 too many clients of one address"):
            async with Browser(at(link)):
                pass
        assert link.counters.drops == {"too many clients of one address": 1}


async def test_who_comes_again_and_again_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nwip.links.websocket.link.KNOCK_RATE", 0.0)
    monkeypatch.setattr("nwip.links.websocket.link.KNOCK_BURST", 2.0)
    async with room() as (link, _):
        for _ in range(2):
            async with Browser(at(link)) as browser:
                await JsDos(browser).register()
        with pytest.raises(Refused, match="429 too many connections"):
            async with Browser(at(link)):
                pass
