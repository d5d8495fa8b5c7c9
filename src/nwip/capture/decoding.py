"""Decodes captured packets to plain data, one row a packet, whatever their octets. Pure.

A row has these members, and then the decoded fields under the protocol's name:

    number     of the packet in the file, from 1
    time       seconds since 1970, to the microsecond
    protocol   what the packet carries: see `contents.PROTOCOLS`; `other` is what is not IPX
    link       the name of the interface or link in the file, "" where it has none
    frame      the frame type, or what carried the packet; of other packets a few words on what they are
    carrier    from where to where that went: `source` and `destination`, MAC addresses or IP endpoints
    src, dst   IPX addresses with sockets
    type       the packet type
    hops       transport control: routers passed
    length     octets, IPX header included

and where there is something to tell: `checksum` (`right` or `wrong`; most packets have none), `networks` that
a type 20 packet has crossed, `direction` and `comment` of what `nwip capture` has written, and `error` if it
is malformed: then the members that could not be read are missing, or null.
"""

from typing import Final

from nwip.capture import contents
from nwip.capture.encapsulation import Carried, Ports, Unwrapper
from nwip.capture.pcap import Captured
from nwip.ipx.address import Address
from nwip.ipx.numbers import PacketType
from nwip.ipx.packet import (
    DESTINATION_OFFSET,
    HEADER_SIZE,
    NO_CHECKSUM,
    TRANSPORT_CONTROL_OFFSET,
    TYPE_OFFSET,
    Packet,
    checksum_is_valid,
)
from nwip.wire import Reader, WireError

Row = dict[str, object]

ANY_PORT: Final = Ports()
DIRECTIONS: Final = ("in", "out")


class Decoder:
    """Decodes the packets of one capture, in their order; remembers IP fragments only."""

    def __init__(self, ports: Ports = ANY_PORT) -> None:
        self._unwrapper = Unwrapper(ports)

    def decode(self, number: int, captured: Captured) -> Row:
        """Return the row of a packet. Never raises: what is malformed has an `error`."""
        row: Row = {
            "number": number,
            "time": round(captured.timestamp / 1e9, 6),
            "src": None,
            "dst": None,
            "type": None,
            "protocol": "other",
            "link": captured.interface,
            "frame": "",
        }
        if captured.comment:
            direction, _, rest = captured.comment.partition(" ")
            if direction in DIRECTIONS and rest.partition(" ")[0] == captured.interface:
                row["direction"] = direction
            row["comment"] = captured.comment
        try:
            found = self._unwrapper.unwrap(captured.link_type, captured.octets)
            if found.source or found.destination:
                row["carrier"] = {"source": found.source, "destination": found.destination}
            if isinstance(found, Carried):
                row["frame"] = found.frame
                _add_packet(row, found)
            else:
                row["frame"] = found.what
        except WireError as error:
            row["error"] = str(error)
        return row


def _add_packet(row: Row, carried: Carried) -> None:
    """Add what an IPX packet tells. Raises `WireError` where it is malformed, what can be read added."""
    octets = carried.octets
    row["protocol"] = "ipx"
    try:
        packet = _sound(carried)
    except WireError:
        if len(octets) >= HEADER_SIZE:
            _add_header(row, _header(octets))
        raise
    protocol = _add_header(row, packet)
    row["length"] = length = HEADER_SIZE + len(packet.payload)
    if packet.checksum != NO_CHECKSUM:
        row["checksum"] = "right" if checksum_is_valid(octets[:length]) else "wrong"
    if packet.packet_type == PacketType.PROPAGATED:
        row["networks"] = contents.networks_of(packet)
    row.update(contents.fields_of(protocol, packet))


def _add_header(row: Row, packet: Packet) -> str:
    """Add what the header says; return the protocol."""
    row["type"], row["hops"] = packet.packet_type, packet.transport_control
    row["src"], row["dst"] = str(packet.source), str(packet.destination)
    row["protocol"] = protocol = contents.protocol_of(packet)
    return protocol


def _sound(carried: Carried) -> Packet:
    """Read a packet. Raises `WireError` where it or its frame is malformed."""
    if carried.error:
        raise WireError(carried.error)
    return Packet.decode(carried.octets)


def _header(octets: bytes) -> Packet:
    """Read a packet whose length field is wrong."""
    reader = Reader(octets)
    reader.octets(DESTINATION_OFFSET)
    to, source = Address.read(reader), Address.read(reader)
    return Packet(to, source, octets[TYPE_OFFSET], reader.rest(), octets[TRANSPORT_CONTROL_OFFSET])
