"""The question `about`: which node this is, and which DSSs its domain has."""

import asyncio
from pathlib import Path

import pytest

from nodes import node, until
from nwip.bench.domain import free_port
from nwip.config.reading import parse
from nwip.control import NodeRefused, ask
from nwip.directory.records import Kind
from nwip.node import RunningNode

pytestmark = pytest.mark.asyncio


async def test_a_node_says_who_it_is_and_which_dss_it_asks(tmp_path: Path) -> None:
    port = free_port("127.0.0.5")
    config = parse(
        f"""
        [domain]
        name = "test.nwip"
        data-port = {free_port("127.0.0.5")}
        [node]
        name = "barn"
        address = "127.0.0.5"
        state = "{tmp_path}"
        control = "{tmp_path}/control.sock"
        [dss]
        listen = ["127.0.0.5"]
        port = {port}
        peer-port = {free_port("127.0.0.5")}
        store = "memory"
        """,
        "nwip.toml",
    )
    said: list[object] = []
    running = RunningNode(config, lambda _: None, said.append)
    await running.start()
    try:
        await until(lambda: said)
        client = running.client
        assert client is not None
        await until(lambda: list(client.directory.records(Kind.DSS)))
        about = await asyncio.to_thread(ask, tmp_path / "control.sock", {"ask": "about"})
    finally:
        await running.stop()
    assert isinstance(about, dict)
    assert (about["name"], about["domain"], about["dss_here"]) == ("barn", "test.nwip", True)
    (server,) = about["servers"]
    assert (server["name"], server["sessions"]) == ("barn", [f"127.0.0.5:{port}"])
    assert (server["here"], server["asked"]) == (True, True)


async def test_before_it_has_joined_a_domain_it_says_that(tmp_path: Path) -> None:
    async with node(tmp_path, 9):
        with pytest.raises(NodeRefused, match="has not joined its domain yet"):
            await asyncio.to_thread(ask, tmp_path / "control.sock", {"ask": "about"})
