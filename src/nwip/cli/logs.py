"""Where log messages go: to stderr, one line each, with the time when a person reads along."""

import logging
import sys

from nwip.cli.text import printable


class _Formatter(logging.Formatter):
    """Writes names that came from the network so that they cannot command a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        record.message = printable(record.message)
        return super().formatMessage(record)


def set_up(*, verbose: bool, quiet: bool = False) -> None:
    """Send messages from INFO up to stderr; `verbose` takes DEBUG too, `quiet` only warnings.

    A terminal gets `HH:MM:SS message`; a journal, which has the time, gets `LEVEL message`.
    """
    form = "%(asctime)s %(message)s" if sys.stderr.isatty() else "%(levelname)s %(message)s"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(form, "%H:%M:%S"))
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    logger = logging.getLogger("nwip")
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False
