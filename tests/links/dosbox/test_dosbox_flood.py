"""A flood of forged registrations: when it is one, what is let in, and that the link does so."""

import asyncio
import socket

import pytest

from links.dosbox.simulation import World
from nwip.bench.messages import BATCH, Messages
from nwip.bench.sources import controls, names
from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.port import overflows
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.ipx.ping import registration
from nwip.links.dosbox import flood
from nwip.links.dosbox.engine import DosboxServer
from nwip.links.dosbox.flood import BEARABLE, CALM, LOOK, MANY, FloodWatch, Shares
from nwip.links.dosbox.link import DosboxLink
from nwip.links.dosbox.shelter import KEPT_OUT

HERE = b"\x7e\x01\x7f\0\0\1"
KEY = bytes(16)


def come(watch: FloodWatch, registrations: int, others: int, now: float) -> None:
    for _ in range(registrations):
        watch.registration(now)
    for _ in range(others):
        watch.other(now)


def test_a_party_that_registers_at_once_is_no_flood() -> None:
    watch = FloodWatch()
    come(watch, MANY - 1, 0, 5.0)
    assert watch.next_deadline() == 5.0 + LOOK
    assert not watch.look(5.0 + LOOK)
    assert watch.next_deadline() is None


def test_who_is_heard_after_registering_is_not_counted() -> None:
    watch = FloodWatch()
    for _ in range(50):
        come(watch, 200, 0, 1.0)
        for _ in range(200):
            watch.player()
    assert not watch.look(1.0 + LOOK)


def test_many_at_once_are_looked_at_now_and_no_more_are_worked_on() -> None:
    watch = FloodWatch()
    assert all(watch.registration(1.0) for _ in range(MANY))
    assert not watch.registration(1.0)
    assert watch.other(1.0), "the two kinds do not stand in each other's way"
    assert watch.next_deadline() == 1.0
    assert watch.look(1.0 + LOOK)
    assert watch.registration(1.0 + LOOK), "at each look it begins anew"


def test_of_a_flood_about_as_much_is_let_in_as_can_be_borne() -> None:
    watch, now, rate = FloodWatch(), 0.0, 100_000
    come(watch, 2000, 0, now)
    now += LOOK
    assert watch.look(now, lost=8000)
    for _ in range(20):
        assert watch.shares is not None
        assert watch.shares.others == 1, "only of the kind that comes in a flood"
        come(watch, round(rate * watch.shares.registrations), 0, now)
        now += flood.LOOK_IN_FLOOD
        assert watch.next_deadline() == now
        assert watch.look(now)
    assert watch.shares is not None
    assert watch.shares.registrations == pytest.approx(BEARABLE / rate, rel=0.05)
    assert watch.rate == pytest.approx(rate, rel=0.05)


def test_what_the_buffer_could_not_take_counts_until_a_part_is_let_in() -> None:
    watch = FloodWatch()
    come(watch, 300, 0, 0.0)
    assert watch.look(LOOK, lost=700)
    assert watch.rate == pytest.approx(10_000)
    come(watch, 300, 0, 0.2)
    shares = watch.shares
    assert shares is not None
    watch.look(LOOK + 1.0, lost=10_000_000)
    assert watch.rate == pytest.approx(300 / shares.registrations)


def test_a_flood_of_other_packets_is_one_too() -> None:
    watch = FloodWatch()
    come(watch, 0, 2000, 0.0)
    assert watch.look(LOOK)
    assert watch.shares == Shares(1.0, pytest.approx(BEARABLE / 20_000))  # type: ignore[arg-type]


def test_shares_change_step_by_step() -> None:
    watch = FloodWatch()
    come(watch, 2000, 0, 0.0)
    watch.look(LOOK)
    first = watch.shares
    assert first is not None
    watch.look(LOOK + 1.0)
    assert watch.shares is not None
    assert watch.shares.registrations == pytest.approx(flood.PACE * first.registrations)


def test_all_are_let_in_when_it_has_been_calm_for_a_while() -> None:
    watch, now = FloodWatch(), LOOK
    come(watch, 2000, 0, 0.0)
    watch.look(now)
    began = now
    while watch.shares is not None:
        now += 1.0
        watch.look(now)
    assert now - began == CALM
    assert watch.next_deadline() is None


