"""A demonstration that is told to end leaves nothing running."""

import asyncio
import signal
import sys

import psutil
import pytest

pytestmark = pytest.mark.asyncio


async def test_no_node_of_the_demonstration_outlives_a_sigterm() -> None:
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nwip", "demo", "--keep"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert demo.stdout is not None
    try:
        async with asyncio.timeout(20):
            while b"found the DSS" not in await demo.stdout.readline():
                pass
            nodes = psutil.Process(demo.pid).children()
            demo.send_signal(signal.SIGTERM)
            await demo.communicate()
        assert demo.returncode == 130
        assert len(nodes) == 3
        assert not [node for node in nodes if node.is_running()]
    finally:
        if demo.returncode is None:
            demo.kill()
            await demo.wait()
