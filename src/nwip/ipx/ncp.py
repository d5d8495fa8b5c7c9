"""NCP: what NetWare clients say to servers. Only the headers, of packets to or from socket 0451.

    offset  octets  field
         0       2  type
         2       1  sequence
         3       1  connection, low octet
         4       1  task
         5       1  connection, high octet
         6       1  of a request: function; of a reply: completion code, 0 is success
         7       1  of a reply only: connection status
then the data. A packet of a burst (type 7777) goes on differently behind its type:
         2       1  flags
         3       1  stream type
         4     4+4  connection of the source, of the destination
        12     4+4  sequence of the packet, delay
        20     2+2  sequence of the burst, acknowledged sequence
        24     4+4  length of the burst, offset of the data in it
        32     2+2  octets of data, number of missing fragments
An echo that measures large packets (4C69, "Li") has no header at all.

Sources: reference "IPX for the implementer", NCP over IPX and packet burst header; the fields as Wireshark
has them. The data is kept as it is.
"""

from enum import IntEnum
from typing import Final, NamedTuple

from nwip.wire import Reader, WireError, Writer

HEADER_SIZE: Final = 6  # what all types but bursts and echoes have


class NcpType(IntEnum):
    """What an NCP packet is."""

    CREATE_CONNECTION = 0x1111
    REQUEST = 0x2222
    REPLY = 0x3333
    WATCHDOG = 0x3E3E
    LARGE_PACKET_ECHO = 0x4C69
    DESTROY_CONNECTION = 0x5555
    BURST = 0x7777
    BEING_PROCESSED = 0x9999
    BROADCAST = 0xBBBB


REQUESTS: Final = (NcpType.CREATE_CONNECTION, NcpType.REQUEST, NcpType.DESTROY_CONNECTION)
REPLIES: Final = (NcpType.REPLY, NcpType.BEING_PROCESSED, NcpType.WATCHDOG)


class NcpPacket(NamedTuple):
    """A request, a reply, or another packet with the common header.

    `code` is the function of a request or the completion code of a reply; None in other types. Only replies
    have a `status`. `data` is what stands behind the header, not read.
    """

    ncp_type: int
    sequence: int
    connection: int
    task: int
    code: int | None = None
    status: int | None = None
    data: bytes = b""

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview) -> "NcpPacket":
        """Read the payload of a packet. Raises `WireError` for a header cut short, a burst or an echo."""
        reader = Reader(payload)
        ncp_type = reader.u16()
        if ncp_type in (NcpType.BURST, NcpType.LARGE_PACKET_ECHO):
            raise WireError(f"{ncp_type:04X} has another header")
        sequence, low, task, high = reader.u8(), reader.u8(), reader.u8(), reader.u8()
        code = reader.u8() if ncp_type in REQUESTS or ncp_type in REPLIES else None
        status = reader.u8() if ncp_type in REPLIES else None
        return cls(ncp_type, sequence, high << 8 | low, task, code, status, reader.rest())

    def encode(self) -> bytes:
        """Write the payload of a packet. Raises `WireError` for a value that does not fit its type."""
        has_code = self.ncp_type in REQUESTS or self.ncp_type in REPLIES
        if (self.code is not None) != has_code or (self.status is not None) != (self.ncp_type in REPLIES):
            raise WireError(f"code {self.code} and status {self.status} do not fit type {self.ncp_type:04X}")
        writer = Writer().u16(self.ncp_type).u8(self.sequence).u8(self.connection & 0xFF)
        writer.u8(self.task).u8(self.connection >> 8)
        for octet in (self.code, self.status):
            if octet is not None:
                writer.u8(octet)
        return writer.octets(self.data).getvalue()


class NcpBurst(NamedTuple):
    """A packet of a burst, or its acknowledgement."""

    flags: int
    stream_type: int
    source_connection: int
    destination_connection: int
    packet_sequence: int
    delay: int
    burst_sequence: int
    acknowledged: int
    burst_length: int
    offset: int
    size: int
    missing: int
    data: bytes = b""

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview) -> "NcpBurst":
        """Read the payload of a packet. Raises `WireError` for a header cut short or another type."""
        reader = Reader(payload)
        ncp_type = reader.u16()
        if ncp_type != NcpType.BURST:
            raise WireError(f"{ncp_type:04X} is no burst")
        flags, stream_type = reader.u8(), reader.u8()
        source, destination, packet_sequence, delay = (reader.u32() for _ in range(4))
        burst_sequence, acknowledged = reader.u16(), reader.u16()
        burst_length, offset = reader.u32(), reader.u32()
        size, missing = reader.u16(), reader.u16()
        return cls(
            flags,
            stream_type,
            source,
            destination,
            packet_sequence,
            delay,
            burst_sequence,
            acknowledged,
            burst_length,
            offset,
            size,
            missing,
            reader.rest(),
        )

    def encode(self) -> bytes:
        """Write the payload of a packet. Raises `WireError` for a value that does not fit."""
        writer = Writer().u16(NcpType.BURST).u8(self.flags).u8(self.stream_type)
        writer.u32(self.source_connection).u32(self.destination_connection)
        writer.u32(self.packet_sequence).u32(self.delay).u16(self.burst_sequence).u16(self.acknowledged)
        writer.u32(self.burst_length).u32(self.offset).u16(self.size).u16(self.missing)
        return writer.octets(self.data).getvalue()


class NcpEcho(NamedTuple):
    """An echo by which a client finds out how large packets may be; `data` begins with "Li"."""

    data: bytes

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview) -> "NcpEcho":
        """Read the payload of a packet. Raises `WireError` for another type."""
        reader = Reader(payload)
        if reader.u16() != NcpType.LARGE_PACKET_ECHO:
            raise WireError("this is no echo")
        return cls(bytes(payload))

    def encode(self) -> bytes:
        """Write the payload of a packet."""
        return self.data


def decode(payload: bytes | bytearray | memoryview) -> NcpPacket | NcpBurst | NcpEcho:
    """Read the payload of any NCP packet. Raises `WireError`."""
    match Reader(payload).u16():
        case NcpType.BURST:
            return NcpBurst.decode(payload)
        case NcpType.LARGE_PACKET_ECHO:
            return NcpEcho.decode(payload)
        case _:
            return NcpPacket.decode(payload)
