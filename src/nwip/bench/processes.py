"""Processes under measurement: started on a core of their own, asked for CPU time and memory, ended.

Source of the figures: proc(5). `schedstat` tells nanoseconds, of each thread.
"""

import contextlib
import gc
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from nwip.bench.error import BenchError

READY_WITHIN: Final = 20.0  # seconds

Process = subprocess.Popen[bytes]


def cores() -> list[int]:
    """Return the cores that may be used: the load takes the first, what is measured the last."""
    return sorted(os.sched_getaffinity(0))


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Keep this process on the first core, and its garbage where it is, while the block runs."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def running(command: Sequence[str], log: Path, core: int | None = None) -> Iterator[Process]:
    """Run a program, on one core if it is named, until the block ends. What it complains of goes to `log`."""
    with log.open("ab") as complaints:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, bufsize=0
            )
        except OSError as error:
            raise BenchError(f"{command[0]} cannot be started: {error.strerror}") from None
    with process:
        try:
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def line(process: Process, log: Path, within: float = READY_WITHIN) -> str:
    """Return the next line that a program prints. Raises `BenchError` when it ends or says nothing."""
    output, deadline, said = process.stdout, time.monotonic() + within, b""
    if output is not None:
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while not said.endswith(b"\n") and selector.select(deadline - time.monotonic()):
                more = output.read(4096)
                if not more:
                    break
                said += more
    if not said.endswith(b"\n"):
        last = log.read_text("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise BenchError(f"a process under measurement did not start: {last[0]}")
    return said.decode("utf-8", "replace").strip()


def module(name: str, *arguments: object) -> list[str]:
    """Return the command that runs a module with this Python."""
    return [sys.executable, "-m", name, *map(str, arguments)]


def cpu_ns(pid: int) -> int:
    """Return the nanoseconds that all threads of a process have spent on a CPU."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text("ascii").split()[0]) for task in tasks)
    except OSError as error:
        raise BenchError(f"the CPU time of process {pid} cannot be read: {error.strerror}") from None


def status(pid: int, field: str) -> int:
    """Return a number of `/proc/PID/status`, such as VmRSS (in KiB) or voluntary_ctxt_switches; 0 is ours."""
    for row in Path(f"/proc/{pid or 'self'}/status").read_text("ascii").splitlines():
        name, _, value = row.partition(":")
        if name == field:
            return int(value.split()[0])
    raise BenchError(f"this system does not tell {field} of a process")
