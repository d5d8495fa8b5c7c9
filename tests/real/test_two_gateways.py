"""The main job: two real DOSBoxes on two gateways, found through a DSS, every node a process of its own."""

import asyncio
import re
from pathlib import Path

import pytest

from nwip.demo.domain import DemoDomain
from real.dosbox import DosBox, build_program
from real.sniffer import Sniffer

pytestmark = pytest.mark.asyncio


def connect(domain: DemoDomain, site: str) -> str:
    return "ipxnet connect {} {}".format(*domain.players_at[site])


@pytest.mark.real("dosbox")
async def test_ipxnet_ping_sees_a_silent_dosbox_on_the_other_gateway(tmp_path: Path) -> None:
    async with DemoDomain() as domain, DosBox(tmp_path / "silent", [connect(domain, "east")]):
        await domain.sites["east"].until("clients", 1)
        commands = [f"{connect(domain, 'west')} > conn.txt", "ipxnet ping > ping.txt", "exit"]
        async with DosBox(tmp_path / "pinging", commands) as box:
            await box.finished(within=30)
        assert "connected to server at 127.0.0.2" in box.text("CONN.TXT")
        (silent,) = domain.sites["east"].ask("clients")
        answers = re.findall(r"Response from ([\d.]+), port (\d+) time=\d+ms", box.text("PING.TXT"))
        octets = [bytes(map(int, host.split("."))) + int(port).to_bytes(2, "big") for host, port in answers]
        assert [node.hex().upper() for node in octets] == [silent["node"]]


@pytest.mark.real("dosbox", "nasm", "tshark", "root")
async def test_a_dos_program_exchanges_a_thousand_packets_both_ways_through_netware_ip(
    tmp_path: Path,
) -> None:
    async with DemoDomain() as domain:
        boxes = []
        for role, site in (("a", "west"), ("b", "east")):
            folder = tmp_path / role
            folder.mkdir()
            build_program("exchange", folder)
            boxes.append(DosBox(folder, [connect(domain, site), f"exchange {role}", "exit"]))
        sniffer = Sniffer(tmp_path / "data.pcapng", domain.data_port)
        with sniffer:
            async with boxes[0] as first, boxes[1] as second:
                await asyncio.gather(first.finished(within=60), second.finished(within=60))
        clients = {site: domain.sites[site].ask("clients")[0]["node"] for site in ("west", "east")}
        assert first.text("RESULT.TXT").strip() == f"OK 1000 1000 retries 0 peer {clients['east']}"
        assert second.text("RESULT.TXT").strip() == f"OK 1000 1000 retries 0 peer {clients['west']}"
    packets = await sniffer.fields(
        "frame.protocols", "_ws.malformed", "ipx.hops", "ipx.src.net", "ipx.dst.net"
    )
    assert len(packets) >= 2000
    assert {packet[0] for packet in packets} <= {"eth:ethertype:ip:udp:ipx:data", "eth:ethertype:ip:udp:ipx"}
    assert {packet[1] for packet in packets} == {""}
    assert {packet[2] for packet in packets} == {"1"}
    assert {(packet[3], packet[4]) for packet in packets} == {("0x00c0ffee", "0x00c0ffee")}
