"""Where log messages go: to stderr, one line each, as text or as JSON.

Text has the time when a person reads along, and else the level. A line of JSON is one object in ASCII:

    {"time": "2026-11-26T21:00:00.250Z", "level": "warning", "logger": "nwip.node", "message": "..."}

and, where they apply, `exception` (a traceback), and of lines of the audit log `event` and `facts`.
"""

import json
import logging
import sys
import time
from typing import Final, Literal

from nwip.cli.text import printable

Form = Literal["text", "json"]

FACTS: Final = "audit_facts"


class _Formatter(logging.Formatter):
    """Writes names that came from the network so that they cannot command a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        record.message = printable(record.message)
        return super().formatMessage(record)


class _JsonFormatter(logging.Formatter):
    """Writes an object for each message; `json` escapes what could command a terminal."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        told = getattr(record, FACTS, None)
        if told is not None:
            line["event"], line["facts"] = told
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up(*, verbose: bool, quiet: bool = False, form: Form = "text") -> None:
    """Send messages from INFO up to stderr; `verbose` takes DEBUG too, `quiet` only warnings.

    A terminal gets `HH:MM:SS message`; a journal, which has the time, gets `LEVEL message`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if form == "json" else _text_formatter())
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    logger = logging.getLogger("nwip")
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False


def _text_formatter() -> logging.Formatter:
    form = "%(asctime)s %(message)s" if sys.stderr.isatty() else "%(levelname)s %(message)s"
    return _Formatter(form, "%H:%M:%S")
