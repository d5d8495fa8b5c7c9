"""How many packets a second a client may send, how many clients one address may have, and who is banned."""

import asyncio
import socket
from itertools import count

import pytest

from links.dosbox.simulation import GATEWAY, KEY, NETWORK, World
from nwip.dataplane.kernel import IS_THERE
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.ipx.ping import registration
from nwip.links.dosbox.engine import DosboxServer
from nwip.links.dosbox.events import Left, Silenced, TurnedAway
from nwip.links.dosbox.ingress import NOT_ADMITTED, TOO_MANY
from nwip.links.dosbox.link import DosboxLink
from nwip.links.dosbox.rates import CREDIT, DEBT, PacketRates

RATE = 100


LOUD, QUIET = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"


def send(rates: PacketRates, node: bytes, packets: int) -> int:
    return sum(rates.admits(node) for _ in range(packets))


def look(rates: PacketRates, now: float, **beside: int) -> list[bytes]:
    return rates.look([{name.encode(): count for name, count in beside.items()}], lambda _: LOUD, now)


def test_nobody_gets_more_than_the_rate_through_on_the_average() -> None:
    rates, through = PacketRates(RATE), 0
    rates.expect(0.0)
    assert rates.due == 1.0
    for second in range(1, 101):
        through += send(rates, LOUD, 350)
        look(rates, float(second))
    assert through / 100 == pytest.approx(RATE, rel=0.1)


def test_a_client_within_the_rate_is_never_silenced_and_a_burst_is_forgiven() -> None:
    rates = PacketRates(RATE)
    rates.expect(0.0)
    for second in range(1, 50):
        assert send(rates, QUIET, RATE) == RATE
        assert not look(rates, float(second))
    assert not look(rates, 51.0)
    assert send(rates, QUIET, int(CREDIT * RATE)) == CREDIT * RATE
    assert not look(rates, 52.0)


def test_one_is_silenced_once_and_heard_again_when_the_debt_is_paid() -> None:
    rates = PacketRates(RATE)
    rates.expect(0.0)
    send(rates, LOUD, 5000)
    send(rates, QUIET, 5)
    assert look(rates, 1.0) == [LOUD]
    assert not rates.admits(LOUD)
    assert rates.admits(QUIET)
    heard = next(second for second in count(2) if not look(rates, float(second)) and rates.admits(LOUD))
    assert heard == 1 + DEBT


def test_what_goes_on_in_batches_is_counted_by_its_growth() -> None:
    rates = PacketRates(RATE)
    rates.expect(0.0)
    assert not look(rates, 1.0, name=100_000), "what was before the first look says nothing"
    assert not look(rates, 2.0, name=100_000 + 2 * RATE)
    assert look(rates, 3.0, name=100_000 + 5 * RATE) == [LOUD]
    assert not rates.admits(LOUD)


def test_of_a_name_that_is_nobodys_any_more_nothing_is_held() -> None:
    rates = PacketRates(RATE)
    rates.expect(0.0)
    rates.look([{b"gone": 0}], lambda _: None, 1.0)
    assert not rates.look([{b"gone": 100_000}], lambda _: None, 2.0)
    assert not rates._credit


def test_what_is_remembered_is_soon_forgotten() -> None:
    rates = PacketRates(RATE)
    rates.expect(0.0)
    for number in range(50):
        send(rates, bytes((2, 0, 0, 0, 0, number)), 500)
    assert len(look(rates, 1.0)) == 50
    for second in range(2, 10):
        look(rates, float(second))
    assert not rates._credit


def test_without_a_rate_nothing_is_looked_at() -> None:
    rates = PacketRates(0)
    rates.expect(0.0)
    assert rates.due == float("inf")
    assert send(rates, LOUD, 10_000) == 10_000
    assert not rates._heard


