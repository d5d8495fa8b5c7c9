"""Records as rows for people and for `--json`: what `nwip services`, `routes`, `nodes` and `resolve` show.

The same rows whether a node's replica or a DSS was asked. Distances are as registered: they count from the
owner. Ages are seconds since the owner's last renewal.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import NamedTuple

from nwip.directory.records import Endpoint, Host, Node, Record, Route, Service, endpoint_text
from nwip.ipx.address import format_network, format_node
from nwip.ipx.numbers import SERVICE_TYPE_NAMES
from nwip.links.peer_traffic import Traffic

Row = dict[str, object]


class Seen(NamedTuple):
    """A record, the name of its owner (or its identity), and the seconds since the owner renewed."""

    record: Record
    owner: str
    age: float


def services(seen: Iterable[Seen]) -> list[Row]:
    """Return every offer of a service, by type and name."""
    found = [
        {
            "type": service.service_type,
            "type_name": SERVICE_TYPE_NAMES.get(service.service_type, ""),
            "name": service.name,
            "address": str(service.address),
            "hops": service.hops,
            "owner": owner,
            "age": age,
        }
        for (record, owner, age) in seen
        if isinstance(service := record.value, Service)
    ]
    return sorted(found, key=itemgetter("type", "name", "hops", "owner"))


def routes(seen: Iterable[Seen]) -> list[Row]:
    """Return every offer of a network, by number, with the node number that leads there."""
    seen = list(seen)
    numbers = {
        s.record.owner: format_node(s.record.value.node) for s in seen if isinstance(s.record.value, Node)
    }
    found = [
        {
            "network": format_network(route.network),
            "hops": route.hops,
            "ticks": route.ticks,
            "owner": owner,
            "next": numbers.get(record.owner, ""),
        }
        for (record, owner, _) in seen
        if isinstance(route := record.value, Route)
    ]
    return sorted(found, key=itemgetter("network", "ticks", "hops", "owner"))


def nodes(
    seen: Iterable[Seen],
    own: bytes | None = None,
    traffic: Callable[[Endpoint], Traffic] | None = None,
) -> list[Row]:
    """Return every node, by name, with the number of hosts behind it; `own` is whose rows they are.

    `traffic` tells what that one has exchanged with an endpoint; a DSS exchanges no packets with nodes.
    """
    seen = list(seen)
    hosts = Counter(s.record.owner for s in seen if isinstance(s.record.value, Host))
    found = [
        {
            "name": node.name,
            "node": format_node(node.node),
            "endpoints": [endpoint_text(endpoint) for endpoint in node.endpoints],
            "hosts": hosts[record.owner],
            "age": age,
            "self": record.owner == own,
            **(_exchanged(traffic, node) if traffic is not None else {}),
        }
        for (record, _, age) in seen
        if isinstance(node := record.value, Node)
    ]
    return sorted(found, key=itemgetter("name", "node"))


def _exchanged(traffic: Callable[[Endpoint], Traffic], node: Node) -> Row:
    parts = [traffic(endpoint) for endpoint in node.endpoints]
    return {field: sum(getattr(part, field) for part in parts) for field in Traffic._fields}


def resolve(seen: Iterable[Seen], network: int, name: str) -> list[Row]:
    """Return the services and nodes of a name, in any case of letters; nodes are on the network `network`."""
    wanted = name.casefold()
    found: list[Row] = []
    for record, _, _ in seen:
        value = record.value
        if isinstance(value, Service) and value.name.casefold() == wanted:
            row: Row = {"kind": "service", "name": value.name, "address": str(value.address)}
        elif isinstance(value, Node) and value.name.casefold() == wanted:
            address = f"{format_network(network)}.{format_node(value.node)}"
            row = {"kind": "node", "name": value.name, "address": address}
        else:
            continue
        if row not in found:  # several nodes may offer it
            found.append(row)
    return found
