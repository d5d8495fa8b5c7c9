"""What is measured: a way that packets of the clients take, and the processes that pay for it."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from nwip.bench.clients import Clients
from nwip.directory.records import Endpoint


class Way(NamedTuple):
    """A relay or several, and the clients that use it.

    Client 0 sends to `target`. `nodes` are the clients' node numbers on `network` (four octets), in order;
    `processes` are the process numbers of who carries the packets, by name. `keep` is called before each
    measurement: clients that only receive would be taken for gone. `grow` makes it so many receivers.
    """

    name: str
    clients: Clients
    target: Endpoint
    network: bytes
    nodes: list[bytes]
    processes: Mapping[str, int]
    keep: Callable[[], None] = lambda: None
    grow: Callable[[int], None] = lambda _: None
