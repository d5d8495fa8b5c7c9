"""What a service manager is told of a node: that it is ready, how it is, that it stops, that it still lives.

Each is one datagram of `KEY=VALUE` lines to the UNIX socket that NOTIFY_SOCKET names: sd_notify(3). A name
that begins with @ is in the abstract namespace. Without the variable nothing is said.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Mapping
from typing import Final

WAIT: Final = 0.5  # seconds at most for room in the manager's queue
PATH_LIMIT: Final = 107  # octets of a UNIX socket's path: unix(7), less the final zero

_log = logging.getLogger(__name__)


class ServiceManager:
    """The manager at `address`, "" for none; with `pause` it is told every so many seconds that we live."""

    def __init__(self, address: str = "", pause: float | None = None) -> None:
        self._address = os.fsencode(address)
        if self._address.startswith(b"@"):
            self._address = b"\0" + self._address[1:]
        self._pause = pause
        self._beat: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str], process: int) -> "ServiceManager":
        """Return the manager that an environment names, for the process with this number."""
        address = environment.get("NOTIFY_SOCKET", "")
        if address[:1] not in ("/", "@") or len(os.fsencode(address)) > PATH_LIMIT:
            return cls()
        return cls(address, watchdog_pause(environment, process))

    def ready(self, status: str) -> None:
        """Say that the node has started, and in one line how it is; may be said again with another line."""
        self._tell("READY=1", f"STATUS={status}")
        if self._pause is not None and self._beat is None:
            self._live()

    def stopping(self) -> None:
        """Say that the node stops, and say no longer that it lives."""
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None
        self._tell("STOPPING=1", "STATUS=stopping")

    def _live(self) -> None:
        """Say so from the event loop, so that a loop that hangs is noticed."""
        assert self._pause is not None  # noqa: S101 - asked by whoever calls first
        self._tell("WATCHDOG=1")
        self._beat = asyncio.get_running_loop().call_later(self._pause, self._live)

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sock:
            sock.settimeout(WAIT)
            try:
                sock.connect(self._address)
                sock.send("\n".join(lines).encode())
            except OSError as error:  # the node serves its domain whether or not somebody listens here
                _log.debug("the service manager cannot be told %s: %s", lines[0], error)


def watchdog_pause(environment: Mapping[str, str], process: int) -> float | None:
    """Return how many seconds may pass between signs of life: half of what the manager waits, None for ever.

    WATCHDOG_USEC holds microseconds; WATCHDOG_PID, where it is set, the process that is meant.
    """
    told = environment.get("WATCHDOG_USEC", "")
    if not (told.isascii() and told.isdecimal() and 0 < len(told) <= 18):
        return None
    if environment.get("WATCHDOG_PID", str(process)) != str(process):
        return None
    return int(told) / 2_000_000 or None
