"""Cuts an input into steps, so that one input is a whole conversation; and what a step may not do."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from nwip.wire import Reader, WireError

MOST: Final = 32  # steps of an input


class Step(NamedTuple):
    """Some octets from one of a few sources, after some time; `choice` is 0 to 15."""

    source: int
    choice: int
    seconds: float
    data: bytes


def steps(data: bytes) -> Iterator[Step]:
    """Yield the steps of an input: two octets of who and when, two of length, the octets.

    The first octet holds the source in its high half, a choice in the low one; the second is the time, to the
    power of two: 0 to 2^20 milliseconds. The last step may be short.
    """
    reader = Reader(data)
    for _ in range(MOST):
        if reader.remaining < 4:
            return
        who, when = reader.u8(), reader.u8()
        length = min(reader.u16(), reader.remaining)
        yield Step(who >> 4, who & 15, (1 << when % 21) / 1000 if when else 0.0, reader.octets(length))


def script(*parts: Step) -> bytes:
    """Return the input that such steps are cut from: for the corpus. Their seconds are 0 or 1.024."""
    return b"".join(
        bytes((part.source << 4 | part.choice, 10 if part.seconds else 0))
        + len(part.data).to_bytes(2, "big")
        + part.data
        for part in parts
    )


class Fault(AssertionError):  # noqa: N818 - what a fuzzer finds
    """Something that must not happen has happened; the message says what."""


def promise(kept: bool, broken: str) -> None:
    """Raise `Fault` unless a promise is kept."""
    if not kept:
        raise Fault(broken)


__all__ = ["MOST", "Fault", "Step", "WireError", "promise", "script", "steps"]
