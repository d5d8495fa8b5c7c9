"""A WebSocket link with a switch behind it."""

import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import TypedDict, Unpack

from links.dosbox.simulation import GATEWAY, KEY, NETWORK
from links.dosbox.switch import Switch
from nwip.directory.records import Endpoint
from nwip.links.websocket import Tls, WebSocketLink, WebSocketServers


class Options(TypedDict, total=False):
    """What a test may ask of a link."""

    joined: bool
    limit: int
    origins: Collection[str]
    tls: Tls | None
    admit: Callable[[str], bool]
    idle: float
    packet_rate: int
    per_address: int


def link_of(
    name: str = "doom",
    servers: WebSocketServers | None = None,
    listen: Sequence[Endpoint] = (("127.0.0.1", 0),),
    *,
    network: int = NETWORK,
    node: bytes = GATEWAY,
    **options: Unpack[Options],
) -> WebSocketLink:
    """Make the link of a room; it is not open."""
    servers = servers or WebSocketServers()
    return WebSocketLink("websocket", network, node, name, servers, listen=listen, key=KEY, **options)


@contextlib.asynccontextmanager
async def room(
    name: str = "doom",
    servers: WebSocketServers | None = None,
    listen: Sequence[Endpoint] = (("127.0.0.1", 0),),
    **options: Unpack[Options],
) -> AsyncIterator[tuple[WebSocketLink, Switch]]:
    """Open a room."""
    link, switch = link_of(name, servers, listen, **options), Switch()
    await link.open(switch)
    try:
        yield link, switch
    finally:
        await link.close()


def at(link: WebSocketLink) -> Endpoint:
    """Return the one address of a link."""
    (endpoint,) = link.endpoints
    return endpoint
