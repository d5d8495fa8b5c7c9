"""What DOSBox and its servers say to each other on socket 2: registrations and pings.

A client registers with a bare header whose addresses are all zero but for the sockets. The server's reply
tells the client its network and node in the *destination* fields. DOSBox-X may ask for a node number of its
own: transport control is then 'M' and 6 octets stand behind the header; the reply echoes the 'M'. A ping is
a bare header to the broadcast node; DOSBox clients answer it to the pinger's node. Packet types mean nothing
(clients leave rubbish in the field), and neither does the reply's source.

Source: DOSBox 0.74-3, `ipxserver.cpp` and `ipx.cpp`; DOSBox-X, `ipxserver.cpp`. Wireshark shows the socket
as "CISCO PING".
"""

from typing import Final

from nwip.ipx.address import BROADCAST_NODE, NODE_SIZE, NULL_NODE, Address
from nwip.ipx.numbers import THIS_NETWORK, Socket
from nwip.ipx.packet import Packet

NODE_WANTED: Final = 0x4D  # 'M' in transport control: DOSBox-X
SERVER_NETWORK: Final = 1  # the source network in the replies of DOSBox's own server

_HERE: Final = Address(THIS_NETWORK, NULL_NODE, Socket.ECHO)
_EVERYONE: Final = Address(THIS_NETWORK, BROADCAST_NODE, Socket.ECHO)


def registration(node: bytes | None = None) -> Packet:
    """Make a client's registration; `node` is the node number wanted, 6 octets (DOSBox-X).

    DOSBox-X's length field does not always count the node, so readers look behind it: see `wanted_node`.
    """
    if node is None:
        return Packet(_HERE, _HERE)
    return Packet(_HERE, _HERE, payload=node, transport_control=NODE_WANTED)


def is_registration(packet: Packet) -> bool:
    """Say whether this is a registration, by DOSBox's own rule: to socket 2, four zero octets of node."""
    return packet.destination.socket == Socket.ECHO and not any(packet.destination.node[:4])


def wanted_node(packet: Packet, behind: bytes = b"") -> bytes | None:
    """Return the node number that a registration asks for (DOSBox-X), None when it asks for none.

    `behind` is what the datagram holds behind the packet: the node may stand there.
    """
    octets = packet.payload + behind
    if not is_registration(packet) or packet.transport_control != NODE_WANTED or len(octets) < NODE_SIZE:
        return None
    return octets[:NODE_SIZE]


def registration_reply(network: int, node: bytes, *, node_granted: bool = False) -> Packet:
    """Make a server's reply: it gives the client `network` and `node`.

    `node_granted` says that the node is the one that the client wanted.
    """
    return Packet(
        Address(network, node, Socket.ECHO),
        Address(SERVER_NETWORK, BROADCAST_NODE, Socket.ECHO),
        transport_control=NODE_WANTED if node_granted else 0,
    )


def is_registration_reply(packet: Packet) -> bool:
    """Say whether this is a server's reply to a registration, as far as can be seen.

    A client takes what comes first after its registration; this only rules out what cannot be one: other
    sockets, and destinations that are no single host.
    """
    to = packet.destination
    return to.socket == Socket.ECHO and to.node not in (BROADCAST_NODE, NULL_NODE)


def ping(source: Address) -> Packet:
    """Make a ping of everyone; `source` is the pinger's network and node, its socket is 2."""
    return Packet(_EVERYONE, source._replace(socket=Socket.ECHO))


def is_ping(packet: Packet) -> bool:
    """Say whether DOSBox clients would answer this: to socket 2 of the broadcast node."""
    return packet.destination.socket == Socket.ECHO and packet.destination.node == BROADCAST_NODE


def ping_answer(pinged: Packet, source: Address) -> Packet:
    """Make the answer to a ping, as DOSBox does: to the pinger's node on network 0; `source` answers."""
    to = Address(THIS_NETWORK, pinged.source.node, Socket.ECHO)
    return Packet(to, source._replace(socket=Socket.ECHO))


def is_ping_answer(packet: Packet, node: bytes) -> bool:
    """Say whether this is an answer to a ping that `node` sent."""
    return (
        packet.destination.socket == packet.source.socket == Socket.ECHO and packet.destination.node == node
    )
