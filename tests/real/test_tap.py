"""The tap link on a real TAP device: we at one end of the cable, the machine's own interface at the other."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nwip.ipx.frames import FrameType
from nwip.links.lan.af_packet import card_medium
from nwip.links.lan.tap import TapDevice, tap_medium
from real.lan_stations import Station, opened, within
from real.namespaces import ip, two_hosts
from real.sniffer import Sniffer

pytestmark = [pytest.mark.asyncio, pytest.mark.real("root", "netns", "tun")]


@pytest.fixture
def namespace() -> Iterator[str]:
    with two_hosts("192.0.2.1/24", "192.0.2.2/24") as (west, _):
        yield west


@contextlib.asynccontextmanager
async def ends(
    namespace: str, frame_type: FrameType, *, joined: bool = False
) -> AsyncIterator[tuple[Station, Station]]:
    """Give the link on a new TAP device, and somebody on the interface that the machine has of it."""
    ours = Station(tap_medium("tap0", within=within(namespace)), frame_type, joined=joined)
    async with opened(ours):
        machine = Station(card_medium("tap0", within=within(namespace)), frame_type)
        async with opened(machine):
            yield ours, machine


@pytest.mark.real("tshark")
@pytest.mark.parametrize("frame_type", FrameType)
async def test_packets_go_both_ways_in_every_frame_type(
    namespace: str, frame_type: FrameType, tmp_path: Path
) -> None:
    async with ends(namespace, frame_type) as (ours, machine):
        assert ours.mac[0] & 0x03 == 0x02
        assert ours.mac != machine.mac
        sizes = (30, 47, frame_type.maximum_packet)
        with Sniffer(tmp_path / "tap.pcapng", None, interface="tap0", namespace=namespace) as sniffer:
            for size in sizes:
                sent = ours.packet(machine.mac, size)
                ours.link.send(sent, machine.mac)
                assert await machine.next() == (sent, ours.mac)
                sent = machine.packet(ours.mac, size)
                machine.link.send(sent, ours.mac)
                assert await ours.next() == (sent, machine.mac)
        judged = await sniffer.fields("ipx.len", "ipx.src.node", "_ws.malformed", display="ipx")
        assert judged == [[str(size), ours.mac.hex(":"), ""] for size in sizes]
        assert ours.medium.describe() == {"TAP device": "tap0", "state": "up"}


async def test_a_joined_tap_learns_its_hosts(namespace: str) -> None:
    async with ends(namespace, FrameType.ETHERNET_802_2, joined=True) as (ours, machine):
        machine.link.send_to_all(machine.packet(b"\xff" * 6, 60))
        assert (await ours.next()).hop == machine.mac
        assert ours.hosts == [machine.mac]


async def test_a_device_that_is_deleted_is_made_again(namespace: str) -> None:
    async with ends(namespace, FrameType.ETHERNET_802_3) as (ours, machine):
        ip("-n", namespace, "link", "delete", "tap0")
        await ours.until_state("lost")
        for station in (ours, machine):
            await station.until_state("up")
        await machine.until_heard(ours)
        await ours.until_heard(machine)


async def test_a_device_that_was_made_before_is_used_and_stays(namespace: str) -> None:
    ip("-n", namespace, "tuntap", "add", "dev", "tap0", "mode", "tap")
    async with opened(Station(tap_medium("tap0", within=within(namespace)), FrameType.ETHERNET_802_2)) as (
        ours,
    ):
        assert ours.medium.describe() == {"TAP device": "tap0", "state": "up"}
        ip("-n", namespace, "link", "set", "tap0", "down")
        assert ours.medium.describe()["state"] == "down; to bring it up: ip link set tap0 up"
        ours.link.send_to_all(ours.packet(b"\xff" * 6, 60))
        assert ours.link.counters.drops == {"not taken by the medium": 1}
    ip("-n", namespace, "link", "show", "tap0")


async def test_on_a_bridge_a_program_with_a_tap_of_its_own_is_on_the_same_lan(namespace: str) -> None:
    """The commands are those of docs/links/tap.md, which stand in for 86Box by a link of ours."""
    ours, emulator = (
        Station(tap_medium(device, within=within(namespace)), FrameType.ETHERNET_802_3, name=device)
        for device in ("tap0", "tap-86box")
    )
    async with opened(ours, emulator):
        page = Path(__file__).resolve().parents[2] / "docs" / "links" / "tap.md"
        commands = [
            line.split()[1:] for line in page.read_text().splitlines() if line.startswith("    ip link")
        ]
        assert len(commands) == 4
        for command in commands:
            ip("-n", namespace, *command)
        await ours.until_heard(emulator)
        await emulator.until_heard(ours)


async def test_a_device_that_another_program_has_is_an_os_error(namespace: str) -> None:
    first, second = (TapDevice("tap0", within=within(namespace)) for _ in range(2))
    first.open()
    try:
        with pytest.raises(OSError, match="busy"):
            second.open()
    finally:
        first.close()


async def test_a_name_that_no_interface_can_have_is_an_os_error() -> None:
    with pytest.raises(OSError, match="no interface can have the name"):
        TapDevice("a name that is too long").open()
