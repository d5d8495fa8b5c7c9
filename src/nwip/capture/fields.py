"""The decoded fields of what IPX packets carry, as plain data for JSON. Pure.

Each function takes a packet that carries its protocol, and raises `WireError` where it is malformed.
Networks, nodes and addresses are the text that people write; operations are words.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from nwip.ipx import hello as hello_wire
from nwip.ipx import ncp as ncp_wire
from nwip.ipx import sap as sap_wire
from nwip.ipx.address import BROADCAST_NODE, NULL_NODE, Address, format_network, format_node
from nwip.ipx.diagnostics import DiagnosticsRequest, DiagnosticsResponse
from nwip.ipx.netbios import NetbiosOperation, NetbiosPacket, NmpiOperation, NmpiPacket, name_text
from nwip.ipx.numbers import SERVICE_TYPE_NAMES, PacketType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.ping import wanted_node
from nwip.ipx.rip import RipOperation, RipPacket
from nwip.ipx.sap import SapEntry, SapResponse, SapSpecificQuery
from nwip.ipx.spx import SpxPacket
from nwip.ipx.type20 import LIST_SIZE

Fields = dict[str, object]


def _words(names: Iterable[IntEnum]) -> dict[int, str]:
    """Return the numbers with their names as words: `nearest query`."""
    return {name.value: name.name.replace("_", " ").lower() for name in names}


_NAME_PACKET_SIZE: Final = LIST_SIZE + 18
_RIP_OPERATIONS: Final = _words(RipOperation)
_SAP_OPERATIONS: Final = _words(sap_wire.SapOperation)
_HELLO_STATES: Final = _words(hello_wire.HelloState)
_NCP_TYPES: Final = _words(ncp_wire.NcpType)
_NETBIOS_OPERATIONS: Final = _words(NetbiosOperation)
_NMPI_OPERATIONS: Final = _words(NmpiOperation)
_SIGNS: Final = {"?": "are you there", "Y": "yes", "!": "a message waits"}


def is_watchdog(packet: Packet) -> bool:
    """Say whether this looks like a watchdog packet: two octets, the second a known sign."""
    return len(packet.payload) == 2 and chr(packet.payload[1]) in _SIGNS


def is_hello(packet: Packet) -> bool:
    """Say whether this is between gateways, and not of a program that was given their socket."""
    return packet.payload.startswith(hello_wire.MAGIC)


def rip(packet: Packet) -> Fields:
    """Read a RIP request or response."""
    read = RipPacket.decode(packet.payload)
    asked = read.operation == RipOperation.REQUEST
    entries: list[Fields] = [
        {"network": format_network(entry.network)}
        if asked
        else {"network": format_network(entry.network), "hops": entry.hops, "ticks": entry.ticks}
        for entry in read.entries
    ]
    return {"operation": _RIP_OPERATIONS[read.operation], "entries": entries}


def sap(packet: Packet) -> Fields:
    """Read a SAP query or response."""
    read = sap_wire.decode(packet.payload)
    if isinstance(read, SapResponse):
        operation = _SAP_OPERATIONS[read.operation]
        return {"operation": operation, "entries": [_service(entry) for entry in read.entries]}
    if isinstance(read, SapSpecificQuery):
        return {"operation": "specific query", **_service_type(read.service_type), "name": read.name}
    return {"operation": _SAP_OPERATIONS[read.operation], **_service_type(read.service_type)}


def _service(entry: SapEntry) -> Fields:
    return {
        **_service_type(entry.service_type),
        "name": entry.name,
        "address": str(entry.address),
        "hops": entry.hops,
    }


def _service_type(number: int) -> Fields:
    return {"type": number, "type_name": SERVICE_TYPE_NAMES.get(number, "")}


def ncp(packet: Packet) -> Fields:
    """Read an NCP header."""
    read = ncp_wire.decode(packet.payload)
    if isinstance(read, ncp_wire.NcpEcho):
        return _ncp_type(ncp_wire.NcpType.LARGE_PACKET_ECHO)
    if isinstance(read, ncp_wire.NcpBurst):
        return {
            **_ncp_type(ncp_wire.NcpType.BURST),
            "flags": read.flags,
            "source_connection": read.source_connection,
            "destination_connection": read.destination_connection,
            "packet_sequence": read.packet_sequence,
            "burst_sequence": read.burst_sequence,
            "acknowledged": read.acknowledged,
            "burst_length": read.burst_length,
            "offset": read.offset,
            "octets": read.size,
            "missing": read.missing,
        }
    fields: Fields = {
        **_ncp_type(read.ncp_type),
        "sequence": read.sequence,
        "connection": read.connection,
        "task": read.task,
    }
    if read.code is not None:
        fields["function" if read.status is None else "completion"] = read.code
    if read.status is not None:
        fields["status"] = read.status
    return fields


def _ncp_type(number: int) -> Fields:
    return {"type": number, "type_name": _NCP_TYPES.get(number, "")}


def spx(packet: Packet) -> Fields:
    """Read an SPX header."""
    read = SpxPacket.decode(packet.payload)
    fields: Fields = {
        "control": read.control,
        "datastream_type": read.datastream_type,
        "source_connection": read.source_connection,
        "destination_connection": read.destination_connection,
        "sequence": read.sequence,
        "acknowledged": read.acknowledged,
        "allocation": read.allocation,
        "octets": len(read.data),
    }
    if read.negotiated_size is not None:
        fields["negotiated_size"] = read.negotiated_size
    return fields


def netbios(packet: Packet) -> Fields:
    """Read a NetBIOS packet's operation and names."""
    listed = packet.packet_type == PacketType.PROPAGATED or (
        len(packet.payload) == _NAME_PACKET_SIZE
        and NetbiosOperation.FIND_NAME <= packet.payload[LIST_SIZE + 1] <= NetbiosOperation.DEREGISTER_NAME
    )
    read = NetbiosPacket.decode(packet.payload[LIST_SIZE:] if listed else packet.payload)
    fields: Fields = {"operation": _NETBIOS_OPERATIONS.get(read.operation, str(read.operation))}
    for key, name in zip(("name", "sender"), read.names, strict=False):
        fields[key] = name_text(name)
    if len(read.names) == 1:
        fields["group"] = bool(read.flags & 0x80)
    return fields


