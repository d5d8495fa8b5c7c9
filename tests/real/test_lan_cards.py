"""The ethernet link on real interfaces: two namespaces joined by one cable."""

import asyncio
import contextlib
import errno
import json
import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from nwip.ipx.frames import Frame, FrameType
from nwip.links.lan.af_packet import card_medium
from nwip.links.lan.device import DeviceMedium
from nwip.links.lan.segment import Segment
from real.lan_stations import Station, opened, within
from real.namespaces import inside, ip, two_hosts
from real.sniffer import Sniffer

pytestmark = pytest.mark.real("root", "netns")

LEFT, RIGHT = "192.0.2.1/24", "192.0.2.2/24"
SHARED: Final = bytes.fromhex("0200005A4ED0")
LAYERS: Final = {  # as tshark names them
    FrameType.ETHERNET_II: "eth:ethertype:ipx",
    FrameType.ETHERNET_802_3: "eth:ipx",
    FrameType.ETHERNET_802_2: "eth:llc:ipx",
    FrameType.ETHERNET_SNAP: "eth:llc:ipx",
}


def card(namespace: str, *, promiscuous: bool = False) -> DeviceMedium:
    return card_medium("eth0", promiscuous=promiscuous, within=within(namespace))


def promiscuity(namespace: str) -> int:
    """Return how many want the interface to hear everything."""
    command = ["ip", "-n", namespace, "-d", "-j", "link", "show", "dev", "eth0"]
    shown = subprocess.run(command, capture_output=True, check=True, timeout=10)
    count: int = json.loads(shown.stdout)[0]["promiscuity"]
    return count


@contextlib.asynccontextmanager
async def cable(
    west: FrameType | None, east: FrameType | None
) -> AsyncIterator[tuple[Station, Station, tuple[str, str]]]:
    """Give two stations with these frame types at the ends of a cable, and their namespaces."""
    with two_hosts(LEFT, RIGHT) as names:
        stations = [Station(card(name), spoken) for name, spoken in zip(names, (west, east), strict=True)]
        async with opened(*stations):
            yield stations[0], stations[1], names


@pytest.mark.asyncio
@pytest.mark.real("tshark")
@pytest.mark.parametrize("frame_type", FrameType)
async def test_packets_of_every_size_go_both_ways_and_tshark_finds_nothing_wrong(
    frame_type: FrameType, tmp_path: Path
) -> None:
    sizes = (30, 46, 47, 576, frame_type.maximum_packet)
    async with cable(frame_type, frame_type) as (here, there, (_, east)):
        assert here.mac != there.mac
        with Sniffer(tmp_path / "cable.pcapng", None, interface="eth0", namespace=east) as sniffer:
            for size in sizes:
                sent = here.packet(there.mac, size)
                here.link.send(sent, there.mac)
                assert await there.next() == (sent, here.mac)
                sent = there.packet(b"\xff" * 6, size)
                there.link.send_to_all(sent)
                assert await here.next() == (sent, there.mac)
        here.link.send(here.packet(there.mac, frame_type.maximum_packet + 1), there.mac)
        assert here.link.counters.drops == {"too large for the frame type": 1}
        assert there.link.counters.drops == {}
        await there.until_state("up")
        assert there.medium.describe() == {
            "interface": "eth0",
            "card": there.mac.hex().upper(),
            "state": "up",
        }
    judged = await sniffer.fields(
        "frame.protocols", "eth.src", "ipx.len", "ipx.src.node", "_ws.malformed", display="ipx"
    )
    mac = here.mac.hex(":")
    assert [line[0].removesuffix(":data") for line in judged] == [LAYERS[frame_type]] * len(sizes)
    assert [line[1:] for line in judged] == [[mac, str(size), mac, ""] for size in sizes]


@pytest.mark.asyncio
async def test_a_link_hears_only_its_own_address_and_the_one_that_gateways_share() -> None:
    async with cable(FrameType.ETHERNET_802_2, FrameType.ETHERNET_802_2) as (here, there, _):
        there.link.node = SHARED
        here.link.send(here.packet(SHARED, 100, network=0x77), b"\x02\0\0\0\0\x99")
        here.link.send(here.packet(SHARED, 101, network=0x77), SHARED)
        assert (await there.next()).packet == here.packet(SHARED, 101, network=0x77)
        there.link.send(there.packet(here.mac, 100), here.mac)
        assert (await here.next()).hop == there.mac


