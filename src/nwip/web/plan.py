"""What belongs where in a domain: sites, their gateways, and what hangs on these. Pure.

A site is drawn around nodes whose addresses have their first 24 bits (IPv4) or 64 bits (IPv6) in common: what
is close, as far as addresses can tell. Of this node all links and clients are known; of the others what is in
the directory: their networks, and how many hosts they have.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from itertools import islice
from math import isnan
from typing import Final, NamedTuple

from nwip.durations import seconds
from nwip.web.facts import Facts, Row, number, objects, text, words
from nwip.web.history import History

MOST_NODES: Final = 48  # gateways in the picture
MOST_ITEMS: Final = 8  # networks of a node, and clients of a link


class Item(NamedTuple):
    """Something on a gateway: a link, a client (of the link above it), a network, its hosts."""

    kind: str
    title: str
    note: str = ""
    state: str = ""


class Gateway(NamedTuple):
    """A node; `state` is "self", "gone" or "". `rate`: packets a second between this node and it."""

    node: str
    title: str
    note: str
    state: str
    items: tuple[Item, ...] = ()
    rate: float = 0.0


class Server(NamedTuple):
    """A DSS: its name, its role or how far it lags behind, and "self" where it runs in this node."""

    title: str
    note: str
    state: str


class Site(NamedTuple):
    """Nodes that are close to each other."""

    title: str
    gateways: tuple[Gateway, ...]


class Plan(NamedTuple):
    """All of a domain that goes into a picture; `more` is how many nodes do not."""

    domain: str
    network: str
    servers: tuple[Server, ...] = ()
    sites: tuple[Site, ...] = ()
    more: int = 0


class _Known(NamedTuple):
    facts: Facts
    history: History
    networks: Mapping[str, list[Row]]
    now: float


def plan(facts: Facts, history: History, gone: Mapping[str, tuple[Row, float]], now: float) -> Plan:
    """Return what there is to draw; `gone` are nodes that have left the directory, and since when."""
    present = {text(row, "node") for row in facts.rows("nodes")}
    missing = [(row, since) for node, (row, since) in gone.items() if node not in present]
    found = [(row, None) for row in facts.rows("nodes")] + missing
    found.sort(key=lambda pair: (pair[0].get("self") is not True, pair[1] is None, text(pair[0], "name")))
    known = _Known(facts, history, _networks(facts), now)
    sites: defaultdict[str, list[Gateway]] = defaultdict(list)
    for row, since in found[:MOST_NODES]:
        sites[site_of(row)].append(_gateway(known, row, since))
    ordered = sorted(
        (
            Site(title, tuple(sorted(gateways, key=lambda each: each.title)))
            for title, gateways in sites.items()
        ),
        key=lambda site: (all(gateway.state != "self" for gateway in site.gateways), site.title),
    )
    return Plan(
        text(facts.about, "domain") or "the domain",
        text(facts.about, "network"),
        tuple(_servers(facts)),
        tuple(ordered),
        max(0, len(found) - MOST_NODES),
    )


def site_of(row: Row) -> str:
    """Return the IP network that is taken for a node's site, "elsewhere" where it has no address."""
    for endpoint in words(row, "endpoints"):
        host = endpoint.rpartition(":")[0].strip("[]").partition("%")[0]
        try:
            address = ip_address(host)
        except ValueError:
            continue
        return str(ip_network((address, 24 if address.version == 4 else 64), strict=False))
    return "elsewhere"


def _gateway(known: _Known, row: Row, since: float | None) -> Gateway:
    node, name = text(row, "node"), text(row, "name")
    if since is not None:
        return Gateway(node, name or node, f"gone for {seconds(known.now - since)}", "gone")
    if row.get("self") is True:
        return Gateway(node, name or node, f"{node} · this node", "self", tuple(_own_items(known)))
    came, went, _ = known.history.latest(f"peer:{node}")
    rate = 0.0 if isnan(came + went) else came + went
    items = [Item("network", text(route, "network"), _ticks(route)) for route in known.networks.get(name, ())]
    hosts = int(number(row, "hosts"))
    if hosts:
        items.append(Item("hosts", f"{hosts} host{'s' if hosts > 1 else ''}", "on the virtual network"))
    return Gateway(node, name or node, node, "", _few(items, "networks"), rate)


def _own_items(known: _Known) -> Iterator[Item]:
    for link in known.facts.rows("links")[1:]:  # the first is virtual: the line that all nodes are on
        name, state = text(link, "name"), text(link, "state")
        came, went, _ = known.history.latest(f"link:{name}")
        flow = "" if isnan(came + went) else f"{came + went:,.0f}/s"
        network = "joined" if link.get("joined") is True else text(link, "network")
        note = " · ".join(part for part in (text(link, "kind"), network, state or flow) if part)
        yield Item("link", name, note, "bad" if state else "")
        clients = [
            Item("client", text(client, "node"), text(client, "address"))
            for client in known.facts.rows("clients")
            if text(client, "link") == name
        ]
        yield from _few(clients, "clients")


def _few(items: list[Item], what: str) -> tuple[Item, ...]:
    surplus = len(items) - MOST_ITEMS
    more = (Item("more", f"and {surplus} {what} more"),) if surplus > 0 else ()
    return (*islice(items, MOST_ITEMS), *more)


def _networks(facts: Facts) -> dict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for route in facts.rows("routes"):
        found[text(route, "owner")].append(route)
    return found


def _ticks(route: Row) -> str:
    return f"network · {number(route, 'ticks'):.0f} ticks"


def _servers(facts: Facts) -> Iterator[Server]:
    """Yield the DSSs of the directory, and what this node's own says of itself and the others."""
    status = facts.dss
    peers = {text(peer, "identity"): peer for peer in objects(status, "peers")}
    told = status.get("primary")
    primary = text(told, "identity") if isinstance(told, dict) else ""
    for server in objects(facts.about, "servers")[:MOST_ITEMS]:
        identity, here = text(server, "identity"), server.get("here") is True
        notes = [] if not primary else ["primary" if identity == primary else "secondary"]
        if identity in peers:
            lag = number(peers[identity], "lag")
            notes.append(f"differs for {seconds(lag)}" if lag else "in step")
        elif server.get("asked") is True and not here:
            notes.append("this node asks it")
        yield Server(text(server, "name") or identity[:8], " · ".join(notes) or "DSS", "self" if here else "")