def test_the_engine_silences_and_counts() -> None:
    world = World()
    world.server = DosboxServer(NETWORK, GATEWAY, KEY, packet_rate=RATE)
    player = world.player(("192.0.2.1", 5)).join()
    due = world.server.next_deadline()
    assert due == world.now + 1.0
    for _ in range(4 * RATE):
        player.send()
    world.now += 1.0
    world.server.advance(world.now)
    assert Silenced(player.node) in world.server.events()
    before = world.server.counters.packets_in
    player.send()
    assert world.server.counters.packets_in == before
    assert world.server.counters.drops[TOO_MANY] == 1
    assert world.server.clients()[0].last_heard == world.now, "it is there, and only sends too much"
    for _ in range(3):
        world.now += 1.0
        world.server.advance(world.now)
    player.send()
    assert world.server.counters.packets_in == before + 1


def test_what_went_on_beside_the_engine_counts_too() -> None:
    world = World()
    world.server = DosboxServer(NETWORK, GATEWAY, KEY, packet_rate=RATE)
    player = world.player(("192.0.2.1", 5)).join()
    client = world.server.client_with(player.node)
    assert client is not None
    world.server.tallies = lambda: [{client.name: 0}]
    world.server.advance(world.now + 1.0)
    world.server.tallies = lambda: [{client.name: 5 * RATE}]
    world.server.advance(world.now + 2.0)
    assert Silenced(player.node) in world.server.events()


def test_an_address_has_so_many_clients() -> None:
    world = World()
    world.server = DosboxServer(NETWORK, GATEWAY, KEY, per_address=2)
    for port in range(4):
        world.player(("192.0.2.1", 4000 + port)).join()
    world.player(("192.0.2.2", 4000)).join()
    assert [view.address[0] for view in world.server.clients()] == ["192.0.2.1", "192.0.2.1", "192.0.2.2"]
    assert world.server.counters.drops["too many clients of one address"] == 2


def test_who_is_banned_goes_and_who_is_not_admitted_is_told_of() -> None:
    admitted = {"192.0.2.1", "192.0.2.2"}
    world = World(admit=lambda ip: ip in admitted)
    one, two = (world.player((f"192.0.2.{number}", 5)).join() for number in (1, 2))
    world.server.events()
    assert world.server.expel(lambda ip, _: ip == "192.0.2.1") == 1
    assert [view.node for view in world.server.clients()] == [two.node]
    assert [event.reason for event in world.server.events() if isinstance(event, Left)] == ["banned"]
    admitted.remove("192.0.2.1")
    one.send()
    assert world.server.turned_away() == [TurnedAway(("192.0.2.1", 5), NOT_ADMITTED)]
    assert world.server.turned_away() == []
    assert world.server.expel(lambda _, node: node == two.node) == 1
    assert not world.server.clients()


@pytest.mark.skipif(not IS_THERE, reason="this system has no recvmmsg")
@pytest.mark.asyncio
async def test_packets_that_go_in_batches_are_judged_and_stopped() -> None:
    link = DosboxLink("dosbox", 1, GATEWAY, [("127.0.0.1", 0)], KEY, packet_rate=RATE)
    await link.open(Deaf())
    at, loop = link.endpoints[0], asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as player:
        player.bind(("127.0.0.5", 0))
        player.setblocking(False)
        await loop.sock_sendto(player, registration().encode(), at)
        reply = Packet.decode(await asyncio.wait_for(loop.sock_recv(player, 100), 5))
        node = reply.destination.node
        said = Packet(Address(1, b"\xff" * 6, 3), Address(1, node, 3)).encode()
        await loop.sock_sendto(player, said, at)
        async with asyncio.timeout(5):
            while not link.clients():
                await asyncio.sleep(0)
        (port,) = link.ports()
        name = port.name_of(player.getsockname())
        port.flows.speakers[b"\0\0\0\1" + node] = name
        link._advance(loop.time() + 2.0)
        port.tally.packets_in[name] = port.tally.packets_in.get(name, 0) + 10 * RATE
        link._advance(loop.time() + 3.0)
        assert not port.flows.speakers, "from now on each packet is looked at"
        await loop.sock_sendto(player, said, at)
        async with asyncio.timeout(5):
            while not link.counters.drops.get(TOO_MANY):
                await asyncio.sleep(0)
    await link.close()


class Deaf:
    """A gateway that wants nothing."""

    def receive(self, *_: object) -> None: ...
    def host_gained(self, *_: object) -> None: ...
    def host_lost(self, *_: object) -> None: ...
    def carrier(self, *_: object, **__: object) -> None: ...
