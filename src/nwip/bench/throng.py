"""Players who all send, each at his own pace of so many packets a second, to the next of them."""

import select
import time
from contextlib import suppress

from nwip.bench.clients import octets_of
from nwip.bench.load import Count, drained
from nwip.bench.messages import Messages
from nwip.bench.packets import packet
from nwip.bench.sink import Sink
from nwip.bench.sources import controls, names
from nwip.bench.ways import Way
from nwip.directory.records import Endpoint
from nwip.ipx.packet import SOURCE_NODE_OFFSET, SOURCE_SOCKET_OFFSET


class Throng:
    """The receivers 1 to `players` of a way as players; their packets have `size` octets and a mark."""

    def __init__(self, way: Way, at: Endpoint, players: int, size: int, mark: int) -> None:
        self._socket = way.clients.receiver
        self._players = players
        made = bytearray()
        for number in range(1, players + 1):
            octets = packet(way, way.nodes[number % players + 1], size, mark)
            made += octets[:SOURCE_NODE_OFFSET] + way.nodes[number] + octets[SOURCE_SOCKET_OFFSET:]
        sources = controls(octets_of(number) for number in range(1, players + 1))
        self._messages = Messages(players, made, size, size, names(at, players), controls=sources)

    def turn(self) -> int:
        """Let every player send one packet; return how many went out."""
        with suppress(OSError):
            return self._messages.send(self._socket.fileno(), 0, self._players)
        return 0


def play(throng: Throng, sink: Sink, sock: int, turns_per_second: float, seconds: float) -> Count:
    """Let them play; return how many packets had to arrive, and did. `sock` is where they arrive."""
    due = arrived = 0
    start = turn = time.perf_counter()
    end = start + seconds
    while (now := time.perf_counter()) < end:
        if now >= turn:
            due += throng.turn()
            turn += 1 / turns_per_second
        arrived += sink.take()
        select.select([sock], [], [], max(0.0, turn - time.perf_counter()))
    return Count(due, arrived + drained(sink, due - arrived), now - start)
