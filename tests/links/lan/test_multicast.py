"""The medium on a group, on the loopback interface, and the ways of 86Box's switch."""

import socket
from types import SimpleNamespace

import pytest

from links.lan.inbox import Inbox, frame
from nwip.links.lan.multicast import MulticastMedium, Way
from nwip.links.lan.netswitch import LOOPBACK, netswitch_medium, netswitch_ways
from real.free_port import free_udp_port

GROUP = "239.255.77.78"


@pytest.mark.asyncio
async def test_what_we_send_comes_back_to_others_and_not_to_us() -> None:
    port = free_udp_port()
    media = [MulticastMedium((GROUP, port), lambda: [LOOPBACK]) for _ in range(3)]
    inboxes = [Inbox() for _ in media]
    for medium, inbox in zip(media, inboxes, strict=True):
        await medium.open(inbox)
    for number, medium in enumerate(media):
        assert medium.send(frame(number, 1514))
    for number, inbox in enumerate(inboxes):
        assert sorted(await inbox.holds(2)) == [frame(other, 1514) for other in range(3) if other != number]
    for medium in media:
        await medium.close()
        await medium.close()
        assert not medium.send(frame(9))


@pytest.mark.asyncio
async def test_what_is_sent_to_this_machine_alone_is_dropped_and_counted() -> None:
    port = free_udp_port()
    medium, other = (MulticastMedium((GROUP, port), lambda: [LOOPBACK]) for _ in range(2))
    inbox = Inbox()
    await medium.open(inbox)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(frame(1), ("127.0.0.1", port))
    await other.open(Inbox())
    other.send(frame(2))
    assert await inbox.holds(1) == [frame(2)]
    assert medium.counters.drops == {"not sent to the group": 1}
    assert medium.describe()["dropped"] == "1 not sent to the group"
    await medium.close()
    await other.close()


@pytest.mark.asyncio
async def test_interfaces_come_and_go() -> None:
    ways = [LOOPBACK]
    port = free_udp_port()
    medium, other = (MulticastMedium((GROUP, port), find) for find in (lambda: ways, lambda: [LOOPBACK]))
    inbox = Inbox()
    await medium.open(Inbox())
    await other.open(inbox)
    ways.clear()
    medium._refresh()
    assert not medium.send(frame(1))
    assert medium.describe()["interfaces"] == "none"
    ways.append(LOOPBACK)
    medium._refresh()
    assert medium.send(frame(2))
    assert await inbox.holds(1) == [frame(2)]
    await medium.close()
    await other.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("ways", [[], [Way("192.0.2.77", GROUP, loop=True)]])
async def test_without_any_interface_it_cannot_be_opened(ways: list[Way]) -> None:
    medium = MulticastMedium((GROUP, free_udp_port()), lambda: ways)
    with pytest.raises(OSError, match=r"no interface can be used|requested address"):
        await medium.open(Inbox())
    assert medium._listener is None


@pytest.mark.asyncio
async def test_a_port_that_another_program_keeps_to_itself_is_an_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("", 0))
        with pytest.raises(OSError, match="in use"):
            await MulticastMedium((GROUP, taken.getsockname()[1]), lambda: [LOOPBACK]).open(Inbox())


def test_a_group_of_86box_is_a_port_from_8086_up() -> None:
    assert netswitch_medium().group == ("239.255.86.86", 8086)
    assert netswitch_medium(3).group == ("239.255.86.86", 8089)
    for group in (-1, 57_450):
        with pytest.raises(ValueError, match="a group is 0 to 57449"):
            netswitch_medium(group)


def test_the_ways_are_those_of_86box_with_one_for_each_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    def address(text: str, broadcast: str | None = None) -> SimpleNamespace:
        return SimpleNamespace(family=socket.AF_INET, address=text, broadcast=broadcast)

    addresses = {
        "lo": [address("127.0.0.1")],
        "eth0": [address("192.0.2.1", "192.0.2.255"), address("192.0.2.9", "192.0.2.255")],
        "old0": [address("198.51.100.1", "198.51.100.255")],
        "ppp0": [address("203.0.113.1")],
        "down0": [address("203.0.113.9", "203.0.113.255")],
        "six0": [SimpleNamespace(family=socket.AF_INET6, address="2001:db8::1", broadcast=None)],
        "gone0": [address("192.0.2.99", "192.0.2.255")],
    }
    flags = {
        "lo": "up,loopback,running",
        "eth0": "up,broadcast,running,multicast",
        "old0": "up,broadcast,running",
        "ppp0": "up,pointopoint,running",
        "down0": "broadcast,multicast",
        "six0": "up,broadcast,running,multicast",
        "gone0": "up,broadcast,running,multicast",
    }
    monkeypatch.setattr("psutil.net_if_addrs", lambda: addresses)
    monkeypatch.setattr(
        "psutil.net_if_stats", lambda: {name: SimpleNamespace(flags=each) for name, each in flags.items()}
    )

    def number(name: str) -> int:
        if name == "gone0":
            raise OSError("no such device")
        return list(addresses).index(name)

    monkeypatch.setattr("socket.if_nametoindex", number)
    eth0 = Way("192.0.2.1", "239.255.86.86", loop=False, interface=1)
    old0 = Way("198.51.100.1", "198.51.100.255", loop=False, interface=2)
    assert list(netswitch_ways()) == [LOOPBACK, eth0, old0]
    assert list(netswitch_ways(frozenset({"old0"}))) == [LOOPBACK, old0]
