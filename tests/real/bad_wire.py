"""A wire between namespaces that loses, delays and reorders: `../shared/tools/impair.py`."""

import subprocess
import sys

from conftest import SHARED


def software_checksums(namespace: str, *interfaces: str) -> None:
    """Have checksums finished in software: a wire in user space carries frames as they are."""
    switches = ("tx", "off", "tso", "off", "gso", "off", "gro", "off")
    for interface in interfaces:
        command = ["ip", "netns", "exec", namespace, "ethtool", "-K", interface, *switches]
        subprocess.run(command, check=True, capture_output=True, timeout=10)


def start_bad_wire(namespace: str, left: str, right: str, **options: float | str) -> subprocess.Popen[bytes]:
    """Join two interfaces of a namespace by a bad wire until the process ends, with these options for it."""
    program = [sys.executable, str(SHARED / "tools" / "impair.py"), left, right]
    for name, value in options.items():
        program += [f"--{name}", str(value)]
    return subprocess.Popen(["ip", "netns", "exec", namespace, *program], stdout=subprocess.DEVNULL)
