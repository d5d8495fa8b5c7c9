"""What `nwip up` prints when a node is ready: the first question of every user is what to type where."""

from nwip.directory.records import endpoint_text
from nwip.ipx.address import format_network
from nwip.views import Running


def banner(node: Running) -> str:
    """Return the lines for people: domain, network, addresses, ports, links and what to type."""
    gateway = node.gateway
    if gateway is None:
        return f"domain {node.config.domain.name}: waiting for a DSS"
    parameters, virtual = gateway.parameters, gateway.virtual
    data = endpoint_text(virtual.endpoint)
    lines = [
        f"domain   {parameters.domain}, virtual network {format_network(parameters.network)}",
        f"node     {node.config.node.name}, {str(gateway.address).rpartition('.')[0]}, data on UDP {data}",
    ]
    if node.dss is not None:
        lines += [f"DSS      TCP and UDP {endpoint_text(at)}, this node" for at in node.dss.endpoints]
    elif node.client is not None and node.client.connected is not None:
        lines.append(f"DSS      TCP {endpoint_text(node.client.connected)}")
    for link in gateway.links:
        way = "on the virtual network" if link.joined else f"network {format_network(link.network)}"
        lines.append(f"link     {link.name}, {link.kind}, {way}")
        for label, text in link.describe().items():
            first, *more = text.split("\n")
            lines.append(f"           {label}: {first}")
            lines += [" " * (len(label) + 13) + line for line in more]
    return "\n".join(lines)
