"""IPX sockets for programs: two nodes of one domain, programs on both, players between them."""

import asyncio
from pathlib import Path

import pytest

import nwip
from nodes import PARAMETERS, dss, node, two_nodes, until
from nwip.control import ask, converse
from nwip.directory.records import Kind
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.sap import SapOperation, SapQuery, SapResponse
from nwip.links.dosbox.player import DosboxPlayer
from nwip.programs import frames
from nwip.programs.client import QUEUE_SIZE

pytestmark = pytest.mark.asyncio

GAME = 0x5678
TYPE = 0x9000
NETWORK = PARAMETERS.network


async def test_programs_on_two_nodes_exchange_packets(tmp_path: Path) -> None:
    async with (
        two_nodes(tmp_path) as site,
        nwip.open_socket(GAME, control=site.at_west) as anna,
        nwip.open_socket(control=site.at_east) as ben,
    ):
        assert anna.address == Address(NETWORK, bytes.fromhex("7E017F000005"), GAME)
        assert 0x4000 <= ben.address.socket <= 0x7FFF
        for number in range(100):
            await ben.send(bytes([number]), anna.address, PacketType.PEP)
        for number in range(100):
            packet = await anna.receive(5)
            assert (packet.payload, packet.source) == (bytes([number]), ben.address)
            assert packet.packet_type == PacketType.PEP
        await anna.send(bytes(1470), packet.source)
        assert (await ben.receive(5)).payload == bytes(1470)
        with pytest.raises(TimeoutError):
            await ben.receive(0.01)
        assert (anna.lost, ben.lost) == (0, 0)


async def test_a_broadcast_reaches_programs_and_players_everywhere(tmp_path: Path) -> None:
    async with (
        two_nodes(tmp_path) as site,
        nwip.open_socket(GAME, control=site.at_west, shared=True) as anna,
        nwip.open_socket(GAME, control=site.at_west, shared=True) as other,
        nwip.open_socket(GAME, control=site.at_east) as ben,
        DosboxPlayer(("127.0.0.6", 20213)) as carl,
    ):
        await carl.register()
        await carl.ping(timeout=0.05)  # its first packet proves it: before that nothing is sent to it
        await anna.broadcast(b"who is there?")
        heard = [(await each.receive(5)).payload for each in (other, ben)]
        heard.append((await carl.receive(5)).payload)
        assert heard == [b"who is there?"] * 3
        everyone = Address(NETWORK, BROADCAST_NODE, GAME)
        carl.send(nwip.Packet(everyone, carl.address._replace(socket=GAME), payload=b"carl"))
        sources = [(await each.receive(5)).source for each in (anna, other, ben)]
        assert sources == [carl.address._replace(socket=GAME)] * 3
        await ben.send(b"hello carl", sources[0])
        assert (await carl.receive(5)).payload == b"hello carl"


async def test_a_service_is_known_everywhere_until_its_socket_closes_or_its_program_dies(
    tmp_path: Path,
) -> None:
    async with (
        two_nodes(tmp_path) as site,
        nwip.open_socket(control=site.at_east) as ben,
        DosboxPlayer(("127.0.0.6", 20213)) as carl,
    ):
        async with nwip.open_socket(GAME, control=site.at_west) as anna:
            await anna.advertise(TYPE, "ECHO")
            async with asyncio.timeout(10):
                while not (found := await ben.find(TYPE)):
                    pass
            (service,) = found
            assert service == nwip.Service(TYPE, "ECHO", anna.address, service.ticks, 1, "west")
            assert service.ticks == PARAMETERS.ticks_same_subnet
            (here,) = await anna.find(name="ec?o")
            assert (here.ticks, here.hops) == (0, 0)
            assert await ben.resolve("echo") == anna.address
            await carl.register()
            query = SapQuery(SapOperation.NEAREST_QUERY, TYPE).encode()
            carl.send(nwip.Packet(Address(0, BROADCAST_NODE, Socket.SAP), carl.address, 4, query))
            (entry,) = SapResponse.decode((await carl.receive(5)).payload).entries
            assert (entry.name, entry.address) == ("ECHO", anna.address)
        directory = site.east.client.directory if site.east.client else None
        assert directory is not None
        await until(lambda: not list(directory.records(Kind.SERVICE)))

        _, _, writer = await converse(site.at_west, {"ask": "socket"})
        writer.write(frames.service(frames.ADVERTISE, TYPE, "MORTAL").encode())
        await until(lambda: list(directory.records(Kind.SERVICE)))
        writer.transport.abort()  # as the kernel does when a program dies
        await until(lambda: not list(directory.records(Kind.SERVICE)))


