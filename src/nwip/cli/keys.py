"""Waits on a terminal: for a key, for another size of the window, or for the time."""

import os
import select
import signal
import sys
import termios
import tty
from types import FrameType, TracebackType
from typing import Self


class Keys:
    """Takes keys one by one, without showing them, while entered; where there is no terminal, none come."""

    def __init__(self) -> None:
        self._terminal = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
        self._before: list[int | list[bytes | int]] | None = None
        self._reading, self._writing = -1, -1

    def __enter__(self) -> Self:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        signal.signal(signal.SIGWINCH, self._resized)
        if self._terminal is not None:
            self._before = termios.tcgetattr(self._terminal)
            tty.setcbreak(self._terminal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
        if self._terminal is not None and self._before is not None:
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)
        os.close(self._reading)
        os.close(self._writing)

    def wait(self, seconds: float) -> str:
        """Return the keys that were pressed, "" after so many seconds or when the window has changed."""
        inputs = [self._reading] if self._terminal is None else [self._reading, self._terminal]
        ready, _, _ = select.select(inputs, [], [], max(seconds, 0.0))
        if self._reading in ready:
            os.read(self._reading, 64)
        if self._terminal not in ready or self._terminal is None:
            return ""
        pressed = os.read(self._terminal, 64)
        return pressed.decode("ascii", "replace") or "q"  # nothing: the terminal is gone

    def _resized(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        os.write(self._writing, b"w")
