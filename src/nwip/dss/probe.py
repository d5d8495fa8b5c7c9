"""Asks a DSS for its Hello: whether it is there, and which domain it serves."""

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

from nwip.directory.records import Endpoint
from nwip.dss.connecting import NotSealedError, connect
from nwip.dss.conversation import CONNECT_LIMIT
from nwip.dss.courtesy import SLICE
from nwip.dss.framing import Splitter, frame
from nwip.dss.messages import VERSION, Hello, Refused, decode, encode
from nwip.wire import WireError

if TYPE_CHECKING:
    from nwip.security.membership import Membership


async def probe(
    server: Endpoint,
    domain: str = "",
    limit: float = CONNECT_LIMIT,
    membership: "Membership | None" = None,
) -> Hello | Refused | None:
    """Return what a DSS answers to a reader's Hello; None when there is none within `limit` seconds.

    `domain` empty asks for whichever is served; `membership` asks sealed, as a member.
    """
    seal = None
    identity = os.urandom(16)
    if membership is not None:
        from nwip.dss.introduction import member_seal  # noqa: PLC0415 - plain domains need no ciphers

        seal, identity = member_seal(membership), membership.identity
    hello = Hello(VERSION, domain, identity, os.urandom(16), "reader", "probe")
    with contextlib.suppress(OSError, TimeoutError, WireError):
        async with asyncio.timeout(limit):
            try:
                reader, writer, proven = await connect(server, None, seal)
            except NotSealedError as error:
                return error.refusal
            try:
                writer.write(frame(encode(hello)))
                splitter = Splitter()
                while data := await reader.read(SLICE):
                    for octets in splitter.feed(data):
                        return _first(octets, proven)
            finally:
                writer.transport.abort()
    return None


def _first(octets: bytes, proven: bytes) -> Hello | Refused | None:
    message = decode(octets)
    if isinstance(message, Hello) and proven and message.identity != proven:
        return None
    return message if isinstance(message, Hello | Refused) else None
