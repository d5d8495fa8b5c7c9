"""The file of the audit log: only its user may read it, and it may be moved away while it is written."""

import contextlib
import functools
import logging
import os
import time
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path


class AuditFile(WatchedFileHandler):
    """Adds lines, with the time (UTC), to a file of mode 0600. Raises `OSError` if it cannot be had.

    A file that has been moved away, as programs do that keep logs short, is made anew. One that cannot be
    written any more is complained of once.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        super().__init__(path, encoding="utf-8")
        form = logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        form.converter = time.gmtime
        self.setFormatter(form)

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, self.mode, encoding=self.encoding, opener=_privately)  # type: ignore[return-value]

    def close(self) -> None:
        """Close it, whatever the disk has to say."""
        with contextlib.suppress(OSError):
            super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; whoever has something to tell never hears of what is wrong with the file."""
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the name is logging's
        """Go on: a full disk must neither stop a node nor fill its log."""
        _complain_once(self.baseFilename)


def _privately(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@functools.cache
def _complain_once(path: str) -> None:
    logging.getLogger("nwip").warning("%s cannot be written: the audit log has a gap", path)
