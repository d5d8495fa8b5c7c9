"""The server and the client of recorded NetWare sessions, live on two sites of different frame types."""

import contextlib
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from fixtures.recording import Recording
from fixtures.tshark import fields
from nwip.ipx.frames import FrameType
from nwip.ipx.numbers import THIS_NETWORK, Socket
from real.replay_sites import CLIENTS_LAN, VIRTUAL, Lan, Site, live, two_sites
from real.replay_verdict import ROUTERS, judge
from real.sniffer import Sniffer

pytestmark = [pytest.mark.asyncio, pytest.mark.real("root", "netns", "shared", "tshark")]

RECORDED: Final = {
    FrameType.ETHERNET_802_3: "netware-802.3-raw.pcap",
    FrameType.ETHERNET_II: "netware-ethernet-ii.pcap",
}
LAYERS: Final = {  # as tshark names them
    FrameType.ETHERNET_II: "eth:ethertype:ipx",
    FrameType.ETHERNET_802_3: "eth:ipx",
    FrameType.ETHERNET_802_2: "eth:llc:ipx",
    FrameType.ETHERNET_SNAP: "eth:llc:ipx",
}
EVERY_SITE_HAS: Final = {"no IPX"}  # IPv6 of the hosts' kernels


class Observed:
    """A recorded session that is replayed, and captures of both LANs and of the wire between the sites."""

    def __init__(self, recorded: FrameType, lans: tuple[Lan, Lan], shared: Path, folder: Path) -> None:
        self.path = shared / "captures" / RECORDED[recorded]
        self.recording = Recording.of_file(self.path)
        assert len(self.recording.conversation) == 180
        self.lans = lans
        self.folder = folder
        self.sniffers: list[Sniffer] = []

    async def replay(self, own: int, *, further: int) -> None:
        with two_sites(self.folder, self.recording, self.lans) as (west, east):
            with contextlib.ExitStack() as stack:
                self._listen(stack, west, east)
                async with live(self.recording, west, east, own) as (server, client):
                    await client.converse()
                    judge(self.recording, server, client, self.lans[1].number, further=further)
            assert set(west.drops()) | set(east.drops()) <= EVERY_SITE_HAS

    def _listen(self, stack: contextlib.ExitStack, west: Site, east: Site) -> None:
        places = [(west.host, "eth0"), (east.host, "eth0"), (east.gateway, "eth0")]
        for number, (namespace, interface) in enumerate(places):
            file = self.folder / f"{number}.pcapng"
            sniffer = Sniffer(file, None, interface=interface, namespace=namespace, outgoing=True)
            self.sniffers.append(stack.enter_context(sniffer))

    async def judge_by_tshark(self) -> None:
        """Look for what is malformed, lost or doubled on both LANs and between them."""
        asked = Counter(exchange.key for exchange in self.recording.conversation)
        for lan, sniffer, router in zip(self.lans, self.sniffers, (ROUTERS, 0), strict=False):
            rows = await sniffer.fields("frame.protocols", display="ipx")
            assert {row[0].partition(":ipx")[0] + ":ipx" for row in rows} == {LAYERS[lan.frame_type]}
            assert await malformed(sniffer) <= self._malformed_as_recorded()
            rows = await sniffer.fields(
                "ipx.src.socket", "ipx.hops", display=f"ipx.dst.socket == {Socket.NCP}"
            )
            assert Counter(int(row[0], 16) for row in rows) == counted(asked)
            assert {row[1] for row in rows} == {str(router)}
            rows = await sniffer.fields("ipx.dst.socket", display=f"ipx.src.socket == {Socket.NCP}")
            assert Counter(int(row[0], 16) for row in rows) == counted(asked)
        crossed = await self.sniffers[2].fields("ipx.src.socket", "ipx.dst.socket", "ipx.hops", display="ipx")
        assert Counter(row[2] for row in crossed) == {"1": 180, "2": 180}
        assert all("0x0451" in row[:2] for row in crossed)  # RIP and SAP do not cross

    def _malformed_as_recorded(self) -> Counter[tuple[str, ...]]:
        """Return what tshark has against the recording itself: replies without data, which NCP allows.

        Where the client gives its network as 0, tshark does not know those for replies, and lets them be.
        """
        names = ("ipx.src.socket", "ipx.dst.socket", "ncp.seq")
        found = fields(self.path, *names, arguments=("-Y", "_ws.malformed"))
        assert {row[0] for row in found} == {"0x0451"}
        return Counter(found)


def counted(asked: Counter[tuple[int, bytes]]) -> Counter[int]:
    """Return how much was said with each socket of the client."""
    found: Counter[int] = Counter()
    for (socket, _), count in asked.items():
        found[socket] += count
    return found


async def malformed(sniffer: Sniffer) -> Counter[tuple[str, ...]]:
    rows = await sniffer.fields("ipx.src.socket", "ipx.dst.socket", "ncp.seq", display="_ws.malformed")
    return Counter(tuple(row) for row in rows)


@pytest.mark.parametrize(
    ("recorded", "server", "client"),
    [
        (FrameType.ETHERNET_802_3, FrameType.ETHERNET_802_3, FrameType.ETHERNET_II),
        (FrameType.ETHERNET_II, FrameType.ETHERNET_II, FrameType.ETHERNET_802_3),
        (FrameType.ETHERNET_802_3, FrameType.ETHERNET_802_2, FrameType.ETHERNET_802_3),
        (FrameType.ETHERNET_II, FrameType.ETHERNET_II, FrameType.ETHERNET_SNAP),
    ],
    ids=lambda frame_type: str(frame_type.value),
)
async def test_every_request_of_the_client_gets_the_servers_recorded_reply_through_two_gateways(
    recorded: FrameType, server: FrameType, client: FrameType, shared: Path, tmp_path: Path
) -> None:
    lans = (
        Lan(server, Recording.of_file(shared / "captures" / RECORDED[recorded]).network),
        Lan(client, CLIENTS_LAN),
    )
    observed = Observed(recorded, lans, shared, tmp_path)
    await observed.replay(CLIENTS_LAN, further=ROUTERS)
    await observed.judge_by_tshark()


@pytest.mark.parametrize("own", [VIRTUAL, THIS_NETWORK])
async def test_so_it_is_when_both_lans_are_joined_to_the_virtual_network(
    own: int, shared: Path, tmp_path: Path
) -> None:
    lans = Lan(FrameType.ETHERNET_802_3, 0), Lan(FrameType.ETHERNET_II, 0)
    observed = Observed(FrameType.ETHERNET_802_3, lans, shared, tmp_path)
    await observed.replay(own, further=1)
    await observed.judge_by_tshark()