def nmpi(packet: Packet) -> Fields:
    """Read a name query or a mailslot's names of direct hosting."""
    read = NmpiPacket.decode(packet.payload[LIST_SIZE:])
    return {
        "operation": _NMPI_OPERATIONS.get(read.operation, str(read.operation)),
        "name": name_text(read.name),
        "sender": name_text(read.sender),
    }


def ping(packet: Packet) -> Fields:
    """Read what DOSBox says on socket 2, or Cisco's ping."""
    to, source = packet.destination, packet.source
    if Socket.ECHO not in (to.socket, source.socket):
        return {"kind": "Novell"}
    if to.socket == Socket.ECHO and to.node == NULL_NODE:
        wanted = wanted_node(packet)
        return {"kind": "registration", "wanted": format_node(wanted)} if wanted else {"kind": "registration"}
    if source.node == BROADCAST_NODE and to.node != BROADCAST_NODE:
        return {
            "kind": "registration reply",
            "network": format_network(to.network),
            "node": format_node(to.node),
        }
    if to.socket == Socket.ECHO and (to.node == BROADCAST_NODE or source.socket != Socket.ECHO):
        return {"kind": "request"}
    return {"kind": "answer"}


def diagnostics(packet: Packet) -> Fields:
    """Read a diagnostics request or response."""
    if packet.destination.socket == Socket.DIAGNOSTICS:
        asked = DiagnosticsRequest.decode(packet.payload)
        return {"operation": "request", "excluded": [format_node(node) for node in asked.excluded]}
    told = DiagnosticsResponse.decode(packet.payload)
    attached = [network for component in told.components for network in component.networks]
    return {
        "operation": "response",
        "version": f"{told.major}.{told.minor}",
        "spx_socket": f"{told.spx_socket:04X}",
        "components": [component.kind for component in told.components],
        "networks": [str(Address(each.network, each.node, 0)).rpartition(".")[0] for each in attached],
    }


def watchdog(packet: Packet) -> Fields:
    """Read a watchdog packet: see `is_watchdog`."""
    connection, sign = packet.payload
    return {"connection": connection, "sign": _SIGNS[chr(sign)]}


def hello(packet: Packet) -> Fields:
    """Read what gateways on one LAN say to each other."""
    if packet.payload == hello_wire.MAGIC:
        return {"state": "presence"}
    read = hello_wire.Hello.decode(packet.payload)
    return {
        "state": _HELLO_STATES[read.state],
        "identity": read.identity.hex(),
        "domain": read.domain.hex(),
        "nonce": read.nonce.hex(),
        "priority": read.priority,
        "turn": read.turn,
        "number": read.number,
    }


def octets(packet: Packet) -> Fields:
    """Show what is not decoded further."""
    return {"octets": packet.payload.hex().upper()}
