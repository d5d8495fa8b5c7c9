"""What `nwip up` tells when a node is ready: the first question of every user is what to type where."""

from ipaddress import ip_address
from typing import TypedDict

from nwip.directory.records import endpoint_text
from nwip.gateway.gateway import NodeGateway
from nwip.ipx.address import format_network, format_node
from nwip.views import Running


class LinkFacts(TypedDict):
    """One link: `where` is what its `describe` says."""

    name: str
    kind: str
    network: str
    joined: bool
    where: dict[str, str]


class Facts(TypedDict):
    """A node that is ready; addresses as text. `dss_here` says that this node serves the DSS.

    `forwards` is False for a node whose links keep to themselves; `sealed` that only members take part.
    """

    domain: str
    sealed: bool
    network: str
    name: str
    node: str
    data: str
    dss: list[str]
    dss_here: bool
    forwards: bool
    links: list[LinkFacts]


def facts(node: Running, gateway: NodeGateway, inside: NodeGateway) -> Facts:
    """Return domain, network, addresses, ports and links of a node whose gateway is open."""
    servers = node.dss.question_endpoints if node.dss is not None else []  # a wildcard is no address to tell
    if not servers and node.client is not None and node.client.connected is not None:
        servers = [node.client.connected]
    return {
        "domain": gateway.parameters.domain,
        "sealed": node.party is not None,
        "network": format_network(gateway.parameters.network),
        "name": node.config.node.name,
        "node": format_node(gateway.virtual.node),
        "data": endpoint_text(gateway.virtual.endpoint),
        "dss": [endpoint_text(server) for server in servers],
        "dss_here": node.dss is not None,
        "forwards": inside is gateway,
        "links": [
            {
                "name": link.name,
                "kind": link.kind,
                "network": format_network(link.network),
                "joined": link.joined,
                "where": link.describe(),
            }
            for link in inside.links
        ],
    }


def banner(found: Facts) -> str:
    """Return the facts as lines for people."""
    sealed = " (sealed)" if found["sealed"] else ""
    lines = [
        f"domain   {found['domain']}{sealed}, virtual network {found['network']}",
        f"node     {found['name']}, {found['network']}.{found['node']}, data on UDP {found['data']}",
    ]
    how = "TCP and UDP {}, this node" if found["dss_here"] else "TCP {}"
    lines += ["DSS      " + how.format(server) for server in found["dss"]]
    for link in found["links"]:
        way = "on the virtual network" if link["joined"] else f"network {link['network']}"
        if not found["forwards"]:
            way = "by itself: nothing is forwarded"
        lines.append(f"link     {link['name']}, {link['kind']}, {way}")
        for label, text in link["where"].items():
            first, *more = text.split("\n")
            lines.append(f"           {label}: {first}")
            lines += [" " * (len(label) + 13) + line for line in more]
    first, *more = next_steps(found)
    return "\n".join([*lines, f"next     {first}", *(f"         {line}" for line in more)])


def next_steps(found: Facts) -> list[str]:
    """Return what there is to do now, for players and for whoever runs the node."""
    steps = []
    if any(link["kind"] == "dosbox" for link in found["links"]):
        steps.append("players type that line in DOSBox, after: config -set ipx true")
    if found["dss_here"] and all(_is_loopback(server) for server in found["dss"]):
        steps.append(
            "the DSS is on loopback: 'nwip init' writes a file with which other machines' nodes can join"
        )
    return [
        *steps,
        "look around: nwip clients, nwip links; if something is amiss: nwip doctor; to end: Ctrl-C",
    ]


def _is_loopback(endpoint: str) -> bool:
    host = endpoint.rpartition(":")[0].strip("[]").partition("%")[0]
    return ip_address(host).is_loopback
