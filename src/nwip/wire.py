"""One bounds-checked reader and writer for every wire format, and the one error they raise.

Typed path: used by all codecs of control traffic. The forwarding path (`dataplane/`) does not come here.
All integers are unsigned and big-endian, as in every format of IPX.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class WireError(ValueError):
    """What came from the network is not what its format allows; the only error a codec raises."""


class Reader:
    """A cursor over octets that never reads past its end.

    Every reading method raises `WireError` when fewer octets are left than asked for, and then has
    not moved.
    """

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = bytes(data)
        self._position = 0
        self._end = len(self._data)

    @property
    def remaining(self) -> int:
        """Octets that are left."""
        return self._end - self._position

    def octets(self, count: int) -> bytes:
        """Read `count` octets."""
        start, stop = self._position, self._position + count
        if count < 0 or stop > self._end:
            raise WireError(f"{count} octets wanted at offset {start}, {self.remaining} left")
        self._position = stop
        return self._data[start:stop]

    def u8(self) -> int:
        """Read one octet."""
        return self.octets(1)[0]

    def u16(self) -> int:
        """Read two octets, big-endian."""
        return int.from_bytes(self.octets(2), "big")

    def u32(self) -> int:
        """Read four octets, big-endian."""
        return int.from_bytes(self.octets(4), "big")

    def rest(self) -> bytes:
        """Read whatever is left, perhaps nothing."""
        return self.octets(self.remaining)

    @contextmanager
    def restrict_to(self, size: int) -> Iterator["Reader"]:
        """Let the body see only the next `size` octets; afterwards the cursor stands behind them all.

        Raises `WireError` when fewer than `size` are left.
        """
        if size < 0 or size > self.remaining:
            raise WireError(f"a part of {size} octets is announced, {self.remaining} left")
        outer_end, self._end = self._end, self._position + size
        inner_end = self._end
        try:
            yield self
        finally:
            self._end = outer_end
        self._position = inner_end

    def finish(self) -> None:
        """Raise `WireError` unless everything has been read."""
        if self.remaining:
            raise WireError(f"{self.remaining} octets too many at offset {self._position}")


class Writer:
    """Collects octets; a value that its field cannot hold raises `WireError`."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def octets(self, value: bytes, size: int | None = None) -> "Writer":
        """Append octets; with `size` their number must be just that."""
        if size is not None and len(value) != size:
            raise WireError(f"{size} octets wanted, {len(value)} given")
        self._parts.append(bytes(value))
        return self

    def padded(self, value: bytes, size: int) -> "Writer":
        """Append octets, filled up with zeros to `size`."""
        if len(value) > size:
            raise WireError(f"{len(value)} octets do not fit a field of {size}")
        self._parts.append(value.ljust(size, b"\0"))
        return self

    def u8(self, value: int) -> "Writer":
        """Append one octet."""
        return self._integer(value, 1)

    def u16(self, value: int) -> "Writer":
        """Append two octets, big-endian."""
        return self._integer(value, 2)

    def u32(self, value: int) -> "Writer":
        """Append four octets, big-endian."""
        return self._integer(value, 4)

    def getvalue(self) -> bytes:
        """Return everything written so far."""
        return b"".join(self._parts)

    def _integer(self, value: int, size: int) -> "Writer":
        try:
            self._parts.append(value.to_bytes(size, "big"))
        except OverflowError:
            raise WireError(f"{value} does not fit {size} octets") from None
        return self