@pytest.mark.asyncio
async def test_a_joined_link_hears_everything_and_sends_as_the_remote_host() -> None:
    remote = bytes.fromhex("0200000000FA")
    async with contextlib.AsyncExitStack() as stack:
        west, east = stack.enter_context(two_hosts(LEFT, RIGHT))
        host = Station(card(west), FrameType.ETHERNET_802_3)
        medium = card(east, promiscuous=True)
        gateway = Station(medium, FrameType.ETHERNET_802_3, joined=True, node=SHARED)
        await stack.enter_async_context(opened(host, gateway))
        assert promiscuity(east) == 1
        sent = host.packet(remote, 100)
        host.link.send(sent, remote)
        assert await gateway.next() == (sent, host.mac)
        assert gateway.hosts == [host.mac]
        answer = bytearray(gateway.packet(host.mac, 64))
        answer[22:28] = remote
        gateway.link.send(bytes(answer), host.mac)
        assert await host.next() == (bytes(answer), remote)


@pytest.mark.asyncio
async def test_a_card_that_is_taken_down_and_brought_up_again_goes_on_by_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with cable(FrameType.ETHERNET_II, FrameType.ETHERNET_II) as (here, there, (_, east)):
        await there.until_heard(here)
        with caplog.at_level(logging.WARNING, "nwip.links.lan"):
            ip("-n", east, "link", "set", "eth0", "down")
            await there.until_state("lost")
            await here.until_state("no cable")
            there.link.send(there.packet(here.mac, 100), here.mac)
            assert there.link.counters.drops == {"not taken by the medium": 1}
            ip("-n", east, "link", "set", "eth0", "up")
            await there.until_state("up")
        await there.until_heard(here)
        await here.until_heard(there)
        assert there.medium.describe()["times lost"] == "1"
        assert [record.getMessage() for record in caplog.records] == [
            "eth0 is lost: Network is down; it is tried again until it is back",
            "eth0 is back",
        ]


@pytest.mark.asyncio
async def test_the_gateway_is_told_at_once_that_the_cable_is_out_and_in_again() -> None:
    async with cable(FrameType.ETHERNET_II, FrameType.ETHERNET_II) as (here, there, (_, east)):
        for state, present in (("down", False), ("up", True)):
            ip("-n", east, "link", "set", "eth0", state)  # out for the other end, too
            async with asyncio.timeout(5):
                assert await here.cables.get() is present
                assert await there.cables.get() is present
        sent = there.packet(here.mac, 100)
        there.link.send(sent, here.mac)
        assert (await here.next()).packet == sent, "who is told that it is in can send at once"
        assert here.cables.empty()
        assert there.cables.empty()


@pytest.mark.asyncio
async def test_a_card_whose_cable_is_out_at_first_says_so() -> None:
    async with contextlib.AsyncExitStack() as stack:
        west, east = stack.enter_context(two_hosts(LEFT, RIGHT))
        ip("-n", east, "link", "set", "eth0", "down")
        here = Station(card(west), FrameType.ETHERNET_802_2)
        await stack.enter_async_context(opened(here))
        async with asyncio.timeout(5):
            assert await here.cables.get() is False


