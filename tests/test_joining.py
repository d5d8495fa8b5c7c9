"""How a node comes to its domain: what it takes and logs, and how it goes on when all servers are gone."""

import asyncio
import logging
from pathlib import Path

import pytest

from nodes import PARAMETERS, dss, node, until
from nwip import joining
from nwip.banner import banner
from nwip.config.reading import parse
from nwip.directory.records import Endpoint
from nwip.discovery.finding import Found
from nwip.discovery.nearest import query
from nwip.discovery.steps import Say, Step, Way
from nwip.joining import Entry, Search, answerer
from nwip.node import RunningNode

pytestmark = pytest.mark.asyncio
SERVER = ("192.0.2.1", 396)


class Finder:
    """Stands in for `find_here`: answers in turn, remembers what it was asked."""

    def __init__(self, *answers: Found | None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, tuple[Way, ...]]] = []

    async def __call__(self, domain: str, ways: list[Way], *, say: Say, **_: object) -> Found | None:
        self.asked.append((domain, tuple(ways)))
        say(Step(Way.DNS, "NS lab.test", "does not exist", helps=False))
        await asyncio.sleep(0)
        return self.answers.pop(0)


async def test_a_node_searches_until_it_finds_and_says_each_failure_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    finder = Finder(None, None, Found(Way.DNS, "lab.test", SERVER, [SERVER]))
    monkeypatch.setattr(joining, "find_here", finder)
    monkeypatch.setattr(joining, "FIRST_PAUSE", 0.0)
    with caplog.at_level(logging.INFO, logger="nwip.joining"):
        entry = await Search(parse("dss.serve = false", "f")).entry()
    assert entry == Entry("lab.test", [SERVER])
    assert finder.asked == [("", tuple(Way))] * 3
    assert [record.message for record in caplog.records] == [
        "dns: NS lab.test: does not exist",
        "found the domain lab.test: dns",
    ]


async def test_a_domain_that_was_found_is_the_one_that_is_looked_for_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finder = Finder(
        Found(Way.DHCP, "lab.test", SERVER, [SERVER]), Found(Way.DNS, "lab.test", SERVER, [SERVER])
    )
    monkeypatch.setattr(joining, "find_here", finder)
    search = Search(parse("dss.serve = false", "f"))
    await search.entry()
    assert await search.further() == [SERVER]
    assert finder.asked[1] == ("lab.test", (Way.DHCP, Way.DNS, Way.NEAREST))


async def test_servers_of_a_named_domain_are_taken_without_a_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(joining, "find_here", Finder())
    text = 'domain.name = "lab.test"\ndss.servers = ["192.0.2.1:396"]'
    assert await Search(parse(text, "f")).entry() == Entry("lab.test", [SERVER])


async def test_a_node_with_servers_but_no_domain_takes_theirs(tmp_path: Path) -> None:
    async with dss() as server:
        port = server.endpoints[0][1]
        text = f"""
            [node]
            address = "127.0.0.5"
            state = "{tmp_path}"
            control = "{tmp_path}/control.sock"
            [dss]
            servers = ["127.0.0.1:{port}"]
        """
        said: list[str] = []
        running = RunningNode(parse(text, "f"), said.append, lambda found: said.append(banner(found)))
        await running.start()
        try:
            await until(lambda: said)
        finally:
            await running.stop()
    assert said[0].startswith(f"domain   {PARAMETERS.domain},")


async def test_when_every_server_is_gone_the_node_looks_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere: list[Endpoint] = []

    async def further(_: Search) -> list[Endpoint]:
        await asyncio.sleep(0)
        return elsewhere

    monkeypatch.setattr(Search, "further", further)
    async with dss() as first, node(tmp_path, first.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        await first.close()
        async with dss() as second:
            elsewhere.append(second.endpoints[0])
            await until(lambda: running.client and running.client.connected == second.endpoints[0])


@pytest.mark.parametrize(
    ("connected", "asker", "told"),
    [
        (("10.0.0.1", 396), "10.0.0.7", True),
        (("10.0.0.1", 396), "203.0.113.7", False),
        (("127.0.0.1", 396), "10.0.0.7", False),
        (("127.0.0.1", 396), "127.0.0.7", True),
        (("2001:db8::1", 396), "10.0.0.7", False),
        (None, "10.0.0.7", False),
    ],
)
async def test_an_asker_is_told_of_a_dss_that_it_can_reach_if_it_is_admitted(
    connected: Endpoint | None, asker: str, told: bool
) -> None:
    answers = answerer(parse("", "f"), None, lambda: connected, lambda: PARAMETERS)
    question = query(b"123456")
    assert (answers.answer(question, (asker, 9)) is not None) == told
