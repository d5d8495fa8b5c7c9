"""Sends many datagrams, each octets of its own, to one address with one call of the kernel.

Fast path of what is made anew for every packet, as sealed datagrams are.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from nwip.dataplane.arena import SLOTS, STRIDE, address_of
from nwip.dataplane.batched import BatchedPort
from nwip.dataplane.sockaddr import name_of
from nwip.directory.records import Endpoint

ROOM: Final = SLOTS * STRIDE  # octets that go with one call


class Volley:
    """What sends by `port`."""

    def __init__(self, port: BatchedPort) -> None:
        self._port = port
        self._buffer = bytearray(ROOM)
        self._base = address_of(self._buffer)
        self._outbox = port.outbox(self._base)

    def send(self, datagrams: Sequence[bytes], to: Endpoint) -> int:
        """Send at most `SLOTS` datagrams of at most `ROOM` octets in all; return how many were refused.

        All are, if the port is closed or the address is one of another family.
        """
        name, descriptor, count = name_of(to), self._port.fileno(), len(datagrams)
        octets = b"".join(datagrams)
        if descriptor < 0 or len(name) != self._port.name_size or count > SLOTS or len(octets) > ROOM:
            return count
        self._buffer[: len(octets)] = octets
        lengths = [*map(len, datagrams)]
        starts = [*accumulate(lengths[:-1], initial=self._base)]
        self._outbox.lay(starts, lengths)
        return self._outbox.send(descriptor, name * count, count)
