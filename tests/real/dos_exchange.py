"""What the DOS program `tests/dos/exchange.asm` says, and both its roles for a host of the test's own."""

import asyncio
import struct
from typing import Final

from real.ipx_octets import At, Heard
from real.lan_host import LanHost

EXCHANGE: Final = 0x5678  # the socket
FORM: Final = struct.Struct("<4sBxHH")  # magic, kind, number, answered number
QUERY, HERE, DATA, ECHO = b"QHDE"
FILLING: Final = 236  # words that repeat the number
PATIENCE: Final = 0.5  # seconds until something is sent again


def packet(kind: int, number: int, answered: int) -> bytes:
    """Make the payload of a packet."""
    return FORM.pack(b"NWIP", kind, number, answered) + number.to_bytes(2, "little") * FILLING


async def answer(host: LanHost) -> None:
    """Be the other side of `exchange a`, as `exchange b` is, until cancelled."""
    arrivals = host.open(EXCHANGE)
    while True:
        heard = await arrivals.get()
        _, kind, number, _ = FORM.unpack_from(heard.payload)
        if kind == QUERY:
            _send(host, heard.source, packet(HERE, 0, 0), heard.mac)
        elif kind == DATA and heard.payload == packet(DATA, number, 0):
            _send(host, heard.source, packet(ECHO, number, number), heard.mac)


async def exchange(host: LanHost, to: At, count: int) -> At:
    """Be the other side of `exchange b`, as `exchange a` is: find it at `to`, and exchange packets with it.

    Returns who has answered; each answer must be right. Raises `TimeoutError` after a minute.
    """
    async with asyncio.timeout(60):
        here = await _asked(host, to, packet(QUERY, 0, 0), HERE)
        for number in range(1, count + 1):
            echo = await _asked(host, here.source, packet(DATA, number, 0), ECHO, here.mac)
            assert echo.payload == packet(ECHO, number, number)
    return here.source


async def _asked(host: LanHost, to: At, payload: bytes, wanted: int, mac: bytes | None = None) -> Heard:
    """Send a packet until one of the wanted kind comes, that answers its number."""
    arrivals = host.open(EXCHANGE)
    while True:
        _send(host, to, payload, mac)
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    heard = await arrivals.get()
                    _, kind, _, answered = FORM.unpack_from(heard.payload)
                    if kind == wanted and answered == FORM.unpack_from(payload)[2]:
                        return heard
        except TimeoutError:
            continue


def _send(host: LanHost, to: At, payload: bytes, mac: bytes | None) -> None:
    host.send(to, EXCHANGE, payload, source_socket=EXCHANGE, mac=mac)
