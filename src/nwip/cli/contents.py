"""The commands by name: where each is, and what the list of all says of it.

Only the one that runs is imported: to list them all takes no longer than to start.
"""

from typing import Final, NamedTuple


class Entry(NamedTuple):
    """A command: the module of this room that has it, its name there, and the first sentence of its help."""

    module: str
    attribute: str
    sentence: str


COMMANDS: Final = {
    "ban": Entry(
        "ban",
        "ban",
        "Keep somebody out of the node here: an IP address, a network, or a player by his node number.",
    ),
    "bench": Entry("bench", "bench", "Measure what packets cost on this machine."),
    "capture": Entry("capture", "capture", "Record what passes the links of the node here, until Ctrl-C."),
    "check": Entry(
        "check",
        "check",
        "Say what is on the ports of NetWare/IP: 396, 213, 524, 2010, 43981 and 43982, TCP and UDP.",
    ),
    "clients": Entry("queries", "clients", "List the players on the DOSBox servers here."),
    "config": Entry("manage", "config", "Write and check configuration files."),
    "decode": Entry("decode", "decode", "Show what is in a capture: IPX, one line a packet."),
    "demo": Entry("running", "demo", "Show a whole domain at work, on loopback."),
    "dhcp-options": Entry(
        "dhcp", "dhcp_options", "Print DHCP options 62 and 63, ready to paste for dnsmasq, ISC dhcpd and Kea."
    ),
    "discover": Entry("discover", "discover", "Find a DSS, of DOMAIN or of whichever domain there is."),
    "dissector": Entry("dissector", "dissector", "Print the path of a dissector for Wireshark, in Lua."),
    "doctor": Entry(
        "doctor", "doctor", "Look a node over, running or not: what is well, what is not, and what mends it."
    ),
    "domain": Entry("domain", "domain", "Make a sealed domain, and say who its members are."),
    "dss": Entry("dss", "dss", "Look at the directory servers of a domain, and run them."),
    "events": Entry(
        "events",
        "events",
        "Show what has happened on the node here: alarms, links, nodes, DSSs, players, sessions, bans.",
    ),
    "init": Entry(
        "init", "init", "Ask four questions and write a commented configuration, by default nwip.toml."
    ),
    "join": Entry(
        "domain",
        "join",
        "Become a member of a sealed domain, with the line that 'nwip domain invite' printed there.",
    ),
    "link": Entry("link", "link", "Add and remove links of the node here while it runs."),
    "links": Entry(
        "queries",
        "links",
        "List the links of the node here, their traffic, and what is wrong with their networks.",
    ),
    "metrics": Entry("metrics", "metrics", "Print what the node here counts, as metrics for Prometheus."),
    "nodes": Entry("queries", "nodes", "List the nodes of the domain, and where they are."),
    "ping": Entry("reach", "ping", "See whether an IPX host answers."),
    "resolve": Entry("reach", "resolve", "Find the IPX address of a service or node."),
    "routes": Entry("queries", "routes", "List the IPX networks of the domain, and who leads there."),
    "sap": Entry("sap", "sap", "Advertise and find services: SAP, as the programs of IPX know it."),
    "services": Entry("queries", "services", "List the services of the domain: servers, printers."),
    "simulate": Entry(
        "simulate",
        "simulate",
        "Try out a plan for a domain, with simulated time and network, on this machine alone.",
    ),
    "trace": Entry("reach", "trace", "Show the way to an IPX host, as far as it can be known."),
    "up": Entry("running", "up", "Run a node until Ctrl-C; says how to reach it."),
    "watch": Entry(
        "watch", "watch", "Show alarms, sites, links, DSSs, players and events of the node here, live."
    ),
    "web": Entry("web", "web", "Show in web browsers what the node here knows, live, until Ctrl-C."),
}
