"""The nearest-server query: "which DSS is near?", asked of an IP subnet by broadcast. Pure.

It is NetWare's own Get Nearest Server (SAP), as an IPX packet in UDP on port 396. The answer's address says
where the DSS is: the node number ends in its IPv4 address, as all node numbers of NetWare/IP do, and the
socket is its TCP port. A query is as long as an answer, padded after the IPX packet, so that nobody is sent
more than he has sent.
"""

from ipaddress import IPv4Address
from typing import Final, NamedTuple

from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse
from nwip.wire import WireError

DSS_TYPE: Final = 0x018C
"""The service type of a DSS: 396, ours. It is asked for on UDP port 396 only, never on an IPX network."""

QUERY_SIZE: Final = 96  # octets: IPX header 30, SAP operation 2, one entry 64
NAME_LIMIT: Final = 47  # characters of a service's name


class Nearest(NamedTuple):
    """What an answer says: where a DSS is, and the domain, which may be cut to 47 characters."""

    server: Endpoint
    domain: str


def query(nonce: bytes) -> bytes:
    """Return a query, 96 octets; `nonce`, 6 octets, is its source node, to which answers are addressed."""
    return (
        Packet(
            payload=SapQuery(SapOperation.NEAREST_QUERY, DSS_TYPE).encode(),
            packet_type=PacketType.PEP,
            destination=Address(0, BROADCAST_NODE, Socket.SAP),
            source=Address(0, nonce, Socket.SAP),
        )
        .encode()
        .ljust(QUERY_SIZE, b"\0")
    )


def answer(data: bytes, server: Endpoint, parameters: Parameters) -> bytes | None:
    """Return the answer to a query, never longer than it; None for what is no query for a DSS.

    `server` is the IPv4 address and TCP port of the DSS to tell of.
    """
    try:
        packet = Packet.decode(data)
        asked = SapQuery.decode(packet.payload)
    except WireError:
        return None
    if packet.destination.socket != Socket.SAP or asked != SapQuery(SapOperation.NEAREST_QUERY, DSS_TYPE):
        return None
    node = parameters.node_prefix + IPv4Address(server[0]).packed
    entry = SapEntry.of(
        DSS_TYPE, parameters.domain[:NAME_LIMIT], Address(parameters.network, node, server[1]), 1
    )
    response = Packet(
        payload=SapResponse(SapOperation.NEAREST_RESPONSE, (entry,)).encode(),
        packet_type=PacketType.PEP,
        destination=packet.source,
        source=Address(parameters.network, node, Socket.SAP),
    ).encode()
    return response if len(response) <= len(data) else None


def read_answer(data: bytes, nonce: bytes) -> Nearest | None:
    """Return what an answer to the query with this nonce says; None for anything else."""
    try:
        packet = Packet.decode(data)
        response = SapResponse.decode(packet.payload)
    except WireError:
        return None
    if packet.destination.node != nonce or response.operation != SapOperation.NEAREST_RESPONSE:
        return None
    for entry in response.entries:
        address = IPv4Address(entry.address.node[2:])
        if (
            entry.service_type == DSS_TYPE
            and entry.address.socket
            and not (address.is_multicast or address.is_unspecified)
        ):
            return Nearest((str(address), entry.address.socket), entry.name)
    return None
