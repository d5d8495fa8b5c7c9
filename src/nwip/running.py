"""Runs a node as a program: takes what it was passed, gives away what it need not have, heeds signals."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

from nwip import activation
from nwip.banner import Facts
from nwip.collector import Collector
from nwip.complaints import Complaints
from nwip.config import Config
from nwip.dataplane.passed import PassedSockets
from nwip.dataplane.waiting import new_loop
from nwip.node import RunningNode
from nwip.notify import ServiceManager


def run(config: Config, echo: Callable[[str], None], announce: Callable[[Facts], None]) -> int:
    """Run a node until it is told to stop; return the exit code: 0 after SIGTERM, 130 after Ctrl-C.

    `echo` gets sentences for people while it starts; `announce` what there is to know when it is ready.
    Raises `ConfigError` when an address or port cannot be had.
    """
    passed = activation.passed_sockets(os.environ, os.getpid())
    if config.node.user is not None:
        from nwip import prebinding  # noqa: PLC0415 - what it imports is there on UNIX only

        config = prebinding.settle(config, passed)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(_run(config, echo, announce, passed))


async def _run(
    config: Config, echo: Callable[[str], None], announce: Callable[[Facts], None], passed: PassedSockets
) -> int:
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()

    def stop(code: int) -> None:
        if not stopped.done():
            stopped.set_result(code)

    manager = ServiceManager.of(os.environ, os.getpid())

    def announced(found: Facts) -> None:
        manager.ready(f"node {found['node']} of the domain {found['domain']}, data on UDP {found['data']}")
        announce(found)

    node = RunningNode(config, echo, announced, passed)
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 0)):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop, code)
    with contextlib.suppress(NotImplementedError, AttributeError):  # Windows has no such signal
        loop.add_signal_handler(signal.SIGHUP, node.reload_soon)
    loop.set_exception_handler(Complaints(loop.time))
    collector = Collector()
    collector.start()
    try:
        await node.start()
        if node.dss is None:  # others can wait for us no longer than we may wait for a DSS
            manager.ready("waiting for a DSS of the domain")
        node.failed.add_done_callback(lambda _: stop(1))
        code = await stopped
        if node.failed.done():
            node.failed.result()
        return code
    finally:
        manager.stopping()
        await node.stop()
        collector.stop()
        passed.close()
