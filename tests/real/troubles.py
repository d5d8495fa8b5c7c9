"""What can go wrong on a host, each as a body of `with`: begun at its start, mended at its end."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Final

from real.five_dss import Host, Lab
from real.namespaces import inside

FAKETIME: Final = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)
YEAR: Final = 365 * 86400
STRANGERS: Final = 200  # connections
FILLING: Final = 64 << 20  # octets: more than the small disk has

Trouble = Callable[[Lab, Host, Random], contextlib.AbstractContextManager[None]]


def small_disk(folder: Path) -> None:
    """Put a disk of 16 MiB where a host keeps its state."""
    folder.mkdir(exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "nwip-chaos", str(folder)],
        check=True,
        timeout=10,
    )


def no_disk(folder: Path) -> None:
    """Take it away again, whoever still has files on it."""
    subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True, timeout=10)


def pid_of(host: Host) -> int:
    """Return the process of a host's DSS: `ip netns exec` becomes the program that it starts."""
    assert host.dss is not None
    return host.dss.pid


@contextlib.contextmanager
def partition(lab: Lab, _host: Host, _chance: Random) -> Iterator[None]:
    """Two hosts do not hear the other three."""
    lab.cut(cut=True)
    try:
        yield
    finally:
        lab.cut(cut=False)


@contextlib.contextmanager
def killed(_lab: Lab, host: Host, _chance: Random) -> Iterator[None]:
    """A DSS is killed, and comes back later."""
    host.kill_dss()
    try:
        yield
    finally:
        host.start_dss()


@contextlib.contextmanager
def stopped(_lab: Lab, host: Host, _chance: Random) -> Iterator[None]:
    """A DSS stands still, as on a machine that swaps or a laptop that sleeps, and goes on."""
    os.kill(pid_of(host), signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid_of(host), signal.SIGCONT)


@contextlib.contextmanager
def full_disk(_lab: Lab, host: Host, _chance: Random) -> Iterator[None]:
    """Nothing more can be written in the state directory."""
    filling = host.folder / "filling"
    with filling.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for _ in range(FILLING >> 16):
            file.write(bytes(1 << 16))
    try:
        yield
    finally:
        filling.unlink()


@contextlib.contextmanager
def clock_jump(_lab: Lab, host: Host, chance: Random) -> Iterator[None]:
    """The time of day of a host is years off, before or behind; later it is right again."""
    clock = host.folder / "clock"
    clock.write_text(f"{chance.choice((-1, 1)) * chance.randrange(3600, 5 * YEAR):+d}")
    try:
        yield
    finally:
        clock.write_text("+0")


@contextlib.contextmanager
def no_descriptors(_lab: Lab, host: Host, chance: Random) -> Iterator[None]:
    """A DSS may open no more descriptors, while strangers connect to it and say nonsense."""
    pid = pid_of(host)
    usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors(host) + 4, usual[1]))
    try:
        with strangers(_lab, host, chance):
            yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)


@contextlib.contextmanager
def strangers(_lab: Lab, host: Host, chance: Random) -> Iterator[None]:
    """Strangers connect to both TCP ports and say nothing, or nonsense; and send nonsense by UDP."""
    with contextlib.ExitStack() as open_sockets, inside(host.namespace):
        for _ in range(STRANGERS):
            caller = open_sockets.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex((host.address, chance.choice((396, 2010))))
            with contextlib.suppress(OSError):
                caller.send(chance.randbytes(chance.randrange(1, 64)))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(STRANGERS):
                sender.sendto(chance.randbytes(chance.randrange(600)), (host.address, 396))
        yield


def descriptors(host: Host) -> int:
    """Count the descriptors that a host's DSS has open."""
    return len(list(Path(f"/proc/{pid_of(host)}/fd").iterdir()))


def settled(look: Callable[[], bool], within: float) -> bool:
    """Wait until something holds; say whether it does in the end."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if look():
            return True
        time.sleep(0.2)
    return look()


TROUBLES: Final[dict[str, Trouble]] = {
    "partition": partition,
    "kill -9": killed,
    "standstill": stopped,
    "disk full": full_disk,
    "clock jump": clock_jump,
    "no descriptors": no_descriptors,
    "strangers": strangers,
}


def environment(host: Host) -> dict[str, str]:
    """Return the environment in which a host has a time of day of its own."""
    (host.folder / "clock").write_text("+0")
    return {
        **os.environ,
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(host.folder / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
    }
