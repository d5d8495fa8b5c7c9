"""Hosts of the test's own: network namespaces joined by a veth pair, and sockets opened inside them."""

import contextlib
import ctypes
import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

CLONE_NEWNET: Final = 0x40000000  # setns(2)

_numbers = itertools.count()


def ip(*arguments: str) -> None:
    """Run one `ip` command."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=10)


@contextlib.contextmanager
def two_hosts(left: str, right: str, mtu: int = 1500) -> Iterator[tuple[str, str]]:
    """Give two namespaces whose interfaces `eth0` are one cable, with these addresses (with mask length)."""
    names = [f"nwip-{os.getpid()}-{next(_numbers)}" for _ in range(2)]
    try:
        for name in names:
            ip("netns", "add", name)
        ip("-n", names[0], "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for name, address in zip(names, (left, right), strict=True):
            ip("-n", name, "address", "add", address, "brd", "+", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "mtu", str(mtu), "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield names[0], names[1]
    finally:
        for name in names:
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "delete", name)


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Let the body open its sockets in a namespace; they stay there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as here, Path(f"/run/netns/{name}").open() as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(here.fileno(), CLONE_NEWNET)
