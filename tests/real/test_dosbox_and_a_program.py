"""A DOS program in a real DOSBox and a Python program on another node: IPX both ways, and a ping."""

import asyncio
from pathlib import Path

import pytest

import nwip
from nodes import two_nodes
from nwip.control import ask
from real.dos_exchange import DATA, ECHO, EXCHANGE, FORM, HERE, QUERY, packet
from real.dosbox import DosBox, build_program

pytestmark = pytest.mark.asyncio

CONNECT = "ipxnet connect 127.0.0.6 20213"


async def answer(sock: nwip.IpxSocket) -> None:
    """Be the other side of `exchange a`, as `exchange b` is."""
    async for heard in sock:
        _, kind, number, _ = FORM.unpack_from(heard.payload)
        if kind == QUERY:
            await sock.send(packet(HERE, 0, 0), heard.source, 4)
        elif kind == DATA:
            await sock.send(packet(ECHO, number, number), heard.source, 4)


@pytest.mark.real("dosbox", "nasm")
async def test_a_dos_program_exchanges_a_thousand_packets_with_a_python_program(tmp_path: Path) -> None:
    folder = tmp_path / "dos"
    folder.mkdir()
    build_program("exchange", folder)
    async with two_nodes(tmp_path) as site, nwip.open_socket(EXCHANGE, control=site.at_west) as sock:
        answering = asyncio.ensure_future(answer(sock))
        async with DosBox(folder, [CONNECT, "exchange a", "exit"]) as box:
            await box.finished(within=50)
        assert box.text("RESULT.TXT").strip() == "OK 1000 1000 retries 0 peer 7E017F000005"
        assert sock.lost == 0
    await answering


@pytest.mark.real("dosbox")
async def test_a_trace_reaches_a_dosbox_that_only_answers_pings(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as site, DosBox(tmp_path / "dos", [CONNECT]):
        clients: object = []
        while not clients:
            clients = await asyncio.to_thread(ask, site.at_east, {"ask": "clients"})
        assert isinstance(clients, list)
        question = {"ask": "trace", "address": clients[0]["node"]}
        found = None
        while not (isinstance(found, dict) and found["reached"]):
            found = await asyncio.to_thread(ask, site.at_west, question)
        assert [step["what"] for step in found["steps"]] == ["node", "link", "node", "host"]
