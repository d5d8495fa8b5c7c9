"""A network namespace with cables in it, where a LAN can be measured that is none of this machine's.

Takes root. Source: network_namespaces(7), ip-netns(8), veth(4).
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from nwip.bench.error import BenchError

CLONE_NEWNET: Final = 0x40000000  # setns(2)


@contextmanager
def namespace(*cables: tuple[str, str]) -> Iterator[str]:
    """Make a namespace with pairs of interfaces, each a cable, until the block ends; return its name."""
    name = f"nwip-bench-{os.getpid()}"
    try:
        _ip("netns", "add", name)
        _ip("-n", name, "link", "set", "lo", "up")
        for one, other in cables:
            _ip("-n", name, "link", "add", one, "type", "veth", "peer", "name", other)
            for end in (one, other):
                _ip("-n", name, "link", "set", end, "addrgenmode", "none")
                _ip("-n", name, "link", "set", end, "up")
        yield name
    finally:
        with suppress(BenchError):
            _ip("netns", "delete", name)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Let the block open its sockets and start its processes in a namespace; they stay there."""
    library = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open("rb") as here, Path(f"/run/netns/{name}").open("rb") as there:
        if library.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise BenchError(f"the network namespace cannot be entered: {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            library.setns(here.fileno(), CLONE_NEWNET)


def _ip(*arguments: str) -> None:
    try:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.SubprocessError) as error:
        raise BenchError(f"a network namespace takes root and 'ip': {error}") from None
