"""DOSBox links as networks of their own, on real sockets: numbers, routes, and packets between them."""

import asyncio

import pytest

from gateway.world import NETWORK, Domain, Member
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipPacket
from nwip.ipx.type20 import PropagatedPayload
from nwip.links.dosbox import DosboxLink, DosboxPlayer

pytestmark = pytest.mark.asyncio

ONE, TWO = 0x0000D051, 0x0000D052
GATEWAY = b"\x02\x00\x00\x00\x00\xfe"


async def network_of_its_own(member: Member, name: str, network: int) -> DosboxLink:
    link = DosboxLink(name, network, GATEWAY, [("127.0.0.1", 0)], b"k" * 32, joined=False)
    member.gateway.attach(link)
    await link.open(member.gateway)
    return link


async def received(player: DosboxPlayer, socket: int) -> Packet:
    """Return the next packet for a socket; the router's own updates are passed over."""
    async with asyncio.timeout(10):
        while True:
            packet = await player.receive()
            if packet.destination.socket == socket:
                return packet


async def ask(player: DosboxPlayer, network: int) -> Packet:
    """Ask for a route, by which the player also becomes a client; return the answer."""
    request = Address(0, BROADCAST_NODE, Socket.RIP)
    source = player.address._replace(socket=0x4003)
    player.send(Packet(request, source, PacketType.RIP, RipPacket.request(network).encode()))
    return await received(player, 0x4003)


async def test_a_room_of_its_own_has_the_budget_of_broadcasts_too() -> None:
    domain = Domain()
    member = await domain.member("10.0.0.1")
    member.gateway._broadcasts.set_rate(0, 5)
    link = await network_of_its_own(member, "room", ONE)
    async with DosboxPlayer(link.endpoints[0]) as one, DosboxPlayer(link.endpoints[0]) as two:
        for player in (one, two):
            await player.register()
            await ask(player, NETWORK)
        everybody = Address(0, BROADCAST_NODE, 9)
        for number in range(20):
            one.send(Packet(everybody, one.address._replace(socket=9), payload=bytes((number,))))
        one.send(Packet(two.address._replace(socket=9), one.address._replace(socket=9), payload=b"the end"))
        heard = [await received(two, 9)]
        while heard[-1].payload != b"the end":
            heard.append(await received(two, 9))
    assert len(heard) <= 6
    assert member.gateway.counters.drops["broadcast budget"] >= 15
    await link.close()


async def test_players_of_two_networks_have_their_numbers_and_reach_each_other_over_the_router() -> None:
    domain = Domain()
    member = await domain.member("10.0.0.1")
    links = [await network_of_its_own(member, f"link {n}", n) for n in (ONE, TWO)]
    async with DosboxPlayer(links[0].endpoints[0]) as one, DosboxPlayer(links[1].endpoints[0]) as two:
        assert [(await player.register()).network for player in (one, two)] == [ONE, TWO]
        answer = await ask(one, TWO)
        assert answer.source == Address(ONE, GATEWAY, Socket.RIP)
        assert RipPacket.decode(answer.payload).entries == (RipEntry(TWO, 1, 2),)
        await ask(two, NETWORK)
        source = one.address._replace(socket=9)
        one.send(Packet(two.address._replace(socket=9), source, payload=b"hello"))
        packet = await received(two, 9)
        assert (packet.source, packet.payload, packet.transport_control) == (source, b"hello", 1)
    for link in links:
        await link.close()


async def test_a_broadcast_stays_in_its_network_and_type_20_does_not() -> None:
    domain = Domain()
    member = await domain.member("10.0.0.1")
    links = [await network_of_its_own(member, f"link {n}", n) for n in (ONE, TWO)]
    everyone = Address(0, BROADCAST_NODE, 9)
    async with (
        DosboxPlayer(links[0].endpoints[0]) as one,
        DosboxPlayer(links[0].endpoints[0]) as near,
        DosboxPlayer(links[1].endpoints[0]) as far,
    ):
        for player in (one, near, far):
            await player.register()
            await ask(player, NETWORK)
        source = one.address._replace(socket=9)
        one.send(Packet(everyone, source, payload=b"here only"))
        assert (await received(near, 9)).payload == b"here only"
        wide = PropagatedPayload.of(b"everywhere").encode()
        one.send(Packet(everyone, source, PacketType.PROPAGATED, wide))
        packet = await received(far, 9)
        assert packet.packet_type == PacketType.PROPAGATED
        assert PropagatedPayload.decode(packet.payload, packet.transport_control).networks == (ONE,)
    for link in links:
        await link.close()
