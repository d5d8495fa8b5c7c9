"""SPX and SPX II: connections. Only the header, of packets of type 5.

    offset  octets  field
         0       1  connection control: 80 system, 40 acknowledgement wanted, 20 attention, 10 end of message,
                    08 SPX II, 04 size negotiation, 02 reserved, 01 extended header
         1       1  datastream type; FE ends the connection, FF acknowledges that
         2     2+2  connection of the source, of the destination (FFFF while it opens)
         6     2+2  sequence, acknowledged sequence
        10       2  allocation: up to which sequence the other may send
        12       2  SPX II only, and not while it opens: negotiated size

Sources: reference "IPX for the implementer", SPX and SPX II; the fields as Wireshark has them. What an
extended header adds is left in the data.
"""

from enum import IntFlag
from typing import Final, NamedTuple

from nwip.wire import Reader, WireError, Writer

HEADER_SIZE: Final = 12
UNKNOWN_CONNECTION: Final = 0xFFFF
END_OF_CONNECTION: Final = 0xFE
END_ACKNOWLEDGED: Final = 0xFF


class Control(IntFlag):
    """The bits of connection control."""

    SYSTEM = 0x80
    ACKNOWLEDGE = 0x40
    ATTENTION = 0x20
    END_OF_MESSAGE = 0x10
    SPX_II = 0x08
    NEGOTIATE_SIZE = 0x04
    RESERVED = 0x02
    EXTENDED_HEADER = 0x01


class SpxPacket(NamedTuple):
    """One SPX packet; `negotiated_size` is None where the header has none. `data` is not read."""

    control: int
    datastream_type: int
    source_connection: int
    destination_connection: int
    sequence: int
    acknowledged: int
    allocation: int
    negotiated_size: int | None = None
    data: bytes = b""

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview) -> "SpxPacket":
        """Read the payload of a packet. Raises `WireError` for a header cut short."""
        reader = Reader(payload)
        control, datastream_type = reader.u8(), reader.u8()
        source, destination, sequence, acknowledged, allocation = (reader.u16() for _ in range(5))
        size = reader.u16() if _has_size(control, destination) else None
        return cls(
            control,
            datastream_type,
            source,
            destination,
            sequence,
            acknowledged,
            allocation,
            size,
            reader.rest(),
        )

    def encode(self) -> bytes:
        """Write the payload of a packet. Raises `WireError` for a value that does not fit."""
        if (self.negotiated_size is not None) != _has_size(self.control, self.destination_connection):
            raise WireError(f"size {self.negotiated_size} does not fit connection control {self.control:02X}")
        writer = Writer().u8(self.control).u8(self.datastream_type)
        writer.u16(self.source_connection).u16(self.destination_connection)
        writer.u16(self.sequence).u16(self.acknowledged).u16(self.allocation)
        if self.negotiated_size is not None:
            writer.u16(self.negotiated_size)
        return writer.octets(self.data).getvalue()


def _has_size(control: int, destination_connection: int) -> bool:
    return bool(control & Control.SPX_II) and destination_connection != UNKNOWN_CONNECTION
