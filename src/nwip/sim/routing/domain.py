"""A simulated domain: one directory that all gateways follow, and the wire between their data ports. Pure.

The DSSs are not simulated here (`sim.history` does that): the directory is a list of records, whose changes
every gateway that is connected hears a moment later, and which forgets who is not connected for a lease.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from nwip.dataplane.port import Port, Received
from nwip.directory.parameters import DEFAULT_LEASE, Parameters
from nwip.directory.records import Change, Endpoint, Key, Record, Value
from nwip.sim.clock import Clock
from nwip.sim.routing.cables import Crossings

NETWORK: Final = 0x4E574950
PUSH: Final = 0.02  # seconds until a change is everywhere
WIRE: Final = 0.005  # seconds from data port to data port

Follower = Callable[[list[Change]], None]


class DataPort:
    """The data port of one gateway."""

    def __init__(self, domain: "SimulatedDomain", endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.refused = 0
        self._domain = domain

    def send(self, data: bytes, to: Endpoint) -> bool:
        """Send a datagram; it is lost where one of the two ends is cut off."""
        domain = self._domain
        if self.endpoint in domain.connected and to in domain.connected:
            path = f"{self.endpoint[0]} to {to[0]}"
            domain.crossings.note(data, path, self.endpoint[0].encode())
            domain.clock.after(WIRE, lambda: domain.deliver(data, self.endpoint, to))
        return True

    def close(self) -> None:
        """Nothing: a crash takes the port."""


class SimulatedDomain:
    """Who is connected, and what is registered."""

    def __init__(self, clock: Clock, crossings: Crossings) -> None:
        self.clock = clock
        self.crossings = crossings
        self.parameters = Parameters(domain="sim.test", network=NETWORK)
        self.connected: dict[Endpoint, Follower] = {}
        self.records: dict[tuple[bytes, Key], Record] = {}
        self._receivers: dict[Endpoint, Received] = {}
        self._owners: dict[Endpoint, bytes] = {}
        self._counter = 0

    def open(
        self,
        at: Endpoint,
        received: Received,
        *,
        broadcast: bool = False,
        shared: bool = False,
        books: object = None,  # noqa: ARG002 - no kernel here
    ) -> Port:
        """Open a data port; an `Opener`."""
        del broadcast, shared
        self._receivers[at] = received
        return DataPort(self, at)

    def deliver(self, data: bytes, source: Endpoint, to: Endpoint) -> None:
        """Hand a datagram over."""
        if to in self.connected and to in self._receivers:
            self._receivers[to]([(data, source)])

    def connect(self, endpoint: Endpoint, owner: bytes, follower: Follower) -> None:
        """Let a gateway follow the directory; what there is it is told at once.

        What an earlier life of it registered goes: it is to register anew.
        """
        self._forget(owner)
        self.connected[endpoint] = follower
        self._owners[endpoint] = owner
        follower([Change(record) for record in self.records.values()])

    def disconnect(self, endpoint: Endpoint, lease: float = DEFAULT_LEASE) -> None:
        """Cut a gateway off; its records end with its lease."""
        self.connected.pop(endpoint, None)
        self.clock.after(lease, lambda: self._expire(endpoint))

    def offer(self, owner: bytes, value: Value) -> None:
        """Register a value."""
        self._counter += 1
        record = Record(owner, 1, self._counter, value)
        self.records[owner, value.key] = record
        self._tell([Change(record)])

    def retract(self, owner: bytes, key: Key) -> None:
        """Withdraw a value."""
        record = self.records.pop((owner, key), None)
        if record is not None:
            self._tell([Change(record, removed=True)])

    def _expire(self, endpoint: Endpoint) -> None:
        if endpoint not in self.connected:
            self._forget(self._owners[endpoint])

    def _forget(self, owner: bytes) -> None:
        gone = [place for place in self.records if place[0] == owner]
        if gone:
            self._tell([Change(self.records.pop(place), removed=True) for place in gone])

    def _tell(self, changes: list[Change]) -> None:
        for endpoint, follower in self.connected.items():
            self.clock.after(PUSH, partial(self._push, endpoint, follower, changes))

    def _push(self, endpoint: Endpoint, follower: Follower, changes: list[Change]) -> None:
        if self.connected.get(endpoint) is follower:
            follower(changes)
