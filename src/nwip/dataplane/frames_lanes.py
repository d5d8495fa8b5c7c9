"""Numbers of 16 bits, one for each frame of a batch, in one integer: added and compared all at once.

Fast path. Each number has a *lane* of 16 bits, and as long as all are below 32768 the highest bit of a lane
is free to tell that a difference was not negative.
"""

from typing import Final

from nwip.dataplane.arena import SLOTS

_ONES: Final = [int.from_bytes(b"\x00\x01" * count) for count in range(SLOTS + 1)]
_TOPS: Final = [int.from_bytes(b"\x80\x00" * count) for count in range(SLOTS + 1)]


def lanes(high: bytearray, low: bytearray) -> int:
    """Return numbers of which there are the high and the low octets."""
    octets = bytearray(2 * len(high))
    octets[::2] = high
    octets[1::2] = low
    return int.from_bytes(octets)


def columns(numbers: int, count: int) -> tuple[bytes, bytes]:
    """Return the high and the low octets of `count` numbers."""
    octets = numbers.to_bytes(2 * count)
    return octets[::2], octets[1::2]


def same(number: int, count: int) -> int:
    """Return `count` times the same number."""
    return number * _ONES[count]


def are_small(numbers: int, count: int) -> bool:
    """Say whether all are below 32768."""
    return not numbers & _TOPS[count]


def are_within(numbers: int, limits: int, count: int) -> bool:
    """Say whether no number is above its limit; all numbers and limits must be below 32768."""
    top = _TOPS[count]
    return ((limits | top) - numbers) & top == top
