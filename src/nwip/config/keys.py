"""What each key of `nwip.toml` takes, in the words of an error message."""

from typing import Final, get_args

from nwip.config.links import KINDS, Frame

FRAMES: Final = get_args(Frame)


def _quoted(name: str) -> str:
    return f'"{name}"'


_PORT: Final = "write a port number from 1 to 65535"
_BUSY_POLL: Final = "write microseconds from 0 (off) to 1000000, for example 100"
_ADMIT: Final = 'write a list such as ["loopback", "private", "203.0.113.0/24"]; "any" admits everyone'
_LISTEN: Final = (
    'write a list of addresses of this machine, for example ["127.0.0.1"]; "0.0.0.0" is all of them'
)

SECRETS: Final = frozenset({"etcd.password", "web.token"})  # not even a wrong one is shown

MENDS: Final[dict[str, str]] = {
    "domain": 'write it as a table: [domain], then its keys, for example name = "nwip.example.org"',
    "domain.name": 'write a name of letters, digits, dots and hyphens, for example "nwip.example.org"',
    "domain.sealed": "write true (this node must be a member of a sealed domain) or false (it must be none)",
    "domain.network": (
        "write 1 to 8 hexadecimal digits in quotes, other than 0, FFFFFFFE and FFFFFFFF,"
        ' for example "4E574950"'
    ),
    "domain.data-port": _PORT + ", for example 43981",
    "domain.node-prefix": 'write 4 hexadecimal digits in quotes, for example "7E01"',
    "domain.ticks": (
        "write three numbers of ticks from 1 to 65535: same subnet, same network, elsewhere: [2, 4, 6]"
    ),
    "domain.broadcasts": 'write "domain" (copied to every node) or "subnet" (to the local IP subnet only)',
    "domain.broadcast-rate": "write packets a second from 1 to 1000000, for example 250",
    "domain.broadcast-burst": "write packets from 1 to 1000000, for example 500",
    "domain.hop-limit": "write a number of routers from 2 to 127, for example 16",
    "domain.networks": 'write "open", "first" or "listed": who may register an IPX network',
    "domain.profile": (
        'write "default" (lease 15 s, renewal 5 s) or "classic" (lease 15 min, renewal 5 min, as Novell had)'
    ),
    "domain.lease": "write seconds from 1 to 86400, more than twice the renewal, for example 15",
    "domain.renewal": "write seconds from 0.2 to 28800, less than half the lease, for example 5",
    "domain.synchronisation": "write seconds from 1 to 3600, at most the lease, for example 5",
    "node": 'write it as a table: [node], then its keys, for example name = "museum"',
    "node.name": "write 1 to 63 characters in quotes, without control characters",
    "node.address": 'write an IP address of this machine in quotes, for example "192.0.2.1"',
    "node.seen-at": (
        "in a sealed domain, write the IP address at which others reach this node from outside, with the port"
        ' if it is not that of node.port: "198.51.100.7"'
    ),
    "node.port": _PORT + "; without the key the domain's data port is used",
    "node.forward": "write true (links and domain are one IPX network) or false (links keep to themselves)",
    "node.portable": "write true (plain calls of one datagram each) or false (what is fastest here)",
    "node.busy-poll": _BUSY_POLL,
    "node.user": "write the name of a user of this machine in quotes, whom nwip becomes when root starts it",
    "node.state": "write the path of a directory in quotes",
    "node.control": "write the path of a socket in quotes",
    "node.audit": 'write the path of a file in quotes, or "log"',
    "dss": "write it as a table: [dss], then its keys, for example serve = true",
    "dss.serve": "write true without servers, or false to ask the servers of others",
    "dss.listen": _LISTEN,
    "dss.port": _PORT + ", for example 396",
    "dss.servers": (
        "write a list of names or addresses, with a port if it is not 396:"
        ' ["192.0.2.1", "[2001:db8::1]:10396"]'
    ),
    "dss.admit": _ADMIT,
    "dss.peers": (
        "on a node with serve = true, write a list of the other DSSs, with a port if it is not 2010:"
        ' ["192.0.2.2", "dss.example.org"]'
    ),
    "dss.peer-port": _PORT + ", for example 2010",
    "dss.store": (
        'write "sqlite" (kept in the state directory), "memory" (lost when the node stops), or "etcd" (in the'
        " cluster of the table [etcd])"
    ),
    "etcd": 'write it as a table: [etcd], then its keys, for example endpoints = ["http://192.0.2.1:2379"]',
    "etcd.endpoints": (
        "write a list of 1 to 16 URLs with a port, one of each node of the cluster:"
        ' ["https://192.0.2.1:2379", "https://192.0.2.2:2379"]'
    ),
    "etcd.user": "write the name of a user of the cluster in quotes, and the password into a file",
    "etcd.password": "write it in quotes, or better the path of a file that holds it as password-file",
    "etcd.password-file": "write the path of a file that holds the user's password and nothing else",
    "etcd.ca": "write the path of the certificates by which the cluster's is judged, in PEM",
    "etcd.certificate": "write the path of this DSS's certificate in PEM, and that of its key as key",
    "etcd.key": "write the path of the certificate's key in PEM, without a passphrase",
    "discovery": 'write it as a table: [discovery], then its keys, for example ways = ["dhcp", "dns"]',
    "discovery.ways": 'write a list of "preferred", "dhcp", "dns" and "nearest"; tried in this order',
    "discovery.leases": (
        'write a list of absolute paths, with * if need be: ["/var/lib/dhcp/dhclient*.leases"]'
    ),
    "web": "write it as a table: [web], then its keys, for example port = 8396",
    "web.listen": _LISTEN,
    "web.port": _PORT + ", for example 8396",
    "web.token": (
        "write 16 to 256 letters, digits and signs in quotes, without blanks:"
        " 'openssl rand -hex 16' makes some"
    ),
    "web.names": 'write a list of the names by which browsers reach the page: ["nwip.example.org"]',
    "log": 'write it as a table: [log], then its key, for example format = "json"',
    "log.format": 'write "text" (a line for people) or "json" (an object on each line)',
    "filter": 'write each filter as a table of its own: [[filter]], then action = "deny"',
    "filter.action": 'write "deny" or "allow"; the first filter that fits decides',
    "filter.kind": 'write "service", "route" or "any"',
    "filter.types": 'write a list of service types in hexadecimal, in quotes: ["4", "7"]',
    "filter.name": 'write a pattern of up to 64 characters with at most four *, for example "LAB*"',
    "filter.networks": 'write a list of network numbers, 1 to 8 hexadecimal digits in quotes: ["C0FFEE"]',
    "filter.owner": "write a pattern for the name or identity of a node, with at most four *",
    "grant": 'write each grant as a table of its own: [[grant]], then networks = ["C0FFEE"]',
    "grant.networks": 'write a list of network numbers, 1 to 8 hexadecimal digits in quotes: ["C0FFEE"]',
    "grant.owner": "write a pattern for the name or identity of a node, with at most four *",
    "grant.source": 'write an IP address, or a network without host bits, in quotes: "192.0.2.0/24"',
    "link": 'write each link as a table of its own: [[link]], then kind = "dosbox"',
    "link.kind": f"write one of {', '.join(_quoted(kind.kind) for kind in KINDS)}",
    "link.name": "write 1 to 32 letters, digits, dots, hyphens or underscores, another for each link",
    "link.joined": (
        "write true (its hosts are on the virtual network) or false (it is an IPX network of its own)"
    ),
    "link.network": (
        "where joined = false, write the number of its IPX network, 1 to 8 hexadecimal digits in quotes:"
        ' "C0FFEE"'
    ),
    "link.priority": "write a number from 0 to 255: of several gateways on one LAN the highest routes",
    "link.listen": _LISTEN,
    "link.port": _PORT + ", for example 213",
    "link.clients": "write how many clients may be connected, from 1 to 1000000",
    "link.admit": _ADMIT,
    "link.busy-poll": _BUSY_POLL,
    "link.per-address": "write how many clients may have one IP address, from 0 (no limit) to 1000000",
    "link.packet-rate": "write packets a second from 0 (no limit) to 1000000, for example 500",
    "link.frame": f"write one of {', '.join(_quoted(name) for name in FRAMES)}",
    "link.interface": 'write the name of a network interface of this machine in quotes, for example "eth0"',
    "link.device": 'write a name of 1 to 15 letters and digits in quotes, for example "tap0"',
    "link.netdev": (
        'with "stream" write listen or connect, with "dgram" local and remote, or group, with "socket" any of'
        ' these; each is "HOST:PORT", or the absolute path of a UNIX socket'
    ),
    "link.connect": 'write where QEMU listens: "HOST:PORT", or the path of a UNIX socket',
    "link.local": 'write where this end of a dgram is: "HOST:PORT", or the path of a UNIX socket',
    "link.remote": 'write where QEMU\'s end of a dgram is: "HOST:PORT", or the path of a UNIX socket',
    "link.group": 'for qemu write a multicast group, "230.0.0.1:1234"; for netswitch a number from 0 to 31',
    "link.interfaces": 'write a list of network interfaces, such as ["eth0"]; an empty one is all of them',
    "link.room": "write 1 to 64 letters, digits, hyphens or underscores in quotes: what follows /ipx/",
    "link.certificate": "write the path of a certificate in quotes, and that of its key as key",
    "link.key": "write the path of the certificate's key in quotes, beside that of the certificate",
    "link.origins": 'write a list of web sites whose pages may connect: ["https://games.example.org"]',
    "link.idle": "write seconds from 30 to 86400, for example 600",
    "link.server": 'write a name or address, with a port if it is not 213: "ipx.example.org:213"',
    "link.hosts": "write how many local hosts may be registered there, from 1 to 256",
    "link.own-numbers": "write true (ask for the hosts' own node numbers) or false",
    "link.known-as": 'write the IPv4 address by which peers know this node in quotes: "198.51.100.7"',
    "link.peers": 'write a list of names or IPv4 addresses: ["192.0.2.7", "gateway.example.org"]',
    "link.peer-list": "write the path of a file or an http or https address in quotes",
    "link.refresh": "write seconds from 10 to 86400, for example 600",
}
