"""A few nodes of a domain in one process, which register services and change them; each keeps a journal.

Standard input takes a command a line, and each is answered by a line: `churn RATE` changes so many services
a second from now on; `settle` ends the churn, waits until a DSS has acknowledged all that the nodes offer,
and writes the journals to a file, whose name is the answer.
"""

import asyncio
import sys
import time
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Endpoint, Key, Kind, Service
from nwip.dss.client import DssClient
from nwip.dss.client_engine import ClientEngine
from nwip.dss.events import Event
from real.domain_frames import version_of
from real.domain_journal import Journal

TYPES: Final = range(0x5000, 0x5014)  # so that each list fits one answer on UDP
TICK: Final = 0.05  # seconds between changes
RETURN_EVERY: Final = 6.0  # seconds between looks whether the first server is back


class Orders(msgspec.Struct):
    """What the process is told at its start: nodes `first` to `first + count - 1`, the servers of each."""

    domain: str
    folder: str
    first: int
    count: int
    services: int
    servers: list[list[Endpoint]]
    seed: int


class Account(msgspec.Struct):
    """What one node says: its services that stand, and the last version of each that it retracted."""

    identity: bytes
    services: list[tuple[int, str, list[object]]]
    retracted: list[tuple[int, str, int]]
    times: list[tuple[int, str, int, float]]
    refused: int


def identity_of(number: int) -> bytes:
    """Return the identity of a node."""
    return b"N" * 14 + number.to_bytes(2, "big")


class HeardEngine(ClientEngine):
    """The engine of the node, whose octets a journal hears."""

    journal: Journal

    def connected(self, now: float, proven: bytes = b"") -> None:
        """Begin a session."""
        self.journal.begin()
        super().connected(now, proven)

    def take(self) -> bytes:
        """Return what is sent."""
        data = super().take()
        self.journal.sent(data)
        return data

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take what has come."""
        self.journal.heard(data, time.monotonic())
        return super().receive(data, now)


class Listener:
    """Says in the log why a session ended."""

    def __init__(self, name: str) -> None:
        self.name = name

    def parameters_changed(self, parameters: Parameters) -> None:
        """Do nothing."""

    def directory_changed(self, changes: list[Change]) -> None:
        """Do nothing."""

    def session_opened(self, server: Endpoint) -> None:
        """Say where."""
        self._say(f"with {server}")

    def session_closed(self, reason: str) -> None:
        """Say why."""
        self._say(reason)

    def _say(self, text: str) -> None:
        sys.stderr.write(f"{time.monotonic():.2f} {self.name}: {text}\n")
        sys.stderr.flush()


class Node:
    """One node: `offered` has the version of each service that it offers."""

    def __init__(self, orders: Orders, number: int) -> None:
        self.number = number
        self.identity = identity_of(number)
        self.journal = Journal()
        self.offered: dict[Key, int] = {}
        self.retracted: dict[Key, int] = {}
        self._versions: dict[Key, int] = {}
        name = f"node{number}"
        self.client = DssClient(
            orders.domain,
            self.identity,
            name,
            [*orders.servers[number % len(orders.servers)]],
            boot=self.identity,
            listener=Listener(name),
            random=Random(number),  # noqa: S311 - spreads reconnections
            kinds=(Kind.DSS,),
            local_address=f"127.0.50.{number + 1}",
            return_every=RETURN_EVERY,
        )
        self.client._engine = HeardEngine(
            orders.domain, self.identity, name, boot=self.identity, kinds=(Kind.DSS,), incarnation=1
        )
        self.client._engine.journal = self.journal
        self.keys: list[Key] = [
            (Kind.SERVICE, TYPES[service % len(TYPES)], f"N{number:02}S{service:03}")
            for service in range(orders.services)
        ]
        for key in self.keys:
            self.offer(key)

    @property
    def is_settled(self) -> bool:
        """Whether a DSS has acknowledged just what is offered."""
        stands = {key: version_of(value) for key, (_, value) in self.journal.acknowledged.items()}
        return self.client.connected is not None and not self.journal.waiting and stands == self.offered

    def offer(self, key: Key) -> None:
        """Give a service a new value."""
        _, service_type, name = key
        assert isinstance(service_type, int)
        self._versions[key] = self.offered[key] = version = self._versions.get(key, 0) + 1
        place = version.to_bytes(6, "big")
        self.client.offer(Service(service_type, name, 0x1000 + self.number, place, 0x4001, 1))

    def change(self, chance: Random) -> None:
        """Change one service: mostly its value, at times it goes or comes back."""
        key = chance.choice(self.keys)
        if key in self.offered and chance.random() < 0.2:
            self.retracted[key] = self.offered.pop(key)
            self.client.retract(key)
        else:
            self.offer(key)

    def account(self) -> Account:
        """Return what the journal says."""
        stand = self.journal.acknowledged.items()
        return Account(
            self.identity,
            [(int(str(number)), name, value) for (_, number, name), (_, value) in stand],
            [(int(str(number)), name, version) for (_, number, name), version in self.retracted.items()],
            [(int(str(number)), name, version, at) for (_, number, name), version, at in self.journal.times],
            self.journal.refused,
        )


class Nodes:
    """The nodes of this process."""

    def __init__(self, orders: Orders) -> None:
        self._folder = Path(orders.folder)
        self._chance = Random(orders.seed)  # noqa: S311 - the same changes for the same seed
        self._nodes = [Node(orders, orders.first + number) for number in range(orders.count)]
        self._rate = 0.0
        self._settled = 0

    async def run(self) -> None:
        """Do what standard input says."""
        running = [asyncio.ensure_future(node.client.run()) for node in self._nodes]
        churning = asyncio.ensure_future(self._churn())
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
        )
        while line := (await lines.readline()).decode().split():
            sys.stdout.write(await self._obey(*line) + "\n")
            sys.stdout.flush()
        for task in (churning, *running):
            task.cancel()

    async def _obey(self, command: str, rate: str = "0") -> str:
        self._rate = float(rate)
        if command == "churn":
            return "done"
        while not all(node.is_settled for node in self._nodes):
            await asyncio.sleep(0.05)
        self._settled += 1
        account = self._folder / f"nodes{self._nodes[0].number}-{self._settled}.msgpack"
        account.write_bytes(msgspec.msgpack.encode([node.account() for node in self._nodes]))
        return str(account)

    async def _churn(self) -> None:
        due = 0.0
        while True:
            await asyncio.sleep(TICK)
            due += self._rate * TICK
            while due >= 1:
                self._chance.choice(self._nodes).change(self._chance)
                due -= 1


if __name__ == "__main__":
    asyncio.run(Nodes(msgspec.json.decode(sys.argv[1], type=Orders)).run())
