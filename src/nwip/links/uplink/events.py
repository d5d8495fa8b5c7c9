"""What the engine of an uplink decides: datagrams to send, and what has become of hosts and server."""

from typing import NamedTuple


class Outgoing(NamedTuple):
    """A datagram for the server, from the UDP port with the index `port`; a new index means a new port."""

    data: bytes
    port: int


class PortClosed(NamedTuple):
    """The UDP port with this index is not used any more."""

    port: int


class Gained(NamedTuple):
    """A host of the far side has been heard for the first time."""

    node: bytes


class Lost(NamedTuple):
    """A host of the far side is gone, and why."""

    node: bytes
    reason: str


class Registered(NamedTuple):
    """The server has given a number; `host` (ten octets of network and node) is None for the gateway."""

    host: bytes | None
    number: bytes


class Unanswered(NamedTuple):
    """The server does not answer the gateway's own registration: its name may mean another address now."""


class LoopFound(NamedTuple):
    """The gateway's own registration is a host of this gateway: the server leads back to where we are."""

    number: bytes


class LoopGone(NamedTuple):
    """The uplink leads back no longer, and carries packets again."""


Event = PortClosed | Gained | Lost | Registered | Unanswered | LoopFound | LoopGone