@pytest.mark.asyncio
async def test_a_card_that_is_taken_out_and_put_in_again_goes_on_and_keeps_its_number() -> None:
    async with cable(FrameType.ETHERNET_802_2, FrameType.ETHERNET_802_2) as (here, there, (west, east)):
        before = there.mac
        ip("-n", west, "link", "delete", "eth0")
        for station in (here, there):
            await station.until_state("lost")
        ip("-n", west, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", east)
        for namespace in (west, east):
            ip("-n", namespace, "link", "set", "eth0", "up")
        for station in (here, there):
            await station.until_state("up")
        await there.until_heard(here)
        await here.until_heard(there)
        assert there.mac == before


@pytest.mark.asyncio
async def test_a_card_that_is_down_at_first_is_waited_for() -> None:
    async with contextlib.AsyncExitStack() as stack:
        west, east = stack.enter_context(two_hosts(LEFT, RIGHT))
        ip("-n", east, "link", "set", "eth0", "down")
        here, there = (Station(card(name), FrameType.ETHERNET_802_2) for name in (west, east))
        await stack.enter_async_context(opened(here, there))
        await there.until_state("lost (the interface is down)")
        ip("-n", east, "link", "set", "eth0", "up")
        await there.until_heard(here)


@pytest.mark.asyncio
async def test_a_closed_link_is_not_opened_again_when_its_card_comes_back() -> None:
    async with cable(FrameType.ETHERNET_802_2, FrameType.ETHERNET_802_2) as (here, there, (_, east)):
        ip("-n", east, "link", "set", "eth0", "down")
        await there.until_state("lost")
        await there.link.close()
        ip("-n", east, "link", "set", "eth0", "up")
        await here.until_state("up")
        await asyncio.sleep(0.3)  # the first pauses would have passed
        assert not there.medium.send(bytes(60))


@pytest.mark.asyncio
async def test_traffic_of_another_frame_type_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with cable(FrameType.ETHERNET_802_3, FrameType.ETHERNET_802_2) as (here, there, _):
        with caplog.at_level(logging.WARNING, "nwip.links.lan"):
            here.link.send_to_all(here.packet(b"\xff" * 6, 100))
            async with asyncio.timeout(10):
                while not caplog.records:
                    await asyncio.sleep(0.02)
        assert caplog.records[0].getMessage() == (
            "lan: traffic of frame type Ethernet_802.3 heard on this link "
            f"from MAC {here.mac.hex().upper()}, "
            'but the link speaks Ethernet_802.2: add a [[link]] with frame = "Ethernet_802.3", '
            "or set that station to Ethernet_802.2"
        )
        assert there.arrivals.empty()


@pytest.mark.asyncio
async def test_a_link_that_is_told_no_frame_type_finds_the_one_of_a_router() -> None:
    async with cable(FrameType.ETHERNET_SNAP, None) as (here, there, _):
        request = await here.next()
        assert request.hop == there.mac
        response = bytearray(here.packet(there.mac, 40))
        response[16:18], response[28:30], response[30:40] = (
            b"\x04\x53",
            b"\x04\x53",
            bytes.fromhex("0002 000000AB 0001 0002"),
        )
        here.link.send(bytes(response), there.mac)
        assert (await there.next()).packet == bytes(response)
        assert there.link.frame_type is FrameType.ETHERNET_SNAP


@pytest.mark.asyncio
async def test_frames_of_a_vlan_are_of_another_lan() -> None:
    async with cable(FrameType.ETHERNET_II, FrameType.ETHERNET_II) as (here, there, _):
        octets = Frame.of(there.mac, here.mac, FrameType.ETHERNET_II, here.packet(there.mac, 100)).encode()
        assert here.medium.send(octets[:12] + b"\x81\x00\x00\x05" + octets[12:])
        await there.until_heard(here)
        assert there.link.counters.packets_in == here.link.counters.packets_out


@pytest.mark.asyncio
async def test_several_links_on_one_card_are_several_networks() -> None:
    with two_hosts(LEFT, RIGHT) as (west, east):
        pairs = [(Station(card(west), spoken), Station(card(east), spoken)) for spoken in FrameType]
        async with opened(*(station for pair in pairs for station in pair)):
            for number, (here, there) in enumerate(pairs):
                sent = here.packet(there.mac, 100 + number)
                here.link.send(sent, there.mac)
                assert (await there.next()).packet == sent
            assert all(there.arrivals.empty() for _, there in pairs)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("interface", "number"),
    [("nothere0", errno.ENODEV), ("lo", errno.EPROTONOSUPPORT), ("a name that is too long", errno.ENODEV)],
)
async def test_what_is_no_ethernet_interface_is_an_os_error(interface: str, number: int) -> None:
    with two_hosts(LEFT, RIGHT) as (west, _):
        medium = card_medium(interface, within=within(west))
        assert medium.mac is None
        with pytest.raises(OSError, match=re.escape(f"[Errno {number}]")):
            await medium.open(print)


def test_without_the_right_to_raw_sockets_it_is_a_permission_error() -> None:
    program = (
        "import asyncio, os\n"
        "from nwip.links.lan.af_packet import card_medium\n"
        "os.setuid(65534)\n"
        "medium = card_medium('eth0')\n"
        "assert medium.mac is not None\n"
        "asyncio.run(medium.open(print))\n"
    )
    with two_hosts(LEFT, RIGHT) as (west, _), inside(west):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == 1
    assert "PermissionError: [Errno 1] Operation not permitted" in done.stderr


@pytest.mark.asyncio
async def test_the_segment_in_memory_does_as_a_cable_does() -> None:
    segment = Segment()
    with two_hosts(LEFT, RIGHT) as (west, east):
        for media in ((card(west), card(east)), (segment.medium(SHARED), segment.medium(b"\x02" * 6))):
            here, there = (Station(medium, FrameType.ETHERNET_802_2) for medium in media)
            async with opened(here, there):
                sent = here.packet(there.mac, 100)
                here.link.send(sent, there.mac)
                assert await there.next() == (sent, here.mac)
                assert here.arrivals.empty()
