"""A node of a sealed domain in this process: who it is, and what it notes."""

import asyncio
from pathlib import Path

import pytest

from nodes import until
from nwip import node
from nwip.banner import Facts, banner
from nwip.config.reading import parse
from nwip.enrolment import create
from nwip.node import RunningNode

pytestmark = pytest.mark.asyncio

ADDRESS = "127.0.0.9"


async def test_a_node_is_who_its_key_says_and_notes_how_old_invitations_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "AGES_NOTED", 0.01)
    config = parse(
        f'[node]\nname = "museum"\naddress = "{ADDRESS}"\nstate = "{tmp_path}/s"\ncontrol = "{tmp_path}/c"\n'
        f'[dss]\nlisten = ["{ADDRESS}"]\nport = 20496\npeer-port = 22110\n',
        "nwip.toml",
    )
    create(config, "sealed.test")
    ready: asyncio.Future[Facts] = asyncio.get_running_loop().create_future()
    running = RunningNode(config, print, ready.set_result)
    await running.start()
    try:
        async with asyncio.timeout(20):
            found = await ready
        assert found["sealed"]
        assert "sealed.test (sealed)" in banner(found)
        party = running.party
        assert party is not None
        assert party.dss is not None
        assert running.dss is not None
        assert running.identity == party.node.identity
        assert running.dss.engine.identity == party.dss.identity
        assert running.dss.engine._admit("203.0.113.9"), "a key decides, no address"
        assert not (tmp_path / "s" / "identity").exists()
        assert not (tmp_path / "s" / "invitations").exists()
        assert party.dss.invitations is not None
        party.dss.invitations.issue("node", "", (), 0.0)
        first = (tmp_path / "s" / "invitations").read_text()
        await until(lambda: (tmp_path / "s" / "invitations").read_text() != first)
    finally:
        await running.stop()
