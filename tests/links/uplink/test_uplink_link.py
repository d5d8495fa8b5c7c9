"""The uplink on real sockets: servers found, lost and found again, and nobody else believed."""

import asyncio
import socket
from collections.abc import Callable, Sequence

import pytest

from gateway.world import NETWORK, Domain
from links.dosbox.simulation import GATEWAY, KEY
from links.dosbox.switch import Switch
from links.uplink.party import is_elsewhere
from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.ipx.ping import registration_reply
from nwip.links.base import Arrival, Link
from nwip.links.dosbox import DosboxLink, DosboxPlayer
from nwip.links.uplink import UplinkLink

pytestmark = pytest.mark.asyncio

OURS = bytes.fromhex("7E01C0000201")
HOST = bytes.fromhex("02AA00000001")
FAR_NETWORK = 0x0000BEEF


class Listener(Switch):
    """A gateway that keeps what its uplink hands it."""

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        self.arrivals += batch
        self._changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        await self._until(holds, 10.0)


def uplink(*servers: Endpoint | OSError, elsewhere: Callable[[bytes], bool] = lambda _: False) -> UplinkLink:
    """An uplink whose server's name means one thing after the other."""
    answers = list(servers)

    async def resolve() -> Endpoint:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, OSError):
            raise answer
        return answer

    return UplinkLink(
        "uplink",
        NETWORK,
        OURS,
        "far.example:213",
        resolve=resolve,
        pseudo_station=b"\x02\xca\xfe\0\0\1",
        chance=lambda: 0.5,
        elsewhere=elsewhere,
    )


async def far_server() -> DosboxLink:
    link = DosboxLink("far", FAR_NETWORK, GATEWAY, [("127.0.0.1", 0)], KEY)
    await link.open(Switch())
    return link


async def test_a_host_and_a_far_player_exchange_packets_and_the_far_one_is_published() -> None:
    server, here = await far_server(), Listener()
    async with DosboxPlayer(server.endpoints[0]) as player:
        node = (await player.register()).node
        link = uplink(server.endpoints[0])
        await link.open(here)
        await here.until(lambda: node in here.hosts)
        assert link.station == link.registrations()[0].number
        link.send(Packet(Address(NETWORK, node, 9), Address(NETWORK, HOST, 9), payload=b"hi").encode(), node)
        heard = await player.receive()
        assert heard.source == Address(FAR_NETWORK, HOST, 9)  # a server of ours gives hosts their own numbers
        player.send(Packet(heard.source, heard.destination, payload=b"ho"))
        await here.until(lambda: any(b"ho" in arrival.packet for arrival in here.arrivals))
        last = Packet.decode(here.arrivals[-1].packet)
        assert (last.source.network, last.destination) == (NETWORK, Address(NETWORK, HOST, 9))
        assert link.describe()["far hosts"] == "1"
        assert link.describe()["state"].startswith("registered as ")
        await link.close()
        link.send(last.encode(), HOST)
        assert link.counters.drops["the link is closed"] == 1
    await server.close()


async def test_a_server_that_cannot_be_found_yet_is_looked_for_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = await far_server()
    link = uplink(OSError("no such name"), server.endpoints[0])
    await link.open(Listener())
    assert "not found yet" in link.describe()["server"]
    async with asyncio.timeout(10):
        while not link.is_open:
            await asyncio.sleep(0.05)
    assert "far.example:213 cannot be found: no such name" in caplog.text
    await link.close()
    await server.close()


async def test_a_server_that_has_moved_is_found_at_its_new_address(caplog: pytest.LogCaptureFixture) -> None:
    server = await far_server()
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        link = uplink(silent.getsockname(), server.endpoints[0])
        await link.open(Listener())
        async with asyncio.timeout(15):
            while not link.is_open:
                await asyncio.sleep(0.05)
    assert caplog.messages == ["uplink uplink: far.example:213 does not answer"]
    await link.close()
    await server.close()


async def test_what_a_router_there_would_have_to_pass_on_is_not_sent() -> None:
    server = await far_server()
    link = uplink(server.endpoints[0])
    await link.open(Listener())
    link.send(Packet(Address(0x77, b"\2other", 9), Address(NETWORK, HOST, 9)).encode(), b"\2router")
    assert link.counters.drops == {"to another network": 1}
    await link.close()
    await server.close()


async def test_nobody_but_the_server_is_listened_to() -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as stranger:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        link = uplink(server.getsockname())
        await link.open(Listener())
        _, at = await loop.sock_recvfrom(server, 64)
        at = ("127.0.0.1", at[1])
        stranger.sendto(registration_reply(0, b"\2wrong").encode(), at)
        server.sendto(registration_reply(0, b"\2right").encode(), at)
        data, _ = await loop.sock_recvfrom(server, 64)
        assert link.station == b"\2right"
        assert data[22:28] == data[10:16] == b"\2right"  # the probe
        assert link.counters.drops == {"not from the server": 1}
        await link.close()


async def test_an_uplink_to_our_own_dosbox_link_carries_nothing_and_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    domain = Domain()
    member = await domain.member("10.0.0.1")
    server = DosboxLink("dosbox", NETWORK, member.gateway.virtual.node, [("127.0.0.1", 0)], KEY)
    member.gateway.attach(server)
    await server.open(member.gateway)
    link = uplink(server.endpoints[0], elsewhere=lambda node: is_elsewhere(member, link, node))
    member.gateway.attach(link)
    async with DosboxPlayer(server.endpoints[0]) as one, DosboxPlayer(server.endpoints[0]) as two:
        for player in (one, two):
            await player.register()
            player.send(Packet(Address(0, player.address.node, 9), Address(0, bytes(6), 9)))
            await player.receive()
        await link.open(member.gateway)
        for count in range(30):
            one.send(Packet(Address(0, BROADCAST_NODE, 9), Address(0, bytes(6), 9), payload=bytes([count])))
            assert (await two.receive()).payload == bytes([count])
            await asyncio.sleep(0.05)
        assert link.describe()["state"] == "leads back to this gateway: nothing is carried"
        assert "leads back to this gateway, so nothing is carried" in caplog.text
        for player in (one, two):
            with pytest.raises(TimeoutError):
                await player.receive(0.05)
        assert set(member.gateway.hosts_of(server)) == {
            one.address.node,
            two.address.node,
            link.registrations()[0].number,
        }
        assert member.gateway.hosts_of(link) == []
    await link.close()
    await server.close()
