"""A conversation by every way that there is, begun so that its packets go on in batches."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from dataplane.memory_kernel import KernelLoop
from dataplane.twins import DATA, FAR_NETWORK, GAMES, HOSTS, PEERS, ROOM, ROOM_NETWORK, Twins, packet
from gateway.world import NETWORK
from nwip.dataplane import joining
from nwip.dataplane.batched import BatchedPort
from nwip.dataplane.port import Datagram, Received
from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE

ALICE, BOB, CAROL = (("192.0.2.1", 1000), ("192.0.2.2", 1000), ("192.0.2.3", 1000))
NOBODY = b"\2nobod"
MAC = bytes.fromhex("0080C7000001")


class Scene:
    """Alice and Bob play in `games`, Carol in `room`; each way between them and the hosts has been taken."""

    def __init__(self, twins: Twins) -> None:
        self.twins = twins
        self.alice = twins.register(ALICE, GAMES[0])
        self.bob = twins.register(BOB, GAMES[0])
        self.carol = twins.register(CAROL, ROOM)
        self.ways: list[tuple[Endpoint, bytes, Endpoint]] = [
            (GAMES[0], packet(NETWORK, self.alice, NETWORK, self.bob), ALICE),
            (GAMES[0], packet(NETWORK, self.bob, NETWORK, self.alice), BOB),
            (GAMES[0], packet(NETWORK, self.alice, NETWORK, HOSTS[0]), ALICE),
            (GAMES[0], packet(NETWORK, self.alice, FAR_NETWORK, NOBODY), ALICE),
            (GAMES[0], packet(NETWORK, self.alice, ROOM_NETWORK, self.carol), ALICE),
            (ROOM, packet(ROOM_NETWORK, self.carol, NETWORK, self.alice), CAROL),
            (ROOM, packet(ROOM_NETWORK, self.carol, FAR_NETWORK, NOBODY), CAROL),
            (DATA, packet(NETWORK, HOSTS[0], NETWORK, self.alice), PEERS[0]),
            (DATA, packet(NETWORK, HOSTS[0], ROOM_NETWORK, self.carol), PEERS[0]),
            (DATA, packet(FAR_NETWORK, NOBODY, NETWORK, self.alice), PEERS[0]),
        ]
        self.said = packet(NETWORK, self.alice, NETWORK, BROADCAST_NODE)
        self.check()
        assert self.looked_at() == 0

    def check(self) -> None:
        """Let all of it happen again, twice, and be the same by both ports."""
        for _ in range(2):
            for at, data, source in [*self.ways, (GAMES[0], self.said, ALICE)]:
                self.twins.deliver(at, [(data, source)] * 3)
                differences = self.twins.differences()
                assert not differences, (data[:32].hex(), differences)

    def looked_at(self) -> int:
        """Return how many of the ways are looked at packet by packet now."""
        count = 0
        for at, data, source in self.ways:
            port = self.twins.fast.host.ports[at]
            assert isinstance(port, BatchedPort)
            seen: list[object] = []
            received = port._received

            def look(batch: Sequence[Datagram], to: Received = received, seen: list[object] = seen) -> None:
                seen.append(batch)
                to(batch)

            port._received = look
            self.twins.deliver(at, [(data, source)] * 3)
            port._received = received
            count += bool(seen)
        assert not self.twins.differences()
        return count


def play(work: Callable[[Scene], Awaitable[None]], *, joins: bool = False, slots: int = 0) -> None:
    """Let it be worked on; `joins`: the kernel joins datagrams for the batched ports, and goes on to.

    `slots`: it does for slots, and begins with datagrams of so many octets.
    """

    async def opened() -> None:
        with pytest.MonkeyPatch.context() as monkeypatch:
            for limit in ("IDLE", "SINGLES"):
                monkeypatch.setattr(joining, limit, 1_000_000)
            twins = Twins(monkeypatch, joins=joins, slots=slots)
            await twins.open()
            await work(Scene(twins))

    with asyncio.Runner(loop_factory=KernelLoop) as runner:
        runner.run(opened())
