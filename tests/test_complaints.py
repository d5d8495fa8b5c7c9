"""What the log says when the machine has run out of something."""

import asyncio
import errno
import logging

import pytest

from nwip.complaints import PAUSE, Complaints


class Loop(asyncio.SelectorEventLoop):
    """A loop that notes what its own handler is asked to tell."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []

    def default_exception_handler(self, context: object) -> None:
        self.told.append(context)


def test_want_of_descriptors_is_one_sentence_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    loop, now = Loop(), [100.0]
    complaints = Complaints(lambda: now[0])
    context = {"message": "socket.accept() out of system resource", "exception": OSError(errno.EMFILE, "")}
    with caplog.at_level(logging.WARNING):
        for _ in range(500):
            complaints(loop, context)
        assert len(caplog.records) == 1
        assert "too many open files; raise the limit" in caplog.text
        assert "Traceback" not in caplog.text
        now[0] += PAUSE
        complaints(loop, context)
    assert len(caplog.records) == 2
    assert not loop.told
    loop.close()


def test_anything_else_is_told_as_before(caplog: pytest.LogCaptureFixture) -> None:
    loop = Loop()
    complaints = Complaints(lambda: 0.0)
    others: list[dict[str, object]] = [
        {"message": "x"},
        {"message": "x", "exception": OSError(errno.EPIPE, "")},
        {"exception": KeyError()},
    ]
    for context in others:
        complaints(loop, context)
    assert loop.told == others
    assert not caplog.records
    loop.close()
