"""Two real DOSBoxes on one DOSBox link: `ipxnet ping`, and a DOS program that exchanges 1,000 packets."""

import asyncio
import re
from pathlib import Path

import pytest

from links.dosbox.simulation import GATEWAY, KEY, NETWORK
from links.dosbox.switch import Switch
from nwip.links.dosbox import DosboxLink
from real.dosbox import DosBox, build_program

pytestmark = pytest.mark.asyncio


async def open_link(gateway: Switch) -> tuple[DosboxLink, str]:
    link = DosboxLink("dosbox", NETWORK, GATEWAY, [("127.0.0.1", 0)], KEY)
    await link.open(gateway)
    return link, link.describe()["in DOSBox, type"]


@pytest.mark.real("dosbox")
async def test_ipxnet_ping_sees_a_dosbox_that_has_said_nothing(tmp_path: Path) -> None:
    switch = Switch()
    link, connect = await open_link(switch)
    async with DosBox(tmp_path / "silent", [connect]):
        await switch.until_hosts(1, within=30)
        (silent,) = switch.hosts
        assert switch.arrivals == []
        commands = [f"{connect} > conn.txt", "ipxnet ping > ping.txt", "exit"]
        async with DosBox(tmp_path / "pinging", commands) as box:
            await box.finished(within=30)
    assert "connected to server at 127.0.0.1" in box.text("CONN.TXT")
    answers = re.findall(r"Response from ([\d.]+), port (\d+) time=\d+ms", box.text("PING.TXT"))
    octets = [int(octet) for octet in answers[0][0].split(".")]
    assert bytes(octets) + int(answers[0][1]).to_bytes(2, "big") == silent
    assert len(answers) == 1
    await link.close()


@pytest.mark.real("dosbox", "nasm")
async def test_a_dos_program_exchanges_a_thousand_packets_both_ways(tmp_path: Path) -> None:
    switch = Switch()
    link, connect = await open_link(switch)
    boxes = []
    for role in ("a", "b"):
        folder = tmp_path / role
        folder.mkdir()
        build_program("exchange", folder)
        boxes.append(DosBox(folder, [connect, f"exchange {role}", "exit"]))
    async with boxes[0] as first, boxes[1] as second:
        await asyncio.gather(first.finished(within=60), second.finished(within=60))
    results = [box.text("RESULT.TXT").strip() for box in (first, second)]
    nodes = [client.node.hex().upper() for client in link.clients()]
    assert sorted(results) == sorted(f"OK 1000 1000 retries 0 peer {node}" for node in nodes)
    assert link.counters.drops == {}
    await link.close()
