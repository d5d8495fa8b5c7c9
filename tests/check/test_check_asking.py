"""Real sockets of the loopback interface are asked what they speak."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nwip.check.asking import Way, ask
from nwip.check.findings import Heard, State
from nwip.check.recognising import ncp_reply
from nwip.directory.parameters import Parameters
from nwip.discovery.nearest import answer
from nwip.ipx.ncp import NcpPacket, NcpType

pytestmark = pytest.mark.asyncio

QUICK = Way(0.3)
PATIENT = Way(3.0)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def asked(serve: Serve, way: Way = QUICK) -> Heard:
    async with serving(serve) as port:
        return await ask("127.0.0.1", port, "tcp", way)


async def test_who_speaks_first_is_known_by_his_banner() -> None:
    async def ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        await reader.read()

    heard = await asked(ssh)
    assert heard.spoken is not None
    assert heard.spoken.text == "SSH"


async def test_a_banner_that_is_not_known_is_told() -> None:
    async def greeter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"what is your name?\n")
        await reader.read()

    assert await asked(greeter) == Heard(State.OPEN, said="what is your name?")


async def test_a_mute_port_and_one_that_hangs_up_are_open_and_nothing_more() -> None:
    async def mute(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def rude(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        return

    assert await asked(mute) == await asked(rude) == Heard(State.OPEN)


@pytest.fixture(name="certified")
def a_certified_server(tmp_path: Path) -> ssl.SSLContext:
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert"), "-subj", "/CN=x"]
    subprocess.run([*made, *files], check=True, capture_output=True, timeout=30)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    return context


@pytest.mark.real("openssl")
async def test_tls_is_known(certified: ssl.SSLContext) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent, certified) as port:
        heard = await ask("127.0.0.1", port, "tcp", PATIENT)
    assert heard.spoken is not None
    assert heard.spoken.text == "TLS"


async def test_an_ncp_server_is_known_and_keeps_no_connection() -> None:
    connections: set[int] = set()
    gone = asyncio.Event()

    async def netware(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (head := await reader.read(4)) == b"DmdT":
            size = int.from_bytes(await reader.readexactly(4), "big")
            request = NcpPacket.decode((await reader.readexactly(size - 8))[8:])
            if request.ncp_type == NcpType.CREATE_CONNECTION:
                connections.add(77)
            else:
                assert request.ncp_type == NcpType.DESTROY_CONNECTION
                connections.remove(request.connection)
                gone.set()
            reply = NcpPacket(NcpType.REPLY, request.sequence, 77, 0, 0, 0).encode()
            message = b"tNcP" + (8 + len(reply)).to_bytes(4, "big") + reply
            assert ncp_reply(message) is not None
            writer.write(message)
        assert head != b"DmdT"

    heard = await asked(netware, PATIENT)
    assert heard.spoken is not None
    assert heard.spoken.text == "NCP: NetWare over TCP/IP"
    async with asyncio.timeout(10):
        await gone.wait()
    assert connections == set()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_where_nobody_listens_a_port_is_closed(transport: str) -> None:
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    assert (await ask("127.0.0.1", port, transport, QUICK)).state == State.CLOSED


async def test_a_silent_udp_port_is_open_or_filtered_and_was_asked_twice() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        assert await ask("127.0.0.1", sock.getsockname()[1], "udp", Way(0.05)) == Heard(State.SILENT)
        assert sock.recv(2000) == sock.recv(2000)
        with pytest.raises(BlockingIOError):
            sock.recv(2000)


async def test_odd_answers_on_udp_are_told_and_do_not_end_the_wait_for_a_better_one() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        asking = asyncio.ensure_future(ask("127.0.0.1", sock.getsockname()[1], "udp", Way(0.2)))
        for _ in range(2):
            _, asker = await loop.sock_recvfrom(sock, 2000)
            sock.sendto(b"who is there?", asker)
        assert await asking == Heard(State.OPEN, said="who is there?")
        asking = asyncio.ensure_future(ask("127.0.0.1", sock.getsockname()[1], "udp", PATIENT))
        question, asker = await loop.sock_recvfrom(sock, 2000)
        better = answer(question, ("10.0.0.1", 396), Parameters(domain="games.test", network=1))
        assert better is not None
        sock.sendto(b"who is there?", asker)
        sock.sendto(better, asker)
        spoken = (await asking).spoken
        assert spoken is not None
        assert "games.test" in spoken.text


async def test_an_address_to_which_there_is_no_way_is_filtered() -> None:
    for transport in ("tcp", "udp"):
        heard = await ask("255.255.255.255", 396, transport, Way(0.1))
        assert heard.state == State.FILTERED
        assert heard.said
