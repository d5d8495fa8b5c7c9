"""What `nwip sap advertise` does: holds a socket and a service of the node here until it is stopped."""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from nwip.cli.failures import INTERRUPTED
from nwip.cli.tables import SCHEMA, say
from nwip.cli.text import printable
from nwip.socket import IpxSocket, open_socket


def run(name: str, service_type: int, number: int, control: Path, *, as_json: bool) -> int:
    """Advertise a service until Ctrl-C or SIGTERM; return the exit code: 130 or 0.

    Raises `NodeUnreachable` or `NodeRefused`.
    """
    return asyncio.run(_advertise(name, service_type, number, control, as_json=as_json))


async def _advertise(name: str, service_type: int, number: int, control: Path, *, as_json: bool) -> int:
    async with _until_stopped() as stopped, open_socket(number, control=control) as sock:
        await sock.advertise(service_type, name)
        facts = {"name": name, "type": service_type, "address": str(sock.address)}
        if as_json:
            say(json.dumps({"schema": SCHEMA, "advertised": facts}))
        else:
            what = printable(f"{name} (type {service_type:04X})")
            say(f"{what} is advertised at {sock.address}; Ctrl-C withdraws it")
        showing = asyncio.ensure_future(_show(sock, as_json=as_json))
        await asyncio.wait((showing, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not stopped.done():
            showing.result()  # the node has gone: says so
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
    if not as_json:
        say(printable(f"{name} is withdrawn"))
    return stopped.result()


async def _show(sock: IpxSocket, *, as_json: bool) -> None:
    async for packet in sock:
        if as_json:
            facts = {"from": str(packet.source), "type": packet.packet_type, "octets": packet.payload.hex()}
            say(json.dumps({"schema": SCHEMA, "packet": facts}))
        else:
            say(f"{len(packet.payload)} octets of type {packet.packet_type} from {packet.source}")


@contextlib.asynccontextmanager
async def _until_stopped() -> AsyncIterator[asyncio.Future[int]]:
    """Give a future that has the exit code after Ctrl-C (130) or SIGTERM (0)."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()

    def stop(code: int) -> None:
        if not stopped.done():
            stopped.set_result(code)

    signals = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: 0}
    for number, code in signals.items():
        loop.add_signal_handler(number, stop, code)
    try:
        yield stopped
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
