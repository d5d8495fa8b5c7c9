"""A node whose network the domain does not take says so, goes on, and registers it once it may."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from nodes import dss, until
from nwip.banner import banner
from nwip.config.reading import parse
from nwip.control import ask
from nwip.directory.grants import Grant
from nwip.directory.records import Kind
from nwip.dss_status import standing_alarms
from nwip.node import RunningNode

NETWORK = 0x0005EA15


async def alarms(control: Path) -> list[dict[str, object]]:
    answer = await asyncio.to_thread(ask, control, {"ask": "alarms"})
    assert isinstance(answer, list)
    return answer


@pytest.mark.asyncio
async def test_nwip_links_tells_of_a_network_that_the_list_does_not_have(tmp_path: Path) -> None:
    control = tmp_path / "control.sock"
    said: list[str] = []
    async with dss() as server:
        listed = replace(server.parameters, networks="listed", version=2, renewal=0.2)
        server.set_parameters(listed)
        text = f"""
            [domain]
            name = "test.nwip"
            [node]
            name = "museum"
            address = "127.0.0.5"
            state = "{tmp_path}"
            control = "{control}"
            [dss]
            servers = ["127.0.0.1:{server.endpoints[0][1]}"]
            [[link]]
            kind = "dosbox"
            joined = false
            network = "5EA15"
            listen = ["127.0.0.5"]
            port = 20213
        """
        running = RunningNode(parse(text, "f"), said.append, lambda found: said.append(banner(found)))
        await running.start()
        try:
            await until(lambda: said and running.client is not None and running.client.denied)
            sentence = (
                "the domain does not take network 0005EA15: no [[grant]] of the domain gives it that network"
            )
            (alarm,) = await alarms(control)
            assert (alarm["alarm"], alarm["kind"], alarm["about"]) == (sentence, "denied", "0005EA15")
            assert not alarm["is_over"]
            links = await asyncio.to_thread(ask, control, {"ask": "links"})
            assert isinstance(links, list)
            assert [link["why"] for link in links] == ["", sentence]
            denied = "node museum at 127.0.0.5 may not register network 0005EA15: no [[grant]] of the domain"
            assert any(each.startswith(denied) for each in standing_alarms(server.engine, [], None))
            server.set_parameters(replace(listed, version=3, grants=(Grant((NETWORK,), "museum"),)))
            await until(lambda: server.directory.claims((Kind.ROUTE, NETWORK, "")))
            await until(lambda: running.client is not None and not running.client.denied)
            assert [alarm["is_over"] for alarm in await alarms(control)] == [True]
        finally:
            await running.stop()
