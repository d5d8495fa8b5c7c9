"""A service that sends back what it gets, announced by SAP; and its client, which finds the nearest.

    python examples/echo.py serve ECHO-WEST
    python examples/echo.py ask "is anybody there?"

Any program may use a service type that nobody else uses; this one is 9EC0.
"""
# ruff: noqa: INP001, T201 - a program of its own, which prints

import asyncio
import sys
import time

import nwip

ECHO = 0x9EC0


async def serve(name: str) -> None:
    """Answer until Ctrl-C; the service goes with the socket."""
    async with nwip.open_socket() as sock:
        await sock.advertise(ECHO, name)
        print(f"{name} answers at {sock.address}", flush=True)
        async for packet in sock:
            await sock.send(packet.payload, packet.source, packet.packet_type)


async def ask(text: str) -> None:
    """Send a text to the nearest service, and print what comes back and how long that took."""
    async with nwip.open_socket() as sock:
        found = await sock.find(ECHO)
        if not found:
            sys.exit("nobody offers an echo")
        nearest = found[0]
        sent = time.monotonic()
        await sock.send(text.encode(), nearest.address)
        try:
            packet = await sock.receive(timeout=2)
        except TimeoutError:
            sys.exit(f"{nearest.name} at {nearest.address} does not answer")
        milliseconds = (time.monotonic() - sent) * 1000
        print(f"{nearest.name}, {nearest.ticks} ticks away, in {milliseconds:.1f} ms: {packet.payload!r}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", name]:
            work = serve(name)
        case ["ask", text]:
            work = ask(text)
        case _:
            sys.exit("usage: echo.py serve NAME | ask TEXT")
    try:
        asyncio.run(work)
    except (nwip.NodeUnreachable, nwip.NodeRefused, nwip.WireError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
