"""The data port of a sealed domain: what comes is opened in batches, and what goes is sealed in batches.

Fast path. Nothing is looked at before it is opened: only plaintexts that a peer's key has opened are laid
into slots, each with the peer's *name*, the endpoint under which it is registered; there they are as what any
port has received, and `flows` knows where they go. So an address that the kernel tells decides nothing here.
What came in one piece, as a burst of equal datagrams does, is opened in one go; anything else as ever.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import groupby
from struct import Struct
from typing import Final, Protocol

from nwip.dataplane.arena import SLOTS, STRIDE, Arena
from nwip.dataplane.batched import BATCHES, FEW, NOTHING, BatchedPort
from nwip.dataplane.batches import forward
from nwip.dataplane.bursts import BURSTS, Burst, BurstArena
from nwip.dataplane.flows import Books, Flows
from nwip.dataplane.kernel import errno_of
from nwip.dataplane.outbox import Outbox
from nwip.dataplane.portable import BUDGET
from nwip.dataplane.runs import SHAPES
from nwip.dataplane.sockaddr import endpoint_of
from nwip.dataplane.traffic import traffic
from nwip.dataplane.views import Views
from nwip.directory.records import Endpoint
from nwip.links.sealed_outbox import Lengths, Mail, SealedOutbox
from nwip.security.sealed.engine import SealedPackets
from nwip.security.sealed.framing import DATA_HEADER_SIZE, DATA_OVERHEAD
from nwip.security.sealed.path import BASE
from nwip.security.sealed.session import Came, Run

LARGE: Final = BASE - DATA_OVERHEAD  # octets: a packet that not every path carries
_FIRST: Final = [b"\xff" * count for count in range(SLOTS + 1)]  # how plaintexts begin that are packets


class Link(Protocol):
    """What the port asks of its link."""

    def name_of(self, public: bytes) -> bytes | None:
        """Return the name of a peer; None if its packets are to be looked at one by one."""
        ...

    def public_of(self, name: bytes) -> bytes | None:
        """Return the key of the peer with a name now."""
        ...

    def take(self, public: bytes | None, packets: Sequence[bytes]) -> None:
        """Take packets of a peer that are to be looked at; None: it is no peer any more."""
        ...

    def flush(self) -> None:
        """Send the packets that wait for the end of this turn."""
        ...

    def send_now(self, public: bytes | None, packets: Sequence[bytes]) -> None:
        """Send packets to a peer, or let them wait until there is a tunnel."""
        ...

    def sent(self, refused: int, large: Sequence[bytes]) -> None:
        """Learn that a batch went out: of how many the kernel refused, and to whom something large was."""
        ...

    def send_rest(self) -> None:
        """Send what is to be said besides."""
        ...


class SealedPort:
    """Takes and sends by `port`, for a `link`; `books` counts what goes on by itself. `now` is the time.

    What comes from an IP address that `keeps_out` says is banned is not even opened.
    """

    takes_groups = False

    def __init__(
        self,
        port: BatchedPort,
        packets: SealedPackets,
        link: Link,
        books: Books,
        *,
        now: Callable[[], float],
        keeps_out: Callable[[str], bool],
    ) -> None:
        self.name_size = port.name_size
        self.tally = port.tally
        self._port = port
        self._packets = packets
        self._link = link
        self._now = now
        self._keeps_out = keeps_out
        self._arena = Arena(self.name_size)
        self.flows = Flows(self._arena, books, self.tally)
        self._rooms = Views(memoryview(self._arena.buffer))
        self._bursts = BurstArena(self.name_size)
        self._most = BURSTS
        self._filled = 0
        self._left = 0
        self._mail = Mail(port)
        self._large: list[bytes] = []
        port.let_join()
        port.taker = self._drain

    def fileno(self) -> int:
        """Return the descriptor, -1 when the port is closed."""
        return self._port.fileno()

    def outbox(self, base: int) -> Outbox:
        """Return what seals and sends packets in slots from an address on."""
        return SealedOutbox(base, self.name_size, self._seal, self._send)

    def _seal(self, name: bytes, plains: Sequence[memoryview], lengths: Lengths) -> None:
        """Seal packets for a peer; such as need more than that go the way of single packets, at once."""
        self._link.flush()
        public = self._link.public_of(name)
        largest = lengths if isinstance(lengths, int) else max(lengths)
        ready = self._packets.ready(public, largest, len(plains), self._now()) if public else None
        if public is None or ready is None or not self._mail.seal(ready, plains, lengths):
            self._link.send_now(public, [bytes(plain) for plain in plains])
        elif largest > LARGE:
            self._large.append(public)

    def _send(self) -> None:
        large, self._large = self._large, []
        self._link.sent(self._mail.send(), large)

    def _drain(self) -> None:
        descriptor = self.fileno()
        packets = errors = self._left = 0
        while packets < (BATCHES - errors) * SLOTS and descriptor == self.fileno() >= 0:
            count = self._bursts.receive(descriptor, self._most)
            if count < 0 and errno_of() not in NOTHING:
                errors += 1  # an ICMP error of an earlier send: says nothing about what waits
                continue
            if count <= 0:
                break
            is_full = count == self._most
            more = self._open(count)
            self._most = FEW if more > count else BURSTS
            packets += more
            if not is_full or 2 * self._left > BUDGET:
                break
        self._forward()
        traffic.datagrams += packets
        self._link.send_rest()

    def _open(self, count: int) -> int:
        """Open what was received; return how many datagrams that was."""
        packets = 0
        singles: list[Came] = []
        for burst in self._bursts.taken(count):
            packets += burst.count
            address = endpoint_of(burst.name)
            if self._keeps_out(address[0]):
                continue
            if burst.count > 1:
                self._open_each(singles)
                singles = []
                if self._open_run(burst, address):
                    continue
            singles += [(bytes(data), address) for data in burst.packets()]
        self._open_each(singles)
        return packets

    def _open_each(self, came: Sequence[Came]) -> None:
        for public, packets in self._packets.receive(came, self._now()) if came else ():
            self._lay(public, packets)

    def _open_run(self, burst: Burst, address: Endpoint) -> bool:
        """Open a burst straight into slots, if all is well with it; its last datagram may be smaller."""
        size, count = burst.size, burst.octets // burst.size
        length = size - DATA_OVERHEAD
        if not 0 < length <= STRIDE or count > SLOTS:
            return False
        if self._filled + count > SLOTS:
            self._forward()
        first = self._filled
        parts = _parts(size, count).unpack_from(burst.buffer)
        rooms = self._rooms.alike(first, count, length)
        run = Run(b"".join(parts[::2]), parts[1::2], address)
        public = self._packets.tunnels.open_into(run, rooms, self._now())
        if public is None:
            return False
        name = self._link.name_of(public)
        begin, end = first * STRIDE, (first + count) * STRIDE
        if name is not None and self._arena.buffer[begin:end:STRIDE] == _FIRST[count]:
            self._arena.fill(first, count * length, length, name)
            self._filled += count
        else:
            for sender, packets in self._packets.sort(public, [*map(bytes, rooms)], self._now()):
                self._lay(sender, packets)
        if count < burst.count:
            self._open_each([(bytes(burst.buffer[count * size : burst.octets]), address)])
        return True

    def _lay(self, public: bytes, packets: Sequence[bytes]) -> None:
        """Lay packets that a peer has sent into slots, as if they had come into them."""
        name = self._link.name_of(public)
        if name is None:
            self._forward()
            self._link.take(public, packets)
            return
        done = 0
        while done < len(packets):
            some = packets[done : done + SLOTS - self._filled]
            self._arena.lay(self._filled, [bytearray(each[:STRIDE]) for each in some], name * len(some))
            self._filled += len(some)
            done += len(some)
            if self._filled == SLOTS:
                self._forward()

    def _forward(self) -> None:
        """Send on what is known of what lies in slots, and let the link take the rest."""
        count, self._filled = self._filled, 0
        if not count or self.fileno() < 0:
            return
        left = forward(self.flows, count)
        self._left += len(left)
        named = [(self._arena.name(slot), self._arena.datagram(slot)) for slot in left]
        for name, some in groupby(named, lambda each: each[0]):
            self._link.take(self._link.public_of(name), [packet for _, packet in some])


@lru_cache(SHAPES)
def _parts(size: int, count: int) -> Struct:
    """Return what takes so many datagrams of a size apart: the head, and what is sealed, of each in turn."""
    return Struct("=" + f"{DATA_HEADER_SIZE}s{size - DATA_HEADER_SIZE}s" * count)
