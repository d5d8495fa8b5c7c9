"""The audit log: who came, went, was refused or banned, one line each, in a form that other programs read.

    2026-11-26T21:00:00Z joined link=dosbox node=02A0C9123456 address=203.0.113.7:40213

Nothing is written until somebody opens it: into the log with the other lines, or to a file of its own. What
repeats is written ten times a minute for one event of one source, and a hundred lines a second in all; how
many were left out is told by the next line that is written.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from nwip.security.limits import TokenBuckets

AUDIT: Final = logging.getLogger("nwip.audit")
AUDIT.setLevel(logging.CRITICAL)

SOURCE_RATE: Final = 1 / 6  # lines a second of one event of one source
SOURCE_BURST: Final = 10.0
RATE: Final = 100.0  # lines a second
BURST: Final = 1000.0

LISTENERS: Final[list[Callable[[str, str, Mapping[str, object]], None]]] = []
"""Who else is told: called with the event, its source and the facts, whether or not a log is written."""

_FACTS: Final = "facts"


def audit(event: str, source: str, **facts: object) -> None:
    """Write a line: what has happened, and the facts, of which None is left out; `source` is who caused it.

    Values may come from the network: what would break a line is escaped.
    """
    for listener in LISTENERS:
        listener(event, source, facts)
    if not AUDIT.isEnabledFor(logging.INFO):
        return
    known = {name: value for name, value in facts.items() if value is not None}
    line = " ".join([event, *(f"{name}={_value(value)}" for name, value in known.items())])
    AUDIT.info("%s", line, extra={_FACTS: (event, source), "audit_facts": (event, known)})


class Sparing(logging.Filter):
    """Leaves out lines that come too fast; `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._by_source = TokenBuckets(SOURCE_RATE, SOURCE_BURST)
        self._all = TokenBuckets(RATE, BURST, 1)
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a line is written, and add to it how many were not."""
        now = self._clock()
        what = getattr(record, _FACTS, None)
        if not (self._by_source.allow(what, now) and self._all.allow(None, now)):
            self._left_out += 1
            return False
        if self._left_out:
            record.msg, record.args = f"{record.getMessage()} left-out={self._left_out}", ()
            self._left_out = 0
        return True


class AuditLog:
    """Has lines written, to the log or to `handler`, from now on until closed; `clock` returns seconds."""

    def __init__(
        self, handler: logging.Handler | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._handler = handler
        self._sparing = Sparing(clock)
        AUDIT.addFilter(self._sparing)
        if handler is not None:
            AUDIT.addHandler(handler)
            AUDIT.propagate = False
        AUDIT.setLevel(logging.INFO)

    def close(self) -> None:
        """Write nothing any more; safe to call twice."""
        AUDIT.removeFilter(self._sparing)
        if self._handler is not None:
            AUDIT.removeHandler(self._handler)
            self._handler.close()
        AUDIT.propagate = True
        AUDIT.setLevel(logging.CRITICAL)


def _value(value: object) -> str:
    """Write a value so that it is one word of one line: quoted if need be, as JSON quotes."""
    text = str(value)
    if text.isprintable() and text.isascii() and text and not set(' "=\\') & set(text):
        return text
    return json.dumps(text)
