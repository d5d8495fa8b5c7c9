"""Which package of the system an executable belongs to, where a package manager can tell."""

import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from typing import Final

PATIENCE: Final = 5.0  # seconds for a package manager

_DPKG: Final = re.compile(r"(?P<package>[a-z0-9][a-z0-9+.-]*)(?::\w+)?(?:, [^:]+)?: /")
_PACMAN: Final = re.compile(r"/.* (?P<package>\S+) (?P<version>\S+)\Z")


@cache
def package_of(path: str) -> str | None:
    """Return the package that has a file, "" if none has; None where there is no manager to ask."""
    for program, arguments, read in MANAGERS:
        found = shutil.which(program)
        if found is not None:
            for name in _names(path):
                package = read(_output([found, *arguments, name]))
                if package:
                    return package
            return ""
    return None


def from_dpkg(text: str) -> str:
    """Read `dpkg -S`: "PACKAGE[:ARCHITECTURE][, PACKAGE...]: PATH"; diversions are no packages."""
    for line in text.splitlines():
        match = _DPKG.match(line)
        if match and not line.startswith("diversion by"):
            return match["package"]
    return ""


def from_rpm(text: str) -> str:
    """Read `rpm -qf`: NAME-VERSION-RELEASE.ARCHITECTURE, or a sentence."""
    line = text.partition("\n")[0].strip()
    return "" if " " in line else line


def from_pacman(text: str) -> str:
    """Read `pacman -Qo`: "PATH is owned by PACKAGE VERSION", in any language."""
    match = _PACMAN.match(text.partition("\n")[0].strip())
    return match["package"] if match else ""


MANAGERS: Final[tuple[tuple[str, tuple[str, ...], Callable[[str], str]], ...]] = (
    ("dpkg", ("-S", "--"), from_dpkg),
    ("rpm", ("-qf",), from_rpm),
    ("pacman", ("-Qo",), from_pacman),
)


def _names(path: str) -> list[str]:
    """Return a path, and what it is called in packages that were made before /bin became /usr/bin."""
    return [path, path.removeprefix("/usr")] if path.startswith(("/usr/bin/", "/usr/sbin/")) else [path]


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
