"""Sockets as other programs list them, where the system tells this one nothing. Pure.

`lsof -nP -i` and `netstat -an` are those of macOS, `netstat -ano` is that of Windows. Lines of another form
are left out.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from nwip.check.findings import Held

_LSOF: Final = re.compile(
    r"(?P<name>.+?)\s+(?P<pid>\d+)\s+(?P<user>\S+)\s+\d+\w*\s+IPv[46]\s+\S+\s+\S+\s+"
    r"(?P<transport>TCP|UDP)\s+(?P<local>[^\s>]+?)(?P<far>->\S+)?(?:\s+\((?P<state>\w+)\))?\s*\Z"
)
_MACOS: Final = re.compile(r"(?P<transport>tcp|udp)\d*\s+\d+\s+\d+\s+(?P<local>\S+)\s+(?P<far>\S+)")
_WINDOWS: Final = re.compile(
    r"\s*(?P<transport>TCP|UDP)\s+(?P<local>\S+)\s+(?P<far>\S+)\s+(?:(?P<state>\D\S*)\s+)?(?P<pid>\d+)\s*\Z"
)
_NOBODY: Final = frozenset({"*:*", "*.*", "0.0.0.0:0", "[::]:0"})
_ENDED: Final = frozenset({"TIME_WAIT", "CLOSED"})


def from_lsof(text: str) -> Iterator[Held]:
    """Read `lsof -nP -i`, which shows an ordinary user only his own processes."""
    for line in text.splitlines():
        match = _LSOF.match(line)
        if match and match["state"] not in _ENDED:
            address, port = _split(match["local"], ":")
            if port is not None:
                name = match["name"].replace("\\x20", " ")
                transport = match["transport"].lower()
                yield Held(
                    port, transport, address, int(match["pid"]), bool(match["far"]), name, match["user"]
                )


def from_macos_netstat(text: str) -> Iterator[Held]:
    """Read `netstat -an` of macOS: every socket, and nobody's process."""
    for line in text.splitlines():
        match = _MACOS.match(line)
        if match and not line.rstrip().endswith(tuple(_ENDED)):
            address, port = _split(match["local"], ".")
            if port is not None:
                yield Held(port, match["transport"], address, None, match["far"] not in _NOBODY)


def from_windows_netstat(text: str) -> Iterator[Held]:
    """Read `netstat -ano` of Windows, in whatever language it names the states: every socket has its process.

    Process 0 is none: what is left of a connection that has ended.
    """
    for line in text.splitlines():
        match = _WINDOWS.match(line)
        if match and match["pid"] != "0":
            address, port = _split(match["local"], ":")
            if port is not None:
                outgoing = match["far"] not in _NOBODY
                yield Held(port, match["transport"].lower(), address, int(match["pid"]), outgoing)


def merged(named: Iterable[Held], all_of_them: Iterable[Held]) -> list[Held]:
    """Return the sockets whose process is known, and those of a fuller list that are none of them."""
    known = list(named)
    seen = {held[:3] for held in known}
    return known + [held for held in all_of_them if held[:3] not in seen]


def _split(text: str, mark: str) -> tuple[str, int | None]:
    """Return address and port; any address is 0.0.0.0, and a port that is none is None."""
    address, _, port = text.rpartition(mark)
    address = address.strip("[]").partition("%")[0]
    return ("0.0.0.0" if address == "*" else address), int(port) if port.isdecimal() else None
