"""Asks a DSS for its Hello: whether it is there, and which domain it serves."""

import asyncio
import contextlib
import os

from nwip.directory.records import Endpoint
from nwip.dss.conversation import CONNECT_LIMIT
from nwip.dss.courtesy import SLICE
from nwip.dss.framing import Splitter, frame
from nwip.dss.messages import VERSION, Hello, Refused, decode, encode
from nwip.wire import WireError


async def probe(server: Endpoint, domain: str = "", limit: float = CONNECT_LIMIT) -> Hello | Refused | None:
    """Return what a DSS answers to a reader's Hello; None when there is none within `limit` seconds.

    `domain` empty asks for whichever is served.
    """
    hello = Hello(VERSION, domain, os.urandom(16), os.urandom(16), "reader", "probe")
    with contextlib.suppress(OSError, TimeoutError, WireError):
        async with asyncio.timeout(limit):
            reader, writer = await asyncio.open_connection(*server)
            try:
                writer.write(frame(encode(hello)))
                splitter = Splitter()
                while data := await reader.read(SLICE):
                    for octets in splitter.feed(data):
                        message = decode(octets)
                        return message if isinstance(message, Hello | Refused) else None
            finally:
                writer.transport.abort()
    return None
