"""A port on a real loopback socket that relays to another, a peer that sends bursts, one that receives."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pytest

from nwip.dataplane import joining
from nwip.dataplane.batched import BatchedPort
from nwip.dataplane.kernel import SOL_UDP, UDP_SEGMENT
from nwip.dataplane.port import Datagram, open_port
from nwip.links.base import Counters

PATIENCE = 10.0  # seconds
NETWORK = 0x0A0A
MAXIMUM = 1450  # octets: what the exits carry
ALICE, BOB, CAROL, DAVE = (bytes([2, 0, 0, 0, 0, number]) for number in (1, 2, 3, 4))


class Outcome(NamedTuple):
    """What became of datagrams: what arrived, was reported, and is in the books and the tallies."""

    arrived: list[bytes]
    reported: list[bytes]
    books: list[object]


class Relay:
    """Alice sends; Bob and Carol are at one receiver, Bob on the medium of the port, Carol beyond another."""

    def __init__(self, host: str, outlet_host: str | None, receiver: socket.socket | None) -> None:
        self.sender = bound(host)
        self.receiver = receiver or bound(host)
        self.receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.reported: list[bytes] = []
        self.arrived: list[bytes] = []
        self.books = [Counters(), Counters()]
        hosts = (host, outlet_host or host)
        inlet, outlet = (
            open_port((at, 0), self._received, books=books)
            for at, books in zip(hosts, self.books, strict=True)
        )
        assert isinstance(inlet, BatchedPort)
        assert isinstance(outlet, BatchedPort)
        self.port, self.outlet = inlet, outlet
        self.here, self.there = (
            inlet.name_of(sock.getsockname()[:2]) for sock in (self.sender, self.receiver)
        )
        inlet.flows.network = NETWORK.to_bytes(4, "big")
        alice, bob, carol = (inlet.flows.network + node for node in (ALICE, BOB, CAROL))
        self.flat = inlet.flows.exit(inlet, self.books[0], MAXIMUM, raises=False)
        self.raising = inlet.flows.exit(outlet, self.books[1], MAXIMUM, raises=True)
        inlet.flows.learn(alice, self.here, bob, self.there, self.flat, routed=False)
        inlet.flows.learn(alice, self.here, carol, self.there, self.raising, routed=False)

    def burst(self, packets: Sequence[bytes]) -> None:
        """Send packets of one size, the last may have fewer octets, with one call."""
        size = struct.pack("=H", len(packets[0]))
        self.sender.sendmsg(packets, [(SOL_UDP, UDP_SEGMENT, size)], 0, self.port.endpoint)

    def look(self) -> int:
        """Return how many have arrived or were reported until now."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.arrived.append(self.receiver.recv(65535))
        return len(self.arrived) + len(self.reported)

    async def until(self, count: int) -> None:
        """Wait for so many in all."""
        async with asyncio.timeout(PATIENCE):
            while self.look() < count:
                await asyncio.sleep(0)
        assert self.look() == count

    def outcome(self) -> Outcome:
        tallies = [
            sorted((name == self.here, count) for name, count in counts.items())
            for port in (self.port, self.outlet)
            for counts in (
                port.tally.packets_in,
                port.tally.octets_in,
                port.tally.packets_out,
                port.tally.octets_out,
            )
        ]
        figures = [
            (each.packets_in, each.octets_in, each.packets_out, each.octets_out, each.drops)
            for each in self.books
        ]
        return Outcome(self.arrived, self.reported, [*tallies, *figures])

    def _received(self, batch: Sequence[Datagram]) -> None:
        assert all(source == self.sender.getsockname()[:2] for _, source in batch)
        self.reported += [data for data, _ in batch]


def bound(host: str) -> socket.socket:
    """Open a socket at any port of a host."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    sock.setblocking(False)
    return sock


@contextlib.contextmanager
def relay(
    host: str = "127.0.0.1",
    outlet_host: str | None = None,
    receiver: socket.socket | None = None,
    *,
    joins: bool | None = True,
    slots: int = 0,
) -> Iterator[Relay]:
    """Open it. `joins`: the kernel joins what comes, or does not; None: as the port will have it.

    `slots`: it does for slots, and begins with datagrams of so many octets.
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        if joins is not None:
            monkeypatch.setattr(joining, "IDLE" if joins else "ENOUGH", 1_000_000)
        made = Relay(host, outlet_host, receiver)
        if slots:
            monkeypatch.setattr(joining, "SINGLES", 1_000_000)
            assert made.port._joining.begin_to_scatter(slots)
        elif joins:
            assert made.port._joining.begin()
        try:
            yield made
        finally:
            for each in (made.port, made.outlet, made.sender, made.receiver):
                each.close()
