"""Sessions of port 396 whose other end is there but takes nothing, or is refused again and again."""

import asyncio
import random
import socket

import pytest

from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Endpoint, Host, Record, Service
from nwip.dss.client import DssClient
from nwip.dss.client_engine import ClientEngine
from nwip.dss.conversation import converse
from nwip.dss.framing import frame
from nwip.dss.messages import DomainParameters, Hello, Subscribe, encode
from nwip.dss.server import DssServer

pytestmark = pytest.mark.asyncio

LOOPBACK = "127.0.0.1"
PARAMETERS = Parameters(domain="stuck.test", lease=1.0, renewal=0.2)
RECORDS = 100_000  # more than the buffers of kernel and program hold


def new_server() -> DssServer:
    return DssServer(PARAMETERS, identity=b"D" * 16, boot=b"0" * 16, admit=lambda _: True)


def services(count: int) -> list[Service]:
    return [Service(4, f"{number:047d}", 1, b"\0\0\0\0\0\1", 0x0451, 1) for number in range(count)]


def greeting(role: str = "reader") -> bytes:
    hello = Hello(1, "stuck.test", b"R" * 16, b"B" * 16, "dss" if role == "dss" else "reader", "deaf")
    return frame(encode(hello))


async def test_a_peer_that_takes_nothing_loses_its_session() -> None:
    server = new_server()
    await server.start([(LOOPBACK, 0)])
    for number, service in enumerate(services(RECORDS)):
        server.directory.merge(Record(b"O" * 16, 1, number, service), asyncio.get_running_loop().time())
    server.directory.freeze(0.0)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(server.endpoints[0])
        deaf.sendall(greeting() + frame(encode(Subscribe([1, 2, 3, 4]))))
        async with asyncio.timeout(5):
            while not server.sessions:
                await asyncio.sleep(0)
            while server.sessions:
                await asyncio.sleep(0.02)
    await server.close()


async def test_a_dss_that_takes_nothing_is_left() -> None:
    async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(greeting("dss") + frame(encode(DomainParameters(PARAMETERS))))
        transports.append(writer.transport)

    transports: list[asyncio.WriteTransport] = []

    server = await asyncio.start_server(deaf, LOOPBACK, 0, limit=1024)
    engine = ClientEngine("stuck.test", b"N" * 16, "node", boot=b"b" * 16, kinds=())
    for service in services(RECORDS):
        engine.offer(service)
    at: Endpoint = server.sockets[0].getsockname()[:2]
    async with server, asyncio.timeout(8):
        reason = await converse(engine, at, None, lambda *_: None, asyncio.Event())
    assert reason == "the dss does not answer"
    assert len(transports) == 1
    transports[0].abort()


class Counting:
    """A listener that counts the sessions."""

    def __init__(self) -> None:
        self.opened = 0
        self.closed = asyncio.Event()

    def parameters_changed(self, parameters: Parameters) -> None: ...

    def directory_changed(self, changes: list[Change]) -> None: ...

    def session_opened(self, server: Endpoint) -> None:
        self.opened += 1

    def session_closed(self, reason: str) -> None:
        self.closed.set()


async def test_a_node_whose_records_are_refused_does_not_hammer_the_dss() -> None:
    server = new_server()
    await server.start([(LOOPBACK, 0)])
    heard = Counting()
    client = DssClient(
        "stuck.test",
        b"N" * 16,
        "node",
        server.endpoints,
        boot=b"b" * 16,
        listener=heard,
        random=random.Random(1),  # noqa: S311 - spreads reconnections, keeps no secret
    )
    client.offer(Host(b"\2" * 6, 2**63))  # more than the protocol's counters hold
    running = asyncio.ensure_future(client.run())
    async with asyncio.timeout(5):
        await heard.closed.wait()
    assert client._pause() == PARAMETERS.lease
    assert heard.opened == 1
    await client.stop()
    await running
    await server.close()
