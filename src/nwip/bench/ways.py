"""What is measured: a way that packets of a load take, and the processes that pay for it."""

import socket
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol


class Ends(Protocol):
    """The sockets of a load: one that sends, connected, and one that receives.

    `window` is how many packets may be under way, so that they have room in a socket's buffer.
    """

    @property
    def sender(self) -> socket.socket:
        """Where packets set out."""
        ...

    @property
    def receiver(self) -> socket.socket:
        """Where they arrive."""
        ...

    @property
    def window(self) -> int:
        """How many may be under way."""
        ...


class Way(NamedTuple):
    """A relay or several, and the clients that use it.

    `nodes` are the clients' node numbers on `network` (four octets), in order; client 0 sends. `processes`
    are the process numbers of who carries the packets, by name. `keep` is called before each measurement:
    clients that only receive would be taken for gone. `grow` makes it so many receivers.
    """

    clients: Ends
    network: bytes
    nodes: list[bytes]
    processes: Mapping[str, int]
    keep: Callable[[], None] = lambda: None
    grow: Callable[[int], None] = lambda _: None
