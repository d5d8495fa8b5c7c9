"""The real parts a test may need: found, or the test is skipped with a reason.

A test names its parts with ``@pytest.mark.real("dosbox", "tshark")``. The environment variable
``NWIP_REQUIRE=dosbox,tshark`` names parts that must be there: the tests that miss one of them fail.
"""

import functools
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"

PROGRAM = "install it with 'make system-packages'"

HOW_TO_GET = {
    "dosbox": PROGRAM,
    "tshark": PROGRAM,
    "nasm": PROGRAM,
    "ethtool": PROGRAM,
    "nft": PROGRAM,
    "dnsmasq": PROGRAM,
    "dhclient": PROGRAM,
    "named": PROGRAM,
    "qemu": PROGRAM,
    "nmap": PROGRAM,
    "etcd": PROGRAM,
    "openssl": PROGRAM,
    "gcc": PROGRAM,
    "m32": "take a gcc that knows -m32, as on x86-64",
    "musl-gcc": PROGRAM,
    "systemd-analyze": PROGRAM,
    "faketime": PROGRAM,
    "chromium": PROGRAM,
    "man": PROGRAM,
    "bash-completion": PROGRAM,
    "zsh": PROGRAM,
    "fish": PROGRAM,
    "sphinx": "install it with 'make docs'",
    "tmux": PROGRAM,
    "atheris": "install it with 'make fuzz FUZZ_SECONDS=1'",
    "pty": "mount devpts on /dev/pts",
    "root": "run the tests as root",
    "netns": "run the tests as root where network namespaces may be made; 'make system-packages' brings ip",
    "tun": "load the kernel's module tun, and make /dev/net/tun",
    "shared": "place the shared material in ../shared beside the repository",
}

PROGRAMS = {"qemu": ("qemu-system-x86_64",), "etcd": ("etcd", "etcdctl")}  # of parts with other names


@functools.cache
def is_there(part: str) -> bool:
    """Return whether this machine has the part; looked up once a run."""
    match part:
        case "root":
            return os.geteuid() == 0
        case "netns":
            return is_there("root") and namespaces_work()
        case "pty":
            return terminals_work()
        case "tun":
            return Path("/dev/net/tun").exists()
        case "shared":
            return SHARED.is_dir()
        case "atheris" | "sphinx":
            return importlib.util.find_spec(part) is not None
        case "bash-completion":
            return Path("/usr/share/bash-completion/bash_completion").exists()
        case "m32":
            return knows_32_bits()
        case _:
            return all(shutil.which(program) is not None for program in PROGRAMS.get(part, (part,)))


def namespaces_work() -> bool:
    """Return whether ``ip netns`` can make a namespace and take it away again."""
    if shutil.which("ip") is None:
        return False
    name = f"nwip-try-{os.getpid()}"
    return all(
        subprocess.run(["ip", "netns", verb, name], capture_output=True, timeout=10, check=False).returncode
        == 0
        for verb in ("add", "delete")
    )


def terminals_work() -> bool:
    """Return whether a pseudo-terminal can be opened."""
    try:
        ends = os.openpty()
    except OSError:
        return False
    for end in ends:
        os.close(end)
    return True


def knows_32_bits() -> bool:
    """Return whether gcc can make code for 32 bits, if only as assembly."""
    if shutil.which("gcc") is None:
        return False
    command = ["gcc", "-m32", "-S", "-x", "c", "-o", "-", "-"]
    return subprocess.run(command, input=b"", capture_output=True, timeout=10, check=False).returncode == 0


def required_parts() -> set[str]:
    """Return the parts that NWIP_REQUIRE names."""
    return {part.strip() for part in os.environ.get("NWIP_REQUIRE", "").split(",")} - {""}


def check_known(parts: Iterable[str], where: str) -> None:
    """Raise UsageError where a part has no entry in HOW_TO_GET: a misspelt part would never be required."""
    unknown = sorted(set(parts) - HOW_TO_GET.keys())
    if unknown:
        known = ", ".join(HOW_TO_GET)
        raise pytest.UsageError(f"{where} names unknown real parts: {', '.join(unknown)}; known are {known}")


def pytest_configure() -> None:
    """Refuse a misspelt NWIP_REQUIRE before any test runs."""
    check_known(required_parts(), "NWIP_REQUIRE")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a misspelt marker before any test runs."""
    for item in items:
        check_known(parts_of(item), item.nodeid)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that misses a part, or fail it where NWIP_REQUIRE names the part."""
    missing = [part for part in parts_of(item) if not is_there(part)]
    if not missing:
        return
    reason = "; ".join(f"needs {part}: {HOW_TO_GET[part]}" for part in missing)
    demanded = [part for part in missing if part in required_parts()]
    if demanded:
        pytest.fail(f"NWIP_REQUIRE names {', '.join(demanded)}, but: {reason}", pytrace=False)
    pytest.skip(reason)


def parts_of(item: pytest.Item) -> list[str]:
    """Return the parts that the test's markers name, in order, each once."""
    return list(dict.fromkeys(part for mark in item.iter_markers("real") for part in mark.args))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the directory of shared material; a test that uses it is marked ``real("shared")``."""
    return SHARED