def test_an_engine_counts_garbage_and_strangers_and_works_on_few() -> None:
    server = DosboxServer(1, HERE, KEY)
    packet = Packet(Address(1, b"\xff" * 6, 3), Address(1, b"\2\0\0\0\0\1", 3)).encode()
    for number in range(MANY + 50):
        server.receive_datagram(packet, ("192.0.2.1", number), 0.0)
    assert len(server.datagrams_to_send()) <= MANY
    assert server.flood.next_deadline() == 0.0
    server = DosboxServer(1, HERE, KEY)
    for number in range(MANY):
        server.receive_datagram(b"garbage", ("192.0.2.1", number), 0.0)
    assert server.flood.next_deadline() == 0.0
    for number in range(2 * MANY):
        address = (f"10.0.{number >> 8}.{number & 255}", 7)
        server.receive_datagram(registration().encode(), address, 0.0)
    assert len(server.datagrams_to_send()) == MANY
    assert server.counters.drops["too many registrations"] == MANY


def test_where_nobody_looks_registrations_are_worked_on_all_the_same() -> None:
    watch = FloodWatch()
    assert not all(watch.registration(1.0) for _ in range(2 * MANY))
    assert watch.registration(1.0 + flood.OVERDUE + LOOK)


def test_ends_of_connections_are_no_flood() -> None:
    server = DosboxServer(1, HERE, KEY, connected=True, limit=4 * MANY)
    for number in range(2 * MANY):
        server.receive_datagram(registration().encode(), (f"10.0.{number >> 8}.{number & 255}", 7), 0.0)
    assert len(server.clients()) == 2 * MANY


def test_an_engine_counts_no_registration_of_who_is_then_heard() -> None:
    world = World(gateway=lambda _: None, limit=2 * MANY)
    for number in range(2 * MANY):
        world.player((f"10.0.{number >> 8}.{number & 255}", 7)).join()
    assert not world.server.counters.drops.get("too many registrations")
    assert not world.server.flood.look(world.now + LOOK)


class Deaf:
    """A gateway that wants nothing."""

    def receive(self, *_: object) -> None: ...
    def host_gained(self, *_: object) -> None: ...
    def host_lost(self, *_: object) -> None: ...
    def carrier(self, *_: object, **__: object) -> None: ...


@pytest.mark.skipif(not IS_THERE, reason="this system has no sendmmsg")
@pytest.mark.asyncio
async def test_a_link_keeps_a_flood_out_and_players_in() -> None:
    link = DosboxLink("dosbox", 1, HERE, [("127.0.0.1", 0)], KEY)
    await link.open(Deaf())
    at = link.endpoints[0]
    loop = asyncio.get_running_loop()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as player,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger,
    ):
        player.bind(("127.0.0.5", 0))
        player.setblocking(False)
        await loop.sock_sendto(player, registration().encode(), at)
        reply = Packet.decode(await asyncio.wait_for(loop.sock_recv(player, 100), 5))
        said = Packet(Address(1, b"\xff" * 6, 3), Address(1, reply.destination.node, 3)).encode()
        await loop.sock_sendto(player, said, at)
        forger.bind(("0.0.0.0", 0))
        forger.setblocking(False)
        count = 4 * BATCH
        sources = controls(bytes((127, 64, 0, number & 255)) for number in range(count))
        octets = bytearray(registration().encode() * count)
        forged = Messages(count, octets, 30, 30, names(at, count), controls=sources)
        async with asyncio.timeout(10):
            while link._shelter._shares is None:
                forged.send(forger.fileno(), 0, count)
                await asyncio.sleep(0)
            for _ in range(20):
                forged.send(forger.fileno(), 0, count)
            heard = link.clients()[0].packets_in
            while (
                link.clients()[0].packets_in == heard
            ):  # the first may find the buffer full of what came before
                await loop.sock_sendto(player, said, at)
                await asyncio.sleep(0)
        assert link.counters.all_drops()[KEPT_OUT] > 4 * count
        assert link._shelter.overflows() == overflows(link.ports()) - link.counters.drops[KEPT_OUT]
        assert link.describe()["flood"].endswith("unproven datagrams a second, kept out")
        now = loop.time()
        for second in range(1, 2 * int(CALM)):
            link._shelter.look(now + second)
        assert link._engine.flood.shares is None
        assert "flood" not in link.describe()
        strangers = link.counters.drops.get("shorter than a header", 0)
        async with asyncio.timeout(10):
            while link.counters.drops.get("shorter than a header", 0) == strangers:
                await loop.sock_sendto(forger, b"short", at)
                await asyncio.sleep(0)
    await link.close()
