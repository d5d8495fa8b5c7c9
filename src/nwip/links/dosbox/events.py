"""What the engine of the server decides: datagrams to send, and who has come and gone or moved."""

from typing import NamedTuple

from nwip.directory.records import Endpoint


class Outgoing(NamedTuple):
    """A datagram to send from the listening socket with the index `port`."""

    data: bytes
    address: Endpoint
    port: int


class Joined(NamedTuple):
    """A client has proved itself; `moved_from` is where the same node number was until now."""

    node: bytes
    address: Endpoint
    moved_from: Endpoint | None = None


class Left(NamedTuple):
    """A client is gone, and why."""

    node: bytes
    address: Endpoint
    reason: str


class Turned(NamedTuple):
    """A client uses another listening socket than the one with the index `before`."""

    node: bytes
    before: int


class Silenced(NamedTuple):
    """A client sends more than its rate, and is not heard until it has been quiet for long enough."""

    node: bytes


class TurnedAway(NamedTuple):
    """The source at an address was not let in, and why."""

    address: Endpoint
    reason: str


Event = Joined | Left | Turned | Silenced
"""What happens to clients."""
