"""Listens for sessions: at a socket that was passed to this process, else at one of its own."""

import asyncio
import socket
from collections.abc import Callable

from nwip.dataplane.passed import PassedSockets
from nwip.directory.records import Endpoint
from nwip.dss.courtesy import SLICE

Accept = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


async def listening(accept: Accept, at: Endpoint, backlog: int, passed: PassedSockets) -> asyncio.Server:
    """Take connections at an address (TCP). Raises `OSError` when it cannot be had."""
    sock = passed.lend(socket.SOCK_STREAM, at)
    if sock is not None:
        return await asyncio.start_server(accept, sock=sock, backlog=backlog, limit=SLICE)
    return await asyncio.start_server(accept, *at, backlog=backlog, limit=SLICE)
