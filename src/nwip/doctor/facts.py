"""What is known of a machine and of its ways to others, as plain values to be judged. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

Row = Mapping[str, object]


class Clock(NamedTuple):
    """The time of day in seconds since 1970, that of the newest file of the node, 0.0 where it has none.

    `synchronised` is what the kernel says, None where it does not.
    """

    now: float
    newest: float
    synchronised: bool | None


class Privileges(NamedTuple):
    """Who runs this, with which capabilities (their numbers); ports from `first_free_port` need none."""

    user: str
    capabilities: frozenset[int]
    first_free_port: int


class Listening(NamedTuple):
    """A place where the node listens, or would, as `key` of the file says; `is_default`: it does not.

    `error` is why it cannot be had, an errno; 0: it is free.
    """

    transport: str
    port: int
    address: str
    key: str
    is_default: bool
    error: int


class Buffers(NamedTuple):
    """The receive buffer that a socket here is given, and the one that nwip asks for; octets."""

    granted: int
    wanted: int


class Ephemeral(NamedTuple):
    """The ports that the kernel gives to whoever asks for any, and those it keeps back, as it writes them."""

    low: int
    high: int
    reserved: str


class Asked(NamedTuple):
    """One step of discovery: by which way, what was asked, what came of it, and whether that helps."""

    way: str
    asked: str
    answer: str
    helps: bool


class PeerPath(NamedTuple):
    """The way to another node: the largest IP packet that the kernel knows to fit, in octets; 0 no way.

    `whole` says whether a datagram that fills such a packet, and may not be fragmented, has reached the node;
    None where nobody has answered.
    """

    name: str
    endpoint: str
    mtu: int
    whole: bool | None


class Lan(NamedTuple):
    """What was heard on a LAN: packets of each frame type. `speaks` is the link's own, "" where it finds it.

    `error` is why nothing could be heard, "" where it could.
    """

    link: str
    interface: str
    speaks: str
    heard: Mapping[str, int]
    error: str = ""


class Addresses(NamedTuple):
    """Under which address a node knows itself, and those under which the domain knows it; IP addresses.

    `servers` are the DSSs that it talks with. `sealed`: a sealed domain goes through NATs by itself.
    """

    inside: str
    outside: tuple[str, ...]
    servers: tuple[str, ...]
    sealed: bool


class EtcdNode(NamedTuple):
    """What a node of an etcd cluster says of itself: its version, and whether it can write now.

    `error` is why it does not answer, "" where it does.
    """

    endpoint: str
    version: str
    healthy: bool
    error: str = ""
