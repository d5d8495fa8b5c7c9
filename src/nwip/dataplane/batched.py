"""A UDP port for data on Linux, drained in batches: `recvmmsg`, and `sendmmsg` for what is known to go on.

Fast path. What `flows` knows goes on without a look at single packets; the rest is reported as by any port.
A peer's bursts may come joined, and go on so: see `joining.py`.
"""

import contextlib
import errno
import socket
from collections.abc import Callable, Sequence
from typing import Final

from nwip.dataplane.arena import SLOTS, Arena
from nwip.dataplane.audience import Audience
from nwip.dataplane.batches import forward
from nwip.dataplane.bursts import BURSTS, BurstArena
from nwip.dataplane.counting import REFUSED
from nwip.dataplane.flows import Books, Flows
from nwip.dataplane.groups import MOST_PACKETS
from nwip.dataplane.joining import MANY, Joining
from nwip.dataplane.kernel import SOL_UDP, UDP_GRO, UDP_SEGMENT, errno_of
from nwip.dataplane.outbox import Outbox
from nwip.dataplane.portable import BUDGET, PortablePort, Received
from nwip.dataplane.runs import Sorter
from nwip.dataplane.scattering import Scatterer
from nwip.dataplane.sockaddr import SIZES, endpoint_of, name_of
from nwip.dataplane.tally import Tally
from nwip.dataplane.traffic import traffic
from nwip.directory.records import Endpoint

BATCHES: Final = 2  # a wake-up: about half a millisecond, so that timers and sessions are not starved
FEW: Final = 4  # bursts that may have as many packets as that
NOTHING: Final = (errno.EAGAIN, errno.EINTR)


