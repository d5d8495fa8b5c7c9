"""Runs the page: its sockets, the server, and the watching beside it."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import uvicorn

from nwip.config import WebSettings
from nwip.control import ask
from nwip.directory.records import Endpoint
from nwip.links.websocket.server import HEADER_LIMIT, STOP_TIME, PunctualHttp, QuietServer
from nwip.metrics import exposition
from nwip.web.application import application
from nwip.web.asking import Asker
from nwip.web.guard import Guard
from nwip.web.watching import Watching

PATIENCE: Final = 5.0  # seconds for an answer of the node
BACKLOG: Final = 64


def run(settings: WebSettings, control: Path, announce: Callable[[Sequence[str]], None]) -> int:
    """Serve until told to stop; return the exit code: 0 after SIGTERM, 130 after Ctrl-C.

    `announce` gets the page's addresses when it can be reached. Raises `OSError` where one cannot be had.
    """
    return asyncio.run(_run(settings, control, announce))


async def _run(settings: WebSettings, control: Path, announce: Callable[[Sequence[str]], None]) -> int:
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()

    def stop(code: int) -> None:
        if not stopped.done():
            stopped.set_result(code)

    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 0)):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop, code)
    asker = Asker(lambda question: ask(control, {"ask": question}, PATIENCE), time.monotonic)
    watching = Watching(asker.look, time.monotonic, time.time() - time.monotonic())
    sockets = _listen([(address, settings.port) for address in settings.listen])
    server = _server(settings, watching)
    watcher = asyncio.create_task(watching.run())
    serving = asyncio.create_task(server.serve(sockets=sockets))
    up = asyncio.create_task(server.up.wait())
    try:
        await asyncio.wait((serving, up), return_when=asyncio.FIRST_COMPLETED)
        announce([_url(sock.getsockname()[:2]) for sock in sockets])
        await asyncio.wait((serving, stopped), return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        return stopped.result()
    finally:
        watching.close()
        server.should_exit = True
        for task in (watcher, up):
            task.cancel()
        await asyncio.gather(serving, watcher, up, return_exceptions=True)


def _server(settings: WebSettings, watching: Watching) -> QuietServer:
    guarded = Guard(
        application(watching, exposition), token=settings.token, names=settings.names, port=settings.port
    )
    config = uvicorn.Config(
        guarded,
        http=PunctualHttp,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=HEADER_LIMIT,
        timeout_graceful_shutdown=STOP_TIME,
    )
    config.load()
    return QuietServer(config)


def _listen(endpoints: Sequence[Endpoint]) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for endpoint in endpoints:
            sock = socket.socket(socket.AF_INET6 if ":" in endpoint[0] else socket.AF_INET)
            sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if sock.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setblocking(False)
            sock.bind(endpoint)
            sock.listen(BACKLOG)
    except OSError as error:
        for sock in sockets:
            sock.close()
        where = f"{endpoint[0]}, TCP port {endpoint[1]}"
        raise OSError(error.errno, f"the page cannot be at {where}: {error.strerror}") from None
    return sockets


def _url(endpoint: Endpoint) -> str:
    host = f"[{endpoint[0]}]" if ":" in endpoint[0] else endpoint[0]
    return f"http://{host}:{endpoint[1]}/"
