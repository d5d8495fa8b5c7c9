"""Players in rooms, over real WebSockets."""

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest

from links.dosbox.simulation import NETWORK
from links.websocket.browser import REGISTRATION, Browser, JsDos, Refused
from links.websocket.room import at, room
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.links.websocket import Tls, WebSocketServers

MAC = bytes.fromhex("00A0C9123456")
MAKE_CERTIFICATE = [
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
    *("-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
]

pytestmark = pytest.mark.asyncio


async def test_players_in_a_room_meet_and_are_hosts_of_the_network() -> None:
    async with room() as (link, switch), Browser(at(link)) as one, Browser(at(link)) as two:
        assert one.subprotocol == two.subprotocol == "binary"
        alice, bob = await JsDos(one).register(), await JsDos(two).register()
        assert alice.address.network == NETWORK
        assert set(switch.hosts) == {alice.address.node, bob.address.node}
        await alice.send(payload=b"who is there?")
        question = await bob.hear()
        assert question.payload == b"who is there?"
        await bob.send(question.source.node, b"I am")
        answer = await alice.hear()
        assert answer.source == Address(NETWORK, bob.address.node, 0x869C)
        assert answer.payload == b"I am"
        views = link.clients()
        assert [view.packets_in for view in views] == [1, 1]
        assert {view.address[0] for view in views} == {"127.0.0.1"}
        await two.leave()
        await switch.until_hosts(1)
        assert set(switch.hosts) == {alice.address.node}


async def test_a_player_is_a_host_as_soon_as_it_is_registered_and_without_a_cookie() -> None:
    async with room() as (link, switch), Browser(at(link)) as browser:
        await browser.send(REGISTRATION)
        await browser.receive()
        assert len(switch.hosts) == 1


async def test_dosbox_x_keeps_its_own_number_and_the_old_connection_of_it_is_closed() -> None:
    async with room() as (link, switch), Browser(at(link)) as old, Browser(at(link)) as new:
        await JsDos(old, MAC).register()
        assert set(switch.hosts) == {MAC}
        player = await JsDos(new, MAC).register()
        assert player.address.node == MAC
        closed = await old.closed()
        assert (closed.code, closed.reason) == (1008, "its node number is used elsewhere")
        assert set(switch.hosts) == {MAC}
        assert [view.node for view in link.clients()] == [MAC]


async def test_a_player_may_take_another_number_on_its_connection() -> None:
    async with room() as (link, switch), Browser(at(link)) as browser:
        first = await JsDos(browser).register()
        second = await JsDos(browser, MAC).register()
        assert second.address.node == MAC
        assert set(switch.hosts) == {MAC} != {first.address.node}
        await second.send()
        await switch.until_arrivals(1)
        assert [view.packets_in for view in link.clients()] == [1]


async def test_rooms_of_one_server_do_not_hear_each_other() -> None:
    servers = WebSocketServers()
    async with (
        room("doom", servers) as (doom, doomed),
        room("descent", servers, listen=doom.endpoints) as (descent, _),
    ):
        assert doom.endpoints == descent.endpoints
        async with (
            Browser(at(doom), "/ipx/doom") as one,
            Browser(at(doom), "/ipx/descent") as two,
            Browser(at(doom), "/ipx/descent") as three,
        ):
            alice, bob, carol = [await JsDos(each).register() for each in (one, two, three)]
            await alice.send(payload=b"for nobody")
            await bob.send(payload=b"for Carol")
            assert (await carol.hear()).payload == b"for Carol"
            assert [arrival.packet[30:] for arrival in doomed.arrivals] == [b"for nobody"]
            await doom.close()
            assert (await one.closed()).code == 1001
            await carol.send(bob.address.node, b"still here")
            assert (await bob.hear()).payload == b"still here"
        with pytest.raises(Refused, match="404 there is no such room"):
            async with Browser(descent.endpoints[0], "/ipx/doom"):
                pass


async def test_noise_is_dropped_and_counted_and_the_player_stays() -> None:
    async with room() as (link, switch), Browser(at(link)) as browser:
        await browser.send(b"\xff\xff\0\x1e" + bytes(26))  # to node 0, socket 0
        await browser.send(b"noise")
        player = await JsDos(browser).register()
        await browser.send(b"\xff\xff\0\x1e" + bytes(4) + bytes(2) + MAC + bytes(6) + MAC + bytes(2))
        await player.send()
        await switch.until_arrivals(1)
        assert link.counters.drops == {
            "without a destination node": 1,
            "shorter than a header": 1,
            "source node is not the client's": 1,
        }


async def test_who_has_not_registered_is_not_heard() -> None:
    async with room() as (link, switch), Browser(at(link)) as browser, Browser(at(link)) as other:
        packet = (
            b"\xff\xff\0\x1e\0\0" + bytes(4) + BROADCAST_NODE + b"\x86\x9c" + bytes(4) + MAC + b"\x86\x9c"
        )
        await browser.send(packet)
        await browser.send(packet)
        await JsDos(other).register()
        assert link.counters.drops == {"not registered": 2}
        assert switch.arrivals == []


async def test_a_slow_reader_loses_packets_and_nobody_else_does() -> None:
    async with room() as (link, switch), Browser(at(link)) as lazy, Browser(at(link)) as keen:
        sleeper, listener = await JsDos(lazy).register(), await JsDos(keen).register()
        lazy.writer.transport.pause_reading()  # type: ignore[attr-defined]
        sent = heard = 0
        async with asyncio.timeout(30):
            while not link.counters.drops:
                for _ in range(100):
                    packet = b"\xff\xff\x05\x90" + bytes(2) + NETWORK.to_bytes(4, "big") + BROADCAST_NODE
                    link.send_to_all((packet + b"\x86\x9c").ljust(1424, b"."))
                    sent += 1
                while heard < sent:
                    await listener.browser.receive()
                    heard += 1
        assert set(link.counters.drops) == {"slow reader"}
        assert sleeper.address.node in switch.hosts


@pytest.fixture
def certificate(tmp_path: Path) -> Tls:
    """Make a certificate for localhost that is its own authority."""
    tls = Tls(tmp_path / "certificate.pem", tmp_path / "key.pem")
    subprocess.run(
        [*MAKE_CERTIFICATE, "-keyout", str(tls.key), "-out", str(tls.certificate)],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return tls


@pytest.mark.real("openssl")
async def test_players_meet_over_tls(certificate: Tls) -> None:
    context = ssl.create_default_context(cafile=certificate.certificate)
    async with (
        room(tls=certificate) as (link, _),
        Browser(at(link), tls=context) as one,
        Browser(at(link), tls=context) as two,
    ):
        alice, bob = await JsDos(one).register(), await JsDos(two).register()
        await alice.send(bob.address.node, b"in private")
        assert (await bob.hear()).payload == b"in private"
        assert link.describe()["in js-dos, connect to"].startswith("wss://127.0.0.1:")
