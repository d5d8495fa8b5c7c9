"""A recorded NetWare server and its client as hosts on the LANs of two gateways, in memory."""

import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from fixtures.netware_conversation import FRAMES
from fixtures.recording import Recording
from gateway.world import NETWORK, Domain, Member
from nwip.ipx.frames import FrameType
from nwip.ipx.numbers import THIS_NETWORK
from nwip.links.lan.link import LanLink
from nwip.links.lan.segment import Segment
from real.replay import ReplayClient, ReplayServer
from real.replay_verdict import judge

pytestmark = pytest.mark.asyncio

CLIENTS_LAN: Final = 0x0000BB02
RECORDED: Final = ["netware-ethernet-ii.pcap", "netware-802.3-raw.pcap"]
PAIRS: Final = list(itertools.permutations(FrameType, 2))


@contextlib.asynccontextmanager
async def on_segment(
    member: Member, segment: Segment, card: bytes, frame_type: FrameType, network: int
) -> AsyncIterator[None]:
    """Put a gateway on a segment; on the virtual network it is a joined link."""
    joined = network == NETWORK
    node = member.gateway.virtual.node if joined else None
    medium = segment.medium(card, promiscuous=joined)
    link = LanLink("lan", "ethernet", network, medium, frame_type, joined=joined, secret=bytes(32), node=node)
    member.gateway.attach(link)
    await link.open(member.gateway)
    yield
    await link.close()


async def replay(
    recording: Recording,
    types: tuple[FrameType, FrameType],
    networks: tuple[int, int],
    own: int,
    *,
    server_first: bool = False,
) -> None:
    """Let the two talk; `own` is the network on which the client believes itself to be."""
    domain = Domain()
    west, east = [await domain.member(address) for address in ("10.0.0.1", "10.0.0.2")]
    segments = Segment(), Segment()
    server = ReplayServer(recording, segments[0].medium(recording.server), types[0], networks[0])
    client = ReplayClient(recording, segments[1].medium(recording.client), types[1], own)
    if server_first:
        await server.open()
    async with (
        on_segment(west, segments[0], b"\x02\0\0\0\0\xfa", types[0], networks[0]),
        on_segment(east, segments[1], b"\x02\0\0\0\0\xfb", types[1], networks[1]),
    ):
        domain.pass_time(1.0)  # gateways ask and tell what there is
        if not server_first:
            await server.open()
        await client.open()
        await client.converse(domain.wire.deliver)
        judge(recording, server, client, networks[1])


def names(pair: tuple[FrameType, FrameType]) -> str:
    return f"{pair[0].value} to {pair[1].value}"


@pytest.mark.parametrize("server_first", [False, True])
@pytest.mark.parametrize("types", PAIRS, ids=names)
async def test_a_visit_to_our_fixtures_server_is_as_on_one_cable(
    types: tuple[FrameType, FrameType], server_first: bool
) -> None:
    recording = Recording(FRAMES)
    networks = recording.network, CLIENTS_LAN
    await replay(recording, types, networks, CLIENTS_LAN, server_first=server_first)


@pytest.mark.parametrize("own", [NETWORK, THIS_NETWORK])
async def test_a_visit_over_joined_links_is_as_on_one_cable(own: int) -> None:
    types = FrameType.ETHERNET_802_2, FrameType.ETHERNET_II
    await replay(Recording(FRAMES), types, (NETWORK, NETWORK), own)


@pytest.mark.real("shared")
@pytest.mark.parametrize("own", [NETWORK, THIS_NETWORK])
@pytest.mark.parametrize("name", RECORDED)
async def test_the_recorded_conversations_are_so_over_joined_links(name: str, own: int, shared: Path) -> None:
    recording = Recording.of_file(shared / "captures" / name)
    types = FrameType.ETHERNET_802_3, FrameType.ETHERNET_II
    await replay(recording, types, (NETWORK, NETWORK), own)


@pytest.mark.real("shared")
@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("types", PAIRS, ids=names)
async def test_the_recorded_conversations_are_as_on_one_cable(
    types: tuple[FrameType, FrameType], name: str, shared: Path
) -> None:
    recording = Recording.of_file(shared / "captures" / name)
    assert len(recording.conversation) == 180
    await replay(recording, types, (recording.network, CLIENTS_LAN), CLIENTS_LAN)
