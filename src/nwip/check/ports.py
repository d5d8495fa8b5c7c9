"""The ports that `nwip check` looks at: whose they are, and how they came to be used. Pure.

The history is that of the reference on NetWare/IP; what Novell never published is called unknown.
"""

from typing import Final, NamedTuple

from nwip.ipx.numbers import (
    IPX_TUNNEL_PORT,
    NETWARE_IP_DATA_PORT,
    NETWARE_IP_PEER_PORT,
    NETWARE_IP_PORT,
)

NCP_PORT: Final = 524
SECOND_DATA_PORT: Final = NETWARE_IP_DATA_PORT + 1
UNPRIVILEGED: Final = 1024  # the first port that takes no privilege
FALLBACK: Final = 10_000  # added to a port below that where there is none: 396 becomes 10396

PORTS: Final = (
    NETWARE_IP_PORT,
    IPX_TUNNEL_PORT,
    NCP_PORT,
    NETWARE_IP_PEER_PORT,
    NETWARE_IP_DATA_PORT,
    SECOND_DATA_PORT,
)
TRANSPORTS: Final = ("tcp", "udp")


class Story(NamedTuple):
    """What a port is: in a few words, its history, and what nwip does with it."""

    name: str
    history: str
    today: str


STORIES: Final = {
    NETWARE_IP_PORT: Story(
        "netware-ip, TCP and UDP",
        "Registered with IANA as 'Novell Netware over IP'. NetWare/IP came in 1993 as an add-on for NetWare 3"
        " and 4: it carried IPX in UDP, and kept what IPX broadcasts every minute in a directory, the DSS"
        " (Domain SAP/RIP Server). What Novell's own programs said on this port was never published."
        " NetWare 5 (1998) replaced it by NCP over TCP/IP.",
        "nwip's DSS: sessions of nodes over TCP, questions in plain IPX over UDP. Without privilege nwip"
        " takes 10396.",
    ),
    IPX_TUNNEL_PORT: Story(
        "ipx, UDP",
        "The IPX tunnel of RFC 1234 (1991), Novell's IPTUNNEL: each IPX packet in one UDP datagram, to a list"
        " of peers. DOSBox took the number over as the usual one of its own, different protocol.",
        "nwip's servers for DOSBox players and its RFC 1234 tunnels. Without privilege players find nwip at"
        " 10213.",
    ),
    NCP_PORT: Story(
        "ncp, TCP and UDP",
        "The NetWare Core Protocol over IP, from NetWare 5 (1998): requests begin with 'DmdT', replies with"
        " 'tNcP'. UDP carries time synchronisation and watchdogs.",
        "nwip does not use it. A NetWare or Open Enterprise Server does.",
    ),
    NETWARE_IP_PEER_PORT: Story(
        "nwip's peer port, TCP",
        "No connection with Novell's NetWare/IP is known. IANA has it as 'search'.",
        "nwip's DSSs talk with each other here: a port of its own, so that a firewall can keep it to their"
        " hosts.",
    ),
    NETWARE_IP_DATA_PORT: Story(
        "NetWare/IP data, UDP",
        "0xABCD, the default port of Novell's NetWare/IP for encapsulated IPX: the IPX header stands directly"
        " behind that of UDP. The primary DSS could set another. It lies in the range that systems give to"
        " outgoing connections (Linux: 32768 to 60999), so that any program may hold it by chance.",
        "nwip's nodes send each other packets here: plain IPX as NetWare/IP had it, or sealed datagrams.",
    ),
    SECOND_DATA_PORT: Story(
        "NetWare/IP's second port, UDP",
        "0xABCE, one above the data port. Novell's documentation speaks of UDP port numbers in the plural;"
        " that this is the second, for the traffic of the DSS, is memory and not confirmed.",
        "nwip does not use it.",
    ),
}


def usual(port: int) -> int:
    """Return the port that another stands for: 396 for 10396, and else itself."""
    lower = port - FALLBACK
    return lower if lower in {NETWARE_IP_PORT, IPX_TUNNEL_PORT} else port
