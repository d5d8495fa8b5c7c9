"""What asyncio has to complain of, in a sentence where it is the machine's and not a fault of ours."""

import asyncio
import errno
import logging
import os
from collections.abc import Callable
from typing import Any, Final

_log = logging.getLogger(__name__)

PAUSE: Final = 10.0  # seconds between two sentences: asyncio complains of every connection that waits
EXHAUSTED: Final = {
    errno.EMFILE: "raise the limit of open files of this process (LimitNOFILE= in its unit, or ulimit -n)",
    errno.ENFILE: "raise the limit of open files of this machine (fs.file-max)",
    errno.ENOBUFS: "give this machine more memory for sockets",
    errno.ENOMEM: "give this machine more memory",
}


class Complaints:
    """The exception handler of an event loop; `clock` returns seconds.

    That no connection can be taken for want of descriptors or memory passes: asyncio tries again after a
    second. It is told once in `PAUSE` seconds. Anything else is told as asyncio does.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._silent_until = 0.0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell of one thing; the keys of `context` are asyncio's, whose values are of any type."""
        error = context.get("exception")
        number = error.errno if isinstance(error, OSError) else None
        if number not in EXHAUSTED:
            loop.default_exception_handler(context)
        elif self._clock() >= self._silent_until:
            self._silent_until = self._clock() + PAUSE
            _log.warning("no connection can be taken: %s; %s", os.strerror(number).lower(), EXHAUSTED[number])
