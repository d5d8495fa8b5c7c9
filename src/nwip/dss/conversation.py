"""Drives a `ClientEngine` over one TCP connection, on asyncio."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from nwip.dataplane.wakeup import Wakeup
from nwip.directory.records import Endpoint, endpoint_text
from nwip.dss.client_engine import ClientEngine
from nwip.dss.connecting import NotSealedError, Reader, Writer, connect
from nwip.dss.courtesy import SLICE, let_others_run
from nwip.dss.events import Event

if TYPE_CHECKING:
    from nwip.dss.introduction import Seal

CONNECT_LIMIT: Final = 3.0  # seconds

Handler = Callable[[Event, Endpoint], None]


async def converse(
    engine: ClientEngine,
    server: Endpoint,
    local: Endpoint | None,
    handle: Handler,
    changed: asyncio.Event,
    *,
    seal: "Seal | None" = None,
) -> str:
    """Hold one session with a server and return, in one sentence, why it ended.

    `local` is the address to come from, `seal` what a sealed domain needs. Every event of the engine goes to
    `handle`; `changed` is set by whoever gives the engine something to send.
    """
    engine.refusal = None  # that of an earlier server
    try:
        async with asyncio.timeout(CONNECT_LIMIT):
            reader, writer, proven = await connect(server, local, seal)
    except TimeoutError:
        return f"{endpoint_text(server)} does not answer"
    except NotSealedError as error:
        engine.refusal = error.refusal
        return f"{endpoint_text(server)}: {error}"
    except OSError as error:
        return f"{endpoint_text(server)} cannot be reached: {reason_of(error)}"

    def report(events: list[Event]) -> None:
        for event in events:
            handle(event, server)
        changed.set()
        if engine.failure:  # wakes both tasks, even where a server that is gone takes nothing any more
            writer.transport.abort()

    wakeup = Wakeup(engine.next_deadline, lambda now: report(engine.advance(now)))
    engine.connected(wakeup.now(), proven)
    reading = asyncio.ensure_future(_read(engine, reader, wakeup, report))
    writing = asyncio.ensure_future(_write(engine, writer, wakeup, changed))
    try:
        await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
        for task in (reading, writing):
            if task.done():
                task.result()
    finally:
        wakeup.cancel()
        if engine.leaving:  # cancelled before the goodbye was sent
            writer.write(engine.take())
            writer.close()
        else:
            writer.transport.abort()
        engine.disconnected(wakeup.now())
        await end_tasks(reading, writing)
    return engine.failure or f"the connection with {endpoint_text(server)} was lost"


def reason_of(error: OSError) -> str:
    """Return in small words why a connection could not be had."""
    if error.errno is not None and error.errno > 0:  # a name that is not resolved has a negative one
        return os.strerror(error.errno).lower()
    return error.strerror or str(error)


async def end_tasks(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until they have ended; their results, of any type, do not matter any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _read(
    engine: ClientEngine, reader: Reader, wakeup: Wakeup, report: Callable[[list[Event]], None]
) -> None:
    with contextlib.suppress(OSError):
        while not engine.failure and (data := await reader.read(SLICE)):
            report(engine.receive(data, wakeup.now()))
            wakeup.arm()
            await let_others_run()


async def _write(engine: ClientEngine, writer: Writer, wakeup: Wakeup, changed: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while not engine.failure:
            changed.clear()
            while data := engine.take():
                writer.write(data)
                await writer.drain()
                await let_others_run()
            wakeup.arm()
            await changed.wait()
