"""The HTTP server under the rooms: addresses, certificates, start and stop."""

import asyncio
import contextlib
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from links.dosbox.switch import Switch
from links.websocket.browser import Browser, JsDos
from links.websocket.room import at, link_of, room
from nwip.links.websocket import Tls, WebSocketServers


@pytest.mark.asyncio
async def test_the_web_page_says_what_this_is_and_the_rest_is_not_found() -> None:
    async with room() as (link, _):
        for path, status, text in (("/", 200, "js-dos"), ("/ipx/doom", 404, "not found"), ("/x", 404, "")):
            reader, writer = await asyncio.open_connection(*at(link))
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            async with asyncio.timeout(5):
                answer = (await reader.read()).decode()
            assert answer.startswith(f"HTTP/1.1 {status} ")
            assert text in answer
            writer.close()


@pytest.mark.asyncio
async def test_a_closed_link_closes_its_connections_and_its_address() -> None:
    link = link_of()
    switch = Switch()
    await link.open(switch)
    server = at(link)
    async with Browser(server) as browser:
        player = await JsDos(browser).register()
        await link.close()
        closed = await browser.closed()
        assert (closed.code, closed.reason) == (1001, "the gateway closes this room")
        link.send(bytes(30), player.address.node)
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection(*server)
    await link.open(switch)  # a link can be opened again
    async with Browser(at(link)) as browser:
        await JsDos(browser).register()
    await link.close()
    await link.close()


@pytest.mark.asyncio
async def test_an_address_that_cannot_be_had_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            async with room(listen=[("127.0.0.1", 0), taken.getsockname()]):
                pass


@pytest.mark.asyncio
async def test_one_room_is_one_link() -> None:
    servers = WebSocketServers()
    async with room("doom", servers) as (link, _):
        with pytest.raises(OSError, match='has a room "doom" already'):
            async with room("doom", servers, listen=link.endpoints):
                pass
        tls = Tls(Path("certificate.pem"), Path("key.pem"))
        with pytest.raises(OSError, match="with another certificate"):
            async with room("descent", servers, listen=link.endpoints, tls=tls):
                pass
        async with Browser(at(link)) as browser:
            await JsDos(browser).register()


@pytest.mark.asyncio
async def test_who_connects_and_asks_for_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nwip.links.websocket.server.REQUEST_TIME", 0.05)
    async with room() as (link, _), Browser(at(link)) as browser:
        for request in (b"", b"GET / HTTP/1.1\r\nHost:"):
            reader, writer = await asyncio.open_connection(*at(link))
            writer.write(request)
            with contextlib.suppress(ConnectionResetError):
                async with asyncio.timeout(5):
                    assert await reader.read() == b""
            writer.close()
        await JsDos(browser).register()  # it has asked, and is not closed


@pytest.mark.parametrize("bound", ["CONNECTION_LIMIT", "CONNECTIONS_OF_ONE"])
@pytest.mark.asyncio
async def test_there_is_a_bound_to_connections(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"nwip.links.websocket.server.{bound}", 2)
    async with room() as (link, _), Browser(at(link)) as one, Browser(at(link)) as two:
        reader, writer = await asyncio.open_connection(*at(link))
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(5):
                assert await reader.read() == b""
        writer.close()
        for browser in (one, two):
            await JsDos(browser).register()


@pytest.mark.asyncio
async def test_signals_stay_with_the_node() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with room():
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.asyncio
async def test_it_says_where_js_dos_connects_to() -> None:
    async with room() as (link, _):
        _, port = at(link)
        assert link.describe() == {
            "listens on": f"TCP 127.0.0.1:{port}",
            "clients": "0 of 256",
            "in js-dos, connect to": f"ws://127.0.0.1:{port}/ipx/doom",
        }


@pytest.mark.asyncio
async def test_a_certificate_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        async with room(tls=Tls(tmp_path / "none.pem", tmp_path / "none.key")):
            pass
    (tmp_path / "rubbish.pem").write_text("rubbish")
    with pytest.raises(ssl.SSLError):
        async with room(tls=Tls(tmp_path / "rubbish.pem", tmp_path / "rubbish.pem")):
            pass


def test_a_link_that_is_not_opened_imports_no_server() -> None:
    code = "import sys, nwip.links.websocket; print('uvicorn' in sys.modules, 'starlette' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert result.stdout.strip() == "False False"
