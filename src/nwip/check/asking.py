"""Asks a port what it speaks, on asyncio: a few questions that leave nothing behind.

What they are, and in which order, stands in `questions`.
"""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Callable
from typing import Final, NamedTuple

from nwip.check.findings import Heard, Spoken, State
from nwip.check.ports import NCP_PORT, usual
from nwip.check.questions import HTTP_HEAD, datagram, dss_hello, ncp_create, ncp_destroy
from nwip.check.recognising import in_datagram, in_stream, line, ncp_reply
from nwip.ipx.numbers import IPX_TUNNEL_PORT

BANNER_WAIT: Final = 0.4  # seconds for a server that speaks first
ANSWER_LIMIT: Final = 4096  # octets of an answer that are read
DATAGRAM_LIMIT: Final = 8  # answers to one question that are looked at
TRIES: Final = 2  # of a datagram: the first may be lost

_NO_ROUTE: Final = frozenset(
    {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM, errno.EADDRNOTAVAIL}
)


class Way(NamedTuple):
    """How to ask: seconds to wait for each answer; whether DOSBox servers may be asked for a place."""

    patience: float = 1.0
    register: bool = False


async def ask(address: str, port: int, transport: str, way: Way) -> Heard:
    """Ask a port of a host; `address` is IPv4 or IPv6. Never raises for what the network does."""
    if transport == "tcp":
        return await _ask_tcp(address, port, way)
    return await _ask_udp(address, port, way)


async def _ask_tcp(address: str, port: int, way: Way) -> Heard:
    said = b""
    for number, question in enumerate(_questions(port)):
        try:
            async with asyncio.timeout(way.patience):
                reader, writer = await asyncio.open_connection(address, port)
        except ConnectionRefusedError:
            return Heard(State.CLOSED) if number == 0 else _unknown(said)
        except (OSError, TimeoutError) as error:
            reason = getattr(error, "strerror", None) or "connections are not answered"
            return Heard(State.FILTERED, said=str(reason).lower()) if number == 0 else _unknown(said)
        try:
            octets, spoken = await _exchange(reader, writer, question(), way, speaks_first=number == 0)
        finally:
            writer.transport.abort()
        if spoken is not None:
            return Heard(State.OPEN, spoken)
        said = said or octets
    return _unknown(said)


def _questions(port: int) -> list[Callable[[], bytes]]:
    """Return what to ask a TCP port, its own question first."""
    own, others = (ncp_create, _hello) if port == NCP_PORT else (_hello, ncp_create)
    return [own, lambda: HTTP_HEAD, _client_hello, others]


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    question: bytes,
    way: Way,
    *,
    speaks_first: bool,
) -> tuple[bytes, Spoken | None]:
    """Return what a port said, before and behind a question, and what that is."""
    heard = bytearray()
    with contextlib.suppress(OSError):
        if speaks_first and await _listen(reader, heard, BANNER_WAIT):
            return bytes(heard), in_stream(bytes(heard))
        writer.write(question)
        if await _listen(reader, heard, way.patience) and (reply := ncp_reply(bytes(heard))) is not None:
            writer.write(ncp_destroy(reply.connection))
            await _listen(reader, bytearray(), way.patience)
    return bytes(heard), in_stream(bytes(heard))


async def _listen(reader: asyncio.StreamReader, heard: bytearray, patience: float) -> bool:
    """Read into `heard` until it can be told what that is, which is the answer, for so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while len(heard) < ANSWER_LIMIT and (data := await reader.read(ANSWER_LIMIT)):
                heard += data
                if in_stream(bytes(heard)) is not None:
                    return True
    return False


async def _ask_udp(address: str, port: int, way: Way) -> Heard:
    nonce = b"\x02" + os.urandom(5)
    questions = [datagram(port, nonce)] * TRIES
    if way.register and usual(port) == IPX_TUNNEL_PORT:
        questions.append(datagram(port, nonce, register=True))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    said: bytes | None = None
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
            for question in questions:
                sock.send(question)
                said, spoken = await _hear(sock, nonce, way.patience, said)
                if spoken is not None:
                    return Heard(State.OPEN, spoken)
        except ConnectionRefusedError:
            return Heard(State.CLOSED)
        except OSError as error:
            if error.errno in _NO_ROUTE:
                return Heard(State.FILTERED, said=(error.strerror or "no way there").lower())
    return Heard(State.SILENT) if said is None else _unknown(said)


async def _hear(
    sock: socket.socket, nonce: bytes, patience: float, said: bytes | None
) -> tuple[bytes | None, Spoken | None]:
    """Return the first answer that came, and what the first that can be told is."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            for _ in range(DATAGRAM_LIMIT):
                octets = await loop.sock_recv(sock, ANSWER_LIMIT)
                said = octets if said is None else said
                spoken = in_datagram(octets, nonce)
                if spoken is not None:
                    return said, spoken
    return said, None


def _hello() -> bytes:
    return dss_hello(os.urandom(16))


def _client_hello() -> bytes:
    """Return what a client of TLS says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is said to whoever answers
    outgoing = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()


def _unknown(said: bytes) -> Heard:
    return Heard(State.OPEN, said=line(said) if said else "")
