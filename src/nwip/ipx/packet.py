"""The IPX packet: 30 octets of header, then the payload.

    offset  octets  field
         0       2  checksum; FFFF means none
         2       2  length in octets, header included
         4       1  transport control: routers passed so far
         5       1  packet type
         6      12  destination: network 4, node 6, socket 2
        18      12  source: network 4, node 6, socket 2

Source: Novell, IPX Router Specification, chapter 2. Typed path; `dataplane/` uses the offsets below.
"""

from typing import Final, NamedTuple

from nwip.ipx.address import Address
from nwip.wire import Reader, WireError, Writer

HEADER_SIZE: Final = 30
NO_CHECKSUM: Final = 0xFFFF
MAXIMUM_SIZE: Final = 1500  # octets, header included: what an Ethernet carries, and so what nwip promises

LENGTH_OFFSET: Final = 2
TRANSPORT_CONTROL_OFFSET: Final = 4
TYPE_OFFSET: Final = 5
DESTINATION_OFFSET: Final = 6
DESTINATION_NODE_OFFSET: Final = 10
DESTINATION_SOCKET_OFFSET: Final = 16
SOURCE_OFFSET: Final = 18
SOURCE_NODE_OFFSET: Final = 22
SOURCE_SOCKET_OFFSET: Final = 28


class Packet(NamedTuple):
    """One IPX packet, decoded.

    `checksum` is what stood on the wire (`NO_CHECKSUM` as a rule); `transport_control` counts routers
    passed; `payload` is everything behind the header, as far as the length field goes.
    """

    destination: Address
    source: Address
    packet_type: int = 0
    payload: bytes = b""
    transport_control: int = 0
    checksum: int = NO_CHECKSUM

    @classmethod
    def decode(cls, data: bytes | bytearray | memoryview) -> "Packet":
        """Read a packet; octets beyond its length field are padding of the link and are left out.

        Raises `WireError` when the header is cut short, or when its length field is below 30 or beyond
        the data. A checksum is kept, not judged: see `checksum_is_valid`.
        """
        reader = Reader(data)
        checksum, length = reader.u16(), reader.u16()
        if length < HEADER_SIZE:
            raise WireError(f"length field {length} is below the header's {HEADER_SIZE}")
        with reader.restrict_to(length - 4):
            transport_control, packet_type = reader.u8(), reader.u8()
            destination, source = Address.read(reader), Address.read(reader)
            return cls(destination, source, packet_type, reader.rest(), transport_control, checksum)

    def encode(self) -> bytes:
        """Write the packet, its length field computed. Raises `WireError` for a value that does not fit."""
        writer = Writer().u16(self.checksum).u16(HEADER_SIZE + len(self.payload))
        writer.u8(self.transport_control).u8(self.packet_type)
        self.destination.write(writer)
        self.source.write(writer)
        return writer.octets(self.payload).getvalue()

    def with_checksum(self) -> "Packet":
        """Return the same packet with its checksum computed."""
        return self._replace(checksum=compute_checksum(self.encode()))


def compute_checksum(packet: bytes) -> int:
    """Return the checksum of an encoded packet: ones' complement of the ones' complement sum of 16-bit words.

    The checksum field itself and the transport control count as zero, since routers change the latter;
    an odd length is filled with a zero octet. A result of FFFF, which would mean "none", becomes 0.
    Sources: Linux, `net/ipx/af_ipx.c` (`ipx_cksum`), and FreeBSD, `netipx/ipx_cksum.c`, which agree.
    """
    covered = bytearray(packet[2:])
    covered[TRANSPORT_CONTROL_OFFSET - 2] = 0
    if len(covered) % 2:
        covered.append(0)
    total = sum(int.from_bytes(covered[i : i + 2], "big") for i in range(0, len(covered), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    result = ~total & 0xFFFF
    return 0 if result == NO_CHECKSUM else result


def checksum_is_valid(packet: bytes) -> bool:
    """Say whether an encoded packet's checksum is none (FFFF) or right."""
    checksum = int.from_bytes(packet[:2], "big")
    return checksum == NO_CHECKSUM or checksum == compute_checksum(packet)
