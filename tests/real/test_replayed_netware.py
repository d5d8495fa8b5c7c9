"""The server and the client of recorded NetWare sessions, live on two sites of different frame types."""

import contextlib
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from fixtures.recording import Recording
from fixtures.tshark import fields
from nwip.ipx.frames import FrameType
from nwip.ipx.numbers import THIS_NETWORK
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
SERVERS_LAN: Final = 0x00000001  # as recorded
NCP: Final = "0x0451"
MALFORMED: Final = ("-Y", "_ws.malformed")
LOOKING: Final = {True: ["0x0453"], False: []}  # RIP requests in all frame types look for the right one
DROPPED: Final = {  # before a link has found its frame type; and IPv6 of the hosts' kernels
    True: {"no IPX", "frame type not known yet"},
    False: {"no IPX"},
}


class Observed:
    """A recorded session that is replayed, and captures of both LANs and of the wire between the sites.

    The client believes itself on the network `own`.
    """

    def __init__(
        self, recorded: FrameType, lans: tuple[Lan, Lan], own: int, shared: Path, folder: Path
    ) -> None:
        self.path = shared / "captures" / RECORDED[recorded]
        self.recording = Recording.of_file(self.path)
        assert len(self.recording.conversation) == 180
        assert self.recording.network == SERVERS_LAN
        self.lans, self.own = lans, own
        self.folder = folder
        self.sniffers: list[Sniffer] = []

    async def replay(self, *, server_first: bool = False) -> None:
        with (
            two_sites(self.folder, self.recording, self.lans) as (west, east),
            contextlib.ExitStack() as stack,
        ):
            self._listen(stack, west, east)
            running = live(self.recording, west, east, self.own, server_first=server_first)
            async with running as (server, client):
                await client.converse()
                judge(self.recording, server, client, self.lans[1].number)
                for site in (west, east):
                    assert set(site.drops()) <= DROPPED[site.lan.is_found]

    def _listen(self, stack: contextlib.ExitStack, west: Site, east: Site) -> None:
        places = [(west.host, "eth0"), (east.host, "eth0"), (east.gateway, "eth0")]
        for number, (namespace, interface) in enumerate(places):
            file = self.folder / f"{number}.pcapng"
            sniffer = Sniffer(file, None, interface=interface, namespace=namespace, outgoing=True)
            self.sniffers.append(stack.enter_context(sniffer))

    async def judge_by_tshark(self) -> None:
        """Look for what is malformed, lost or doubled on both LANs and between them."""
        recorded = self._malformed_as_recorded()
        for lan, sniffer, routers in zip(self.lans, self.sniffers, (ROUTERS, 0), strict=False):
            seen = await observed(sniffer)
            layers = {each.layers for each in seen if each.destination not in ("", *LOOKING[lan.is_found])}
            assert {each.partition(":ipx")[0] + ":ipx" for each in layers} == {LAYERS[lan.frame_type]}
            malformed = Counter(each.exchange for each in seen if each.malformed)
            assert malformed == recorded or (self.own == THIS_NETWORK and malformed < recorded)
            requests = [each for each in seen if each.destination == NCP]
            assert Counter(each.source for each in requests) == self._asked
            assert {each.routers for each in requests} == {str(routers)}
            assert Counter(each.destination for each in seen if each.source == NCP) == self._asked
        crossed = [each for each in await observed(self.sniffers[2]) if each.destination]
        assert Counter(each.routers for each in crossed) == {"1": 180, "2": 180}
        assert all(NCP in (each.source, each.destination) for each in crossed)  # RIP and SAP do not cross

    @property
    def _asked(self) -> Counter[str]:
        """How often the client spoke with each of its sockets, and was answered there."""
        return Counter(f"0x{each.request.source.socket:04x}" for each in self.recording.conversation)

    def _malformed_as_recorded(self) -> Counter[tuple[str, str, str]]:
        """Return what tshark has against the recording itself: replies without data, which NCP allows.

        Where the client gives its network as 0, tshark does not know those for replies, and lets them be.
        """
        found = fields(self.path, "ipx.src.socket", "ipx.dst.socket", "ncp.seq", arguments=MALFORMED)
        assert {source for source, _, _ in found} == {NCP}
        return Counter((source, destination, sequence) for source, destination, sequence in found)


class Seen(NamedTuple):
    """What tshark says of a packet; empty where it is no IPX."""

    layers: str
    source: str
    destination: str
    routers: str
    sequence: str
    malformed: str

    @property
    def exchange(self) -> tuple[str, str, str]:
        return self.source, self.destination, self.sequence


async def observed(sniffer: Sniffer) -> list[Seen]:
    """Return every IPX packet, and whatever else tshark finds malformed."""
    names = ("frame.protocols", "ipx.src.socket", "ipx.dst.socket", "ipx.hops", "ncp.seq", "_ws.malformed")
    return [Seen(*row) for row in await sniffer.fields(*names, display="ipx || _ws.malformed")]


@pytest.mark.parametrize(
    ("recorded", "types", "server_first"),
    [
        (FrameType.ETHERNET_802_3, (FrameType.ETHERNET_802_3, FrameType.ETHERNET_II), False),
        (FrameType.ETHERNET_II, (FrameType.ETHERNET_II, FrameType.ETHERNET_802_3), True),
        (FrameType.ETHERNET_802_3, (FrameType.ETHERNET_802_2, FrameType.ETHERNET_802_3), True),
        (FrameType.ETHERNET_II, (FrameType.ETHERNET_II, FrameType.ETHERNET_SNAP), False),
    ],
    ids=["802.3 to II", "II to 802.3", "802.2 to 802.3", "II to SNAP"],
)
async def test_every_request_of_the_client_gets_the_servers_recorded_reply_through_two_gateways(
    recorded: FrameType, types: tuple[FrameType, FrameType], server_first: bool, shared: Path, tmp_path: Path
) -> None:
    lans = Lan(types[0], SERVERS_LAN), Lan(types[1], CLIENTS_LAN)
    observed = Observed(recorded, lans, CLIENTS_LAN, shared, tmp_path)
    await observed.replay(server_first=server_first)
    await observed.judge_by_tshark()


async def test_the_servers_gateway_finds_frame_type_and_network_number_by_itself(
    shared: Path, tmp_path: Path
) -> None:
    lans = Lan(FrameType.ETHERNET_II, SERVERS_LAN, is_found=True), Lan(FrameType.ETHERNET_802_3, CLIENTS_LAN)
    observed = Observed(FrameType.ETHERNET_II, lans, CLIENTS_LAN, shared, tmp_path)
    await observed.replay(server_first=True)
    await observed.judge_by_tshark()


@pytest.mark.parametrize("own", [VIRTUAL, THIS_NETWORK])
async def test_so_it_is_when_both_lans_are_joined_to_the_virtual_network(
    own: int, shared: Path, tmp_path: Path
) -> None:
    lans = Lan(FrameType.ETHERNET_802_3, 0), Lan(FrameType.ETHERNET_II, 0)
    observed = Observed(FrameType.ETHERNET_802_3, lans, own, shared, tmp_path)
    await observed.replay()
    await observed.judge_by_tshark()
