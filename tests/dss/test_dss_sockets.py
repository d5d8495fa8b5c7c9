"""The DSS and its clients over real sockets on loopback."""

from __future__ import annotations

import asyncio
import random
import socket
from typing import TYPE_CHECKING

import pytest

from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint, Kind, Node, Service
from nwip.dss.client import DssClient
from nwip.dss.framing import Splitter
from nwip.dss.messages import Reason, Refused, decode
from nwip.dss.peers import Limits
from nwip.dss.reader import DssRefused, DssUnreachable, read_domain
from nwip.dss.server import DssServer
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.ipx.sap import SapOperation, SapQuery

if TYPE_CHECKING:
    from collections.abc import Callable

    from nwip.directory.records import Change

LOOPBACK = "127.0.0.1"
PARAMETERS = Parameters(domain="sockets.test")
PATIENCE = 5.0


def new_server(**options: object) -> DssServer:
    limits = options.get("limits", Limits())
    assert isinstance(limits, Limits)
    return DssServer(
        PARAMETERS, identity=b"D" * 16, boot=b"0" * 16, admit=lambda _: True, name="dss", limits=limits
    )


class Watcher:
    """A listener that wakes whoever waits for a condition."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self._changed = asyncio.Event()

    def parameters_changed(self, parameters: Parameters) -> None:
        self._note(f"parameters of {parameters.domain}")

    def directory_changed(self, changes: list[Change]) -> None:
        self._note(f"{len(changes)} changes")

    def session_opened(self, server: Endpoint) -> None:
        self._note("opened")

    def session_closed(self, reason: str) -> None:
        self._note(f"closed: {reason}")

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def _note(self, text: str) -> None:
        self.happened.append(text)
        self._changed.set()


class Running:
    """A client and its task."""

    def __init__(self, number: int, *servers: Endpoint, local: str | None = None, boot: bytes = b"") -> None:
        self.watcher = Watcher()
        self.client = DssClient(
            "sockets.test",
            bytes([number]) * 16,
            f"node{number}",
            servers,
            boot=boot or bytes([number]) * 16,
            listener=self.watcher,
            random=random.Random(number),  # noqa: S311 - a test is to be repeatable
            local_address=local,
        )
        self.client.offer(Node(b"\x7e\x06\0\0\0" + bytes([number]), f"node{number}", [(LOOPBACK, number)]))
        self.client.offer(Service(4, f"S{number}", 1, bytes(6), 0x451, 0))
        self.task = asyncio.ensure_future(self.client.run())

    async def holds(self, count: int) -> None:
        await self.watcher.until(lambda: len(self.client.directory) == count)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.mark.asyncio
async def test_two_nodes_share_a_dss_that_dies_and_comes_back_on_the_same_port() -> None:
    server = new_server()
    await server.start([(LOOPBACK, 0)])
    at = server.endpoints[0]
    a, b = Running(1, at), Running(2, at)
    await a.holds(4)
    await b.holds(4)
    assert a.client.connected == at
    assert a.client.parameters == PARAMETERS

    await server.close()
    await a.watcher.until(lambda: a.client.connected is None)
    await b.watcher.until(lambda: b.client.connected is None)
    a.client.offer(Service(4, "MEANWHILE", 1, bytes(6), 0x451, 0))
    assert len(b.client.directory) == 4

    server = new_server()
    await server.start([at])
    async with asyncio.timeout(2.0):
        await a.holds(5)
        await b.holds(5)
    assert len(server.directory) == 5

    await a.client.stop()
    await asyncio.wait_for(a.task, PATIENCE)
    await b.holds(2)
    await b.end()
    await server.close()
    await server.close()


@pytest.mark.asyncio
async def test_a_client_goes_to_the_next_server_and_comes_from_its_local_address() -> None:
    server = new_server()
    await server.start([(LOOPBACK, 0)])
    with socket.socket() as taken:  # bound but not listening: refuses connections
        taken.bind((LOOPBACK, 0))
        running = Running(1, taken.getsockname()[:2], server.endpoints[0], local="127.0.0.2")
        await running.holds(2)
    assert running.watcher.happened[0].endswith("cannot be reached: connection refused")
    assert {session.peer for session in server.engine._sessions} == {"127.0.0.2"}
    await running.end()
    await server.close()


@pytest.mark.asyncio
async def test_a_client_that_is_cancelled_and_stopped_still_says_goodbye() -> None:
    server = new_server()
    await server.start([(LOOPBACK, 0)])
    gone, stays = Running(1, server.endpoints[0]), Running(2, server.endpoints[0])
    await stays.holds(4)
    await gone.holds(4)
    gone.task.cancel()
    await gone.client.stop()
    await stays.holds(2)
    await stays.end()
    await server.close()


@pytest.mark.asyncio
async def test_a_copied_identity_is_an_alarm_and_the_older_node_does_not_fight_for_it() -> None:
    server = new_server()
    await server.start([(LOOPBACK, 0)])
    older = Running(1, server.endpoints[0])
    await older.holds(2)
    copy = Running(1, server.endpoints[0], boot=b"copy" * 4)
    await older.watcher.until(lambda: older.client.connected is None)
    await copy.holds(2)
    assert "same identity" in older.watcher.happened[-1]
    assert older.client._pause() == PARAMETERS.lease
    assert len(server.alarms) == 1
    assert copy.client.connected == server.endpoints[0]
    await older.end()
    await copy.end()
    await server.close()


@pytest.mark.asyncio
async def test_a_large_domain_is_read_whole_while_others_have_their_turn() -> None:
    server = new_server()
    await server.start([(LOOPBACK, 0)])
    running = Running(1, server.endpoints[0])
    for number in range(3000):
        running.client.offer(Service(4, f"LARGE{number}", 1, bytes(6), 0x451, 0))
    await running.holds(3002)
    domain = await read_domain(server.endpoints[0], timeout=PATIENCE)
    assert len(domain.readings) == 3002
    assert domain.parameters == PARAMETERS
    assert domain.dss_name == "dss"
    reading = domain.readings[0]
    assert reading.owner_name == "node1"
    assert reading.record.key[0] == Kind.SERVICE
    assert 0 <= reading.age < PATIENCE
    assert reading.age + reading.left == pytest.approx(PARAMETERS.lease)
    await running.end()
    await server.close()


@pytest.mark.asyncio
async def test_the_reader_says_in_one_sentence_why_it_cannot_read() -> None:
    server = new_server()
    await server.start([(LOOPBACK, 0)])
    with pytest.raises(DssRefused, match=r"this is the domain sockets\.test"):
        await read_domain(server.endpoints[0], "other.test")
    at = server.endpoints[0]
    await server.close()
    with pytest.raises(DssUnreachable, match="cannot be reached"):
        await read_domain(at)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, LOOPBACK, 0) as other:
        with pytest.raises(DssUnreachable, match="no answer within"):
            await read_domain(other.sockets[0].getsockname(), timeout=0.05)


@pytest.mark.asyncio
async def test_strangers_are_told_why_and_cut_off() -> None:
    server = new_server(limits=Limits(first_message=0.05))
    await server.start([(LOOPBACK, 0)])
    for sent, reason in ((b"GET / HTTP/1.1\r\n\r\n" * 1000, Reason.MALFORMED), (b"", Reason.LATE)):
        reader, writer = await asyncio.open_connection(*server.endpoints[0])
        writer.write(sent)
        data = await asyncio.wait_for(reader.read(), PATIENCE)
        (octets,) = Splitter().feed(data)
        message = decode(octets)
        assert isinstance(message, Refused)
        assert message.reason == reason
        writer.close()
        await writer.wait_closed()
    await server.close()


@pytest.mark.asyncio
async def test_a_question_on_udp_is_answered_from_the_address_that_was_asked() -> None:
    server = new_server()
    await server.start([(LOOPBACK, 0)], [(LOOPBACK, 0), ("127.0.0.2", 0)])
    running = Running(1, server.endpoints[0])
    await running.holds(2)
    query = SapQuery(SapOperation.NEAREST_QUERY, 4).encode()
    request = Packet(Address(0, b"\xff" * 6, 0x452), Address(0, b"myself", 0x4000), 0, query).encode()
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.setblocking(False)
        asker.bind((LOOPBACK, 0))
        for at in server.question_endpoints:
            await loop.sock_sendto(asker, b"noise", at)
            await loop.sock_sendto(asker, request, at)
            data, source = await asyncio.wait_for(loop.sock_recvfrom(asker, 2048), PATIENCE)
            answer = Packet.decode(data)
            assert source == at
            assert answer.source.node == b"\x7e\x01" + socket.inet_aton(at[0])
            assert answer.source.network == PARAMETERS.network
            assert answer.payload[4:6] == b"S1"
    await running.end()
    await server.close()


@pytest.mark.asyncio
async def test_an_address_that_is_taken_leaves_nothing_open() -> None:
    first, second = new_server(), new_server()
    await first.start([(LOOPBACK, 0)], [(LOOPBACK, 0)])
    with pytest.raises(OSError, match="in use"):
        await second.start([(LOOPBACK, 0)], first.question_endpoints)
    with pytest.raises(DssUnreachable):
        await read_domain(second.endpoints[0])
    await first.close()


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.asyncio
async def test_questions_of_one_source_are_bounded_but_for_those_that_are_trusted(trusted: bool) -> None:
    def answer(data: bytes, _source: Endpoint) -> None:
        asked.append(data)

    server = DssServer(
        PARAMETERS, identity=b"D" * 16, boot=b"0" * 16, admit=lambda _: True, trust=lambda _: trusted
    )
    await server.start([(LOOPBACK, 0)], [(LOOPBACK, 0)])
    asked: list[bytes] = []
    server.answer_nearest = answer
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.setblocking(False)
        for _ in range(250):
            await loop.sock_sendto(asker, b"question", server.question_endpoints[0])
        async with asyncio.timeout(PATIENCE):
            while len(asked) + server.drops["too many questions"] < 250:
                await asyncio.sleep(0)
    assert len(asked) == 250 if trusted else 200 <= len(asked) <= 215
    await server.close()