async def test_services_come_in_the_order_of_their_distance(tmp_path: Path) -> None:
    async with (
        two_nodes(tmp_path) as site,
        nwip.open_socket(control=site.at_west) as anna,
        nwip.open_socket(control=site.at_east) as ben,
    ):
        await anna.advertise(TYPE, "A FAR ONE")
        await ben.advertise(TYPE, "THE NEAREST")
        await ben.advertise(TYPE + 1, "[OF ANOTHER TYPE]")
        async with asyncio.timeout(10):
            while len(found := await ben.find()) < 3:
                pass
        assert [service.name for service in found] == ["THE NEAREST", "[OF ANOTHER TYPE]", "A FAR ONE"]
        assert [service.name for service in await ben.find(TYPE, limit=1)] == ["THE NEAREST"]
        assert [service.name for service in await ben.find(name="[of*")] == ["[OF ANOTHER TYPE]"]
        await ben.withdraw(TYPE, "THE NEAREST")
        assert [service.name for service in await ben.find(TYPE)] == ["A FAR ONE"]


async def test_what_cannot_be_had_is_refused_with_a_sentence(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as site, nwip.open_socket(GAME, control=site.at_west) as anna:
        for number, sentence in ((GAME, "in use by another program"), (Socket.SAP, "reserved"), (-1, "FFFF")):
            with pytest.raises(nwip.NodeRefused, match=sentence):
                await nwip.open_socket(number, control=site.at_west)
        with pytest.raises(nwip.NodeRefused, match="1 to 47 Latin-1 characters"):
            await anna.advertise(TYPE, "")
        with pytest.raises(nwip.WireError, match="Latin-1"):
            await anna.advertise(TYPE, "\u20ac")
        with pytest.raises(nwip.NodeRefused, match="advertises no"):
            await anna.withdraw(TYPE, "NOTHING")
        with pytest.raises(nwip.NodeRefused, match="nothing here is called nobody") as refused:
            await anna.resolve("nobody")
        assert refused.value.code == 1
        with pytest.raises(nwip.NodeRefused, match="limit must be"):
            await anna.find(limit=0)
        with pytest.raises(nwip.WireError, match="1471 octets do not fit"):
            await anna.send(bytes(1471), anna.address)
        with pytest.raises(nwip.WireError):
            await anna.send(b"", Address(0, b"short", 1))
        await anna.send(b"all is well", anna.address)
        assert (await anna.receive(5)).payload == b"all is well"


@pytest.mark.parametrize(
    "question",
    [
        {"number": "5"},
        {"number": 5.5},
        {"shared": 1},
    ],
)
async def test_a_wrong_request_for_a_socket_is_refused_as_usage(
    tmp_path: Path, question: dict[str, object]
) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (_, said):
        await until(lambda: said)
        with pytest.raises(nwip.NodeRefused, match="whole number") as refused:
            await converse(tmp_path / "control.sock", {"ask": "socket", **question})
        assert refused.value.code == 2


@pytest.mark.parametrize("question", [{"type": "4"}, {"name": 4}, {"limit": 0}, {"limit": 1001}])
async def test_a_wrong_question_for_services_is_refused_as_usage(
    tmp_path: Path, question: dict[str, object]
) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (_, said):
        await until(lambda: said)
        with pytest.raises(nwip.NodeRefused, match="must be a number") as refused:
            await asyncio.to_thread(ask, tmp_path / "control.sock", {"ask": "find", **question})
        assert refused.value.code == 2


async def test_a_program_that_breaks_the_rules_is_told_so_and_loses_its_socket(tmp_path: Path) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        assert running.gateway is not None
        for octets, sentence in (
            (b"\0\1X", "a frame of kind b'X'"),
            (b"\0\0", "a frame of 0 octets"),
            (b"\0\2P\0", "an IPX packet of 1 octets"),
            (b"\0\2A\0", "octets wanted"),
        ):
            _, reader, writer = await converse(tmp_path / "control.sock", {"ask": "socket"})
            writer.write(octets)
            (frame,) = frames.Splitter().feed(await asyncio.wait_for(reader.read(), 10))
            assert frame.kind == frames.REFUSED
            assert sentence in frames.read_refusal(frame.rest)[1]
            writer.close()
        assert len(running.gateway.sockets) == 0


async def test_without_a_node_or_a_domain_there_is_no_socket(tmp_path: Path) -> None:
    with pytest.raises(nwip.NodeUnreachable, match="no nwip node is running here"):
        await nwip.open_socket(control=tmp_path / "absent")
    async with dss() as server:
        port = server.endpoints[0][1]
    async with node(tmp_path, port):
        with pytest.raises(nwip.NodeRefused, match="no DSS has answered") as refused:
            await nwip.open_socket(control=tmp_path / "control.sock")
        assert refused.value.code == 3
        with pytest.raises(nwip.NodeRefused, match="no DSS has answered"):
            await asyncio.to_thread(ask, tmp_path / "control.sock", {"ask": "find"})


async def test_the_node_is_looked_for_as_the_command_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NWIP_CONTROL", str(tmp_path / "named"))
    with pytest.raises(nwip.NodeUnreachable, match="named"):
        await nwip.open_socket()
    monkeypatch.delenv("NWIP_CONTROL")
    file = tmp_path / "nwip.toml"
    file.write_text(f'[node]\ncontrol = "{tmp_path}/configured"\n')
    monkeypatch.setenv("NWIP_CONFIG", str(file))
    with pytest.raises(nwip.NodeUnreachable, match="configured"):
        await nwip.open_socket()


async def test_a_node_that_stops_ends_its_programs_conversations(tmp_path: Path) -> None:
    async with dss() as server:
        async with node(tmp_path, server.endpoints[0][1]) as (_, said):
            await until(lambda: said)
            sock = await nwip.open_socket(GAME, control=tmp_path / "control.sock")
            waiting = asyncio.ensure_future(collect(sock))
        with pytest.raises(nwip.NodeUnreachable, match="has stopped"):
            await asyncio.wait_for(waiting, 10)
        for call in (sock.send(b"", sock.address), sock.advertise(TYPE, "ECHO"), sock.find()):
            with pytest.raises(nwip.NodeUnreachable):
                await call
        await sock.close()


async def collect(sock: nwip.IpxSocket) -> list[bytes]:
    return [packet.payload async for packet in sock]


async def test_closing_a_socket_ends_its_iteration_and_frees_its_number(tmp_path: Path) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        control = tmp_path / "control.sock"
        async with nwip.open_socket(GAME, control=control) as sock:
            collecting = asyncio.ensure_future(collect(sock))
            await sock.send(b"to myself", sock.address)
            await until(lambda: collecting.done() or not sock._client.packets)
            await sock.send(b"again", sock.address)
            await sock.advertise(TYPE, "ECHO")  # answered: what was sent before has arrived
        assert await asyncio.wait_for(collecting, 10) == [b"to myself", b"again"]
        with pytest.raises(nwip.NodeUnreachable, match="closed"):
            await sock.receive()
        gateway = running.gateway
        assert gateway is not None
        await until(lambda: not len(gateway.sockets))
        async with await nwip.open_socket(GAME, control=control) as sock:
            assert sock.address.socket == GAME


async def test_a_program_that_does_not_read_loses_the_oldest_packets_and_harms_nobody(
    tmp_path: Path,
) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        control = tmp_path / "control.sock"
        _, reader, writer = await converse(control, {"ask": "socket", "number": GAME})
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # a program that hangs
        async with nwip.open_socket(control=control) as anna:
            to = anna.address._replace(socket=GAME)
            sent = 3000
            for number in range(sent):
                await anna.send(number.to_bytes(1000, "big"), to)
            await anna.send(b"still here", anna.address)
            assert (await anna.receive(10)).payload == b"still here"
        reader._transport.resume_reading()  # type: ignore[attr-defined]
        splitter, numbers, lost = frames.Splitter(), list[int](), 0
        async with asyncio.timeout(10):
            while not numbers or numbers[-1] != sent - 1:
                for frame in splitter.feed(await reader.read(65536)):
                    if frame.kind == frames.LOST:
                        lost += int.from_bytes(frame.rest, "big")
                    else:
                        numbers.append(int.from_bytes(nwip.Packet.decode(frame.rest).payload, "big"))
        assert lost > 0
        assert len(numbers) + lost == sent
        assert running.gateway is not None
        assert running.gateway.drops()["program too slow"] == lost
        assert numbers == sorted(numbers)
        writer.close()


async def test_packets_that_the_program_does_not_take_are_dropped_and_counted(tmp_path: Path) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (_, said):
        await until(lambda: said)
        async with nwip.open_socket(control=tmp_path / "control.sock") as sock:
            for number in range(QUEUE_SIZE + 10):
                await sock.send(number.to_bytes(2, "big"), sock.address)
                if number % 50 == 0:
                    await sock.find()  # an answer that comes by another way: the node has had its turn
            await until(lambda: sock.lost + len(sock._client.packets) == QUEUE_SIZE + 10)
            assert sock.lost == 10
            assert (await sock.receive()).payload == (10).to_bytes(2, "big")


async def test_a_socket_follows_its_node_to_another_number(tmp_path: Path) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        gateway = running.gateway
        assert gateway is not None
        async with nwip.open_socket(GAME, control=tmp_path / "control.sock") as sock:
            gateway.renumber(b"\x7e\x06\1\2\3\4")
            await until(lambda: sock.address == gateway.address._replace(socket=GAME))
            await sock.send(b"to myself", sock.address)
            assert (await sock.receive(5)).source == sock.address
