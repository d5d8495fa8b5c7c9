"""The way to an IPX address as far as this node knows it: its own tables, and what others have registered.

IPX has no message "too many routers", so nothing can be asked of routers one by one. What stands here is what
the node would do with a packet now, and what the next node has told the directory of what lies behind it.
"""

from enum import StrEnum
from typing import NamedTuple

from nwip.dataplane.forwarding import Way
from nwip.directory.records import Kind, Node, Record, Route, endpoint_text
from nwip.gateway.gateway import NodeGateway
from nwip.ipx.address import Address
from nwip.links.base import Link


class What(StrEnum):
    """What a step is."""

    NODE = "node"
    LINK = "link"
    ROUTER = "router"
    NETWORK = "network"
    HOST = "host"


class Step(NamedTuple):
    """One step of a way.

    `at` can be asked for an answer to a ping, when it is given. `ticks` and `hops` count from this node, as
    routers count them; None where nobody has said. `where` says in words where this is, or who says so.
    `own` marks this node itself.
    """

    what: What
    name: str = ""
    at: Address | None = None
    network: int | None = None
    where: str = ""
    ticks: int | None = None
    hops: int | None = None
    own: bool = False


class Path(NamedTuple):
    """The steps, this node first; `gap` says what is not known, nothing when the last step is the address."""

    steps: tuple[Step, ...]
    gap: str = ""


def path_to(gateway: NodeGateway, identity: bytes, name: str, to: Address) -> Path:
    """Return the way to an address, whose network 0 means the virtual one; the node is called `name`."""
    to = to._replace(network=to.network or gateway.parameters.network, socket=0)
    here = Step(What.NODE, name, gateway.address, where="this node", ticks=0, hops=0, own=True)
    if gateway.is_own(to):
        return Path((here._replace(at=to),))
    way = gateway.way_to(to)
    if way is None:
        return Path((here,), _gap(gateway, to))
    if way.outlet is gateway.virtual:
        return Path((here, _link(gateway.virtual), *_through_domain(gateway, to, way)))
    link = next(link for link in gateway.links if link is way.outlet)
    return Path((here, _link(link), *_through_link(gateway, identity, link, to, way)))


def _gap(gateway: NodeGateway, to: Address) -> str:
    if to.network == gateway.parameters.network:
        return "no host with this number is known on the virtual network"
    return "no way to this network is known"


def _link(link: Link) -> Step:
    where = "; ".join(f"{label} {text.splitlines()[0]}" for label, text in link.describe().items() if text)
    return Step(What.LINK, link.name, network=link.network, where=where)


def _through_domain(gateway: NodeGateway, to: Address, way: Way) -> list[Step]:
    """Return the next node, and what it leads to."""
    record = _node_at(gateway, way.hop)
    if record is None or not isinstance(record.value, Node):
        return [Step(What.HOST, at=to)]
    node, ticks = record.value, gateway.ticks_to(record.owner)
    number = Address(gateway.parameters.network, node.node, 0)
    where = ", ".join(f"UDP {endpoint_text(endpoint)}" for endpoint in node.endpoints)
    steps = [Step(What.NODE, node.name, number, where=where, ticks=ticks)]
    if to == number:
        return steps
    if to.network == gateway.parameters.network:
        registered = any(
            offer.owner == record.owner for offer in gateway.directory.offers((Kind.HOST, to.node, ""))
        )
        where = f"registered by {node.name}" if registered else f"its packets come from {node.name}"
        return [*steps, Step(What.HOST, at=to, where=where, ticks=ticks)]
    route = _route(gateway, record.owner, to.network)
    if route is not None:
        total = None if ticks is None else route.ticks + ticks
        steps.append(_network(to.network, f"registered by {node.name}", total, route.hops + 1))
    return [*steps, Step(What.HOST, at=to)]


def _through_link(gateway: NodeGateway, identity: bytes, link: Link, to: Address, way: Way) -> list[Step]:
    """Return the router of a link that leads to another network, and the host."""
    if to.network == link.network:
        return [Step(What.HOST, at=to, where=f"on {link.name}", ticks=0 if link.joined else 1, hops=0)]
    steps = []
    if isinstance(way.hop, bytes):
        steps.append(Step(What.ROUTER, at=Address(link.network, way.hop, 0), where=f"on {link.name}"))
    route = _route(gateway, identity, to.network)
    if route is not None:
        steps.append(_network(to.network, "as its RIP says", route.ticks, route.hops))
    return [*steps, Step(What.HOST, at=to)]


def _network(network: int, where: str, ticks: int | None, hops: int) -> Step:
    return Step(What.NETWORK, network=network, where=where, ticks=ticks, hops=hops)


def _node_at(gateway: NodeGateway, hop: object) -> Record | None:
    for record in gateway.directory.records(Kind.NODE):
        if isinstance(record.value, Node) and hop in record.value.endpoints:
            return record
    return None


def _route(gateway: NodeGateway, owner: bytes, network: int) -> Route | None:
    for record in gateway.directory.offers((Kind.ROUTE, network, "")):
        if record.owner == owner and isinstance(record.value, Route):
            return record.value
    return None