class BatchedPort(PortablePort):
    """`Port` that takes up to `SLOTS` datagrams with one call. Larger ones than an arena's slot are cut.

    `books` counts what goes on by itself.
    """

    kind = "batched"

    def __init__(self, sock: socket.socket, received: Received, books: Books, *, busy_poll: int = 0) -> None:
        self.name_size = SIZES[sock.family]
        self.tally = Tally()
        self.audience = Audience(self.name_size)
        self.takes_groups = _takes_groups(sock)
        self._books = books
        self._arena = Arena(self.name_size)
        self._joining = Joining(sock, self._arena)
        self._most = BUDGET  # datagrams that the next call takes: few while most are to be looked at
        self.flows = Flows(self._arena, books, self.tally)
        self.taker: Callable[[], None] | None = None
        """Who takes what waits instead, where it is not to be looked at as it comes."""
        super().__init__(sock, received, busy_poll=busy_poll)

    def fileno(self) -> int:
        """Return the descriptor, -1 when the port is closed."""
        return self._socket.fileno()

    @property
    def mean_in(self) -> float:
        """The octets of a packet that came in by the link, on the average."""
        return self._books.octets_in / max(1, self._books.packets_in)

    @property
    def mean_out(self) -> float:
        """The octets of a packet that went out by the link, on the average."""
        return self._books.octets_out / max(1, self._books.packets_out)

    def name_of(self, endpoint: Endpoint) -> bytes:
        """Return an endpoint as the kernel writes it: in `name_size` octets if it is of the port's family."""
        return name_of(endpoint)

    def outbox(self, base: int) -> Outbox:
        """Return what sends packets in slots from an address on."""
        return Outbox(base, self.name_size)

    def send_to_all(self, packet: bytes, besides: bytes | None) -> None:
        """Send a packet to the whole audience but one of it, and count it."""
        self._write_books(*self.audience.send(self.fileno(), packet, besides), len(packet), besides)

    def repeat(self, addresses: Sequence[int], length: int, besides: bytes) -> None:
        """Do the same with packets of one length that lie in memory."""
        sent, refused = self.audience.repeat(self.fileno(), addresses, length, besides)
        self._write_books(sent, refused, length, besides, len(addresses))

    def _write_books(
        self, sent: int, refused: int, length: int, besides: bytes | None, packets: int = 1
    ) -> None:
        was_left_out = sent + refused < len(self.audience) * packets  # not where it is heard at another port
        self.tally.copy(length, besides if was_left_out else None, packets)
        self._books.packets_out += sent
        self._books.octets_out += sent * length
        if refused:
            self._books.drop(REFUSED, refused)

    def let_join(self) -> None:
        """Have the kernel join datagrams for a `taker`, if it can (Linux 5.0)."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(SOL_UDP, UDP_GRO, 1)

    def _drain(self) -> None:
        if self.taker is not None:
            self.taker()
            return
        if self._joining.bursts is not None:
            self._drain_bursts(self._joining.bursts)
            return
        if self._joining.scatterer is not None:
            self._drain_scattered(self._joining.scatterer)
            return
        arena = self._arena
        descriptor = self._socket.fileno()
        for _ in range(BATCHES):
            count = arena.receive(descriptor, self._most)
            if count < 0 and errno_of() not in NOTHING:
                continue  # an ICMP error of an earlier send: says nothing about what waits
            if count <= 0:
                return
            traffic.datagrams += count
            copies = self.tally.copies
            left = self._forward(count)
            is_full = count == self._most
            self._most = BUDGET if 2 * left > count else SLOTS
            if count >= MANY and not left and self._joining.begins(count):
                return
            if 2 * left > BUDGET or self._socket.fileno() < 0:
                return
            if not is_full and self.tally.copies == copies:  # while copies went out, more may have come
                return

    def _drain_bursts(self, bursts: BurstArena) -> None:
        """Do the same where the kernel joins datagrams: the same budget, in packets."""
        descriptor = self._socket.fileno()
        sorter = Sorter(self.flows, self._forward)
        errors, most, is_empty = 0, FEW, False
        while sorter.packets < (BATCHES - errors) * SLOTS:
            count = bursts.receive(descriptor, most)
            if count < 0 and errno_of() not in NOTHING:
                errors += 1
                continue
            if count <= 0:
                is_empty = errno_of() == errno.EAGAIN
                break
            runs = sorter.take(bursts, count)
            if 2 * sorter.left > BUDGET or self._socket.fileno() < 0:
                break
            if count < most and not bursts.is_parting:
                break
            most = FEW if runs else BURSTS
        sorter.flush()
        traffic.datagrams += sorter.packets
        self._joining.judge(sorter.runs, is_empty=is_empty)

    def _drain_scattered(self, scatterer: Scatterer) -> None:
        """Do the same where it joins them for slots."""
        descriptor = self._socket.fileno()
        sorter = Sorter(self.flows, self._forward)
        errors = messages = scattered = 0
        while sorter.packets < (BATCHES - errors) * SLOTS and 2 * sorter.left <= BUDGET:
            first = sorter.room(MOST_PACKETS)
            if self._socket.fileno() < 0:
                return
            if scatterer.receive(descriptor, first) < 0:
                if errno_of() in NOTHING:
                    break
                errors += 1
                continue
            messages += 1
            filled = scatterer.fill(first)
            scattered += filled
            if filled:
                sorter.take_slots(filled)
            else:
                sorter.lay(*scatterer.copies(first))
        sorter.flush()
        traffic.datagrams += sorter.packets
        self._joining.judge_scattering(messages, scattered)

    def _forward(self, count: int) -> int:
        """Send on what is known of a batch in the arena and report the rest; return how many that was.

        A closed port does neither.
        """
        arena = self._arena
        if self._socket.fileno() < 0:
            return 0
        left = forward(self.flows, count)
        for start in range(0, len(left), BUDGET):
            if self._socket.fileno() < 0:
                break
            some = left[start : start + BUDGET]
            self._received([(arena.datagram(slot), endpoint_of(arena.name(slot))) for slot in some])
        return len(left)


def _takes_groups(sock: socket.socket) -> bool:
    """Say whether the kernel cuts messages (Linux 4.18)."""
    try:
        sock.getsockopt(SOL_UDP, UDP_SEGMENT)
    except OSError:
        return False
    return True
