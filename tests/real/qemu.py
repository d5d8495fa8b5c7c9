"""A QEMU without a machine: its netdevs on one hub, so that frames go in at one and out at the others."""

import contextlib
import subprocess
from collections.abc import Iterator
from string import ascii_lowercase


@contextlib.contextmanager
def qemu(*netdevs: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a QEMU with these netdevs (the value of -netdev, with id=nwip) on a hub."""
    command = ["qemu-system-x86_64", "-machine", "none", "-nodefaults", "-display", "none"]
    for name, netdev in zip(ascii_lowercase, netdevs, strict=False):
        command += ["-netdev", netdev.replace("id=nwip", f"id={name}")]
        command += ["-netdev", f"hubport,id=hub-{name},hubid=0,netdev={name}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=10)
