"""Names of NetBIOS over IPX and of Microsoft's direct hosting: who is sought, claimed and spoken to.

NetBIOS (socket 0455), behind the list of networks where the packet has one:

    offset  octets  field
         0       1  of a name packet: flags, 80 a group's name; else connection control
         1       1  operation: 1 find name, 2 name recognised, 3 check name, 4 name in use, 5 deregister name,
                    6 session data, 7 session end, 8 its acknowledgement, 9 status query, 10 its response,
                    11 directed datagram
         2      16  1 to 5: the name; 11: the name of the receiver
        18      16  11: the name of the sender

NMPI (sockets 0551 and 0553), behind the list of networks:

    offset  octets  field
         0       1  operation: F1 claim, F2 delete, F3 query, F4 found, F5 hangup, FC mailslot write,
                    FD mailslot find, FE mailslot name
         1       1  kind of name: 1 machine, 2 workgroup, 3 browser
         2       2  number of the message
         4   16+16  the name that is sought, the name of the sender

A name is 15 octets, filled up with blanks, and one that says what bears it. There is no public specification;
sources: the comments of Wireshark's dissectors, Microsoft's smbpub.txt as they quote it.
"""

from enum import IntEnum
from typing import Final, NamedTuple

from nwip.wire import Reader, Writer

NAME_SIZE: Final = 16


class NetbiosOperation(IntEnum):
    """What a NetBIOS packet is."""

    FIND_NAME = 1
    NAME_RECOGNISED = 2
    CHECK_NAME = 3
    NAME_IN_USE = 4
    DEREGISTER_NAME = 5
    SESSION_DATA = 6
    SESSION_END = 7
    SESSION_END_ACKNOWLEDGED = 8
    STATUS_QUERY = 9
    STATUS_RESPONSE = 10
    DATAGRAM = 11


class NmpiOperation(IntEnum):
    """What an NMPI packet is."""

    CLAIM_NAME = 0xF1
    DELETE_NAME = 0xF2
    QUERY_NAME = 0xF3
    NAME_FOUND = 0xF4
    HANGUP = 0xF5
    MAILSLOT_WRITE = 0xFC
    MAILSLOT_FIND = 0xFD
    MAILSLOT_NAME = 0xFE


NAMES_IN: Final[dict[int, int]] = {
    NetbiosOperation.FIND_NAME: 1,
    NetbiosOperation.NAME_RECOGNISED: 1,
    NetbiosOperation.CHECK_NAME: 1,
    NetbiosOperation.NAME_IN_USE: 1,
    NetbiosOperation.DEREGISTER_NAME: 1,
    NetbiosOperation.DATAGRAM: 2,
}
"""How many names stand behind the operation; none where the number is not here."""


class NetbiosPacket(NamedTuple):
    """A NetBIOS packet: `names` are those of `NAMES_IN`, 16 octets each; `data` is what follows, not read."""

    flags: int
    operation: int
    names: tuple[bytes, ...]
    data: bytes = b""

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview) -> "NetbiosPacket":
        """Read what stands behind the list of networks. Raises `WireError` when it is cut short."""
        reader = Reader(payload)
        flags, operation = reader.u8(), reader.u8()
        names = tuple(reader.octets(NAME_SIZE) for _ in range(NAMES_IN.get(operation, 0)))
        return cls(flags, operation, names, reader.rest())

    def encode(self) -> bytes:
        """Write what stands behind the list of networks. Raises `WireError` for a value that does not fit."""
        writer = Writer().u8(self.flags).u8(self.operation)
        for name in self.names:
            writer.octets(name, NAME_SIZE)
        return writer.octets(self.data).getvalue()


class NmpiPacket(NamedTuple):
    """An NMPI packet; `data` is what stands behind the names, not read."""

    operation: int
    kind: int
    message: int
    name: bytes
    sender: bytes
    data: bytes = b""

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview) -> "NmpiPacket":
        """Read what stands behind the list of networks. Raises `WireError` when it is cut short."""
        reader = Reader(payload)
        operation, kind, message = reader.u8(), reader.u8(), reader.u16()
        return cls(
            operation, kind, message, reader.octets(NAME_SIZE), reader.octets(NAME_SIZE), reader.rest()
        )

    def encode(self) -> bytes:
        """Write what stands behind the list of networks. Raises `WireError` for a value that does not fit."""
        writer = Writer().u8(self.operation).u8(self.kind).u16(self.message)
        return writer.octets(self.name, NAME_SIZE).octets(self.sender, NAME_SIZE).octets(self.data).getvalue()


def name_text(name: bytes) -> str:
    """Write a name as people do: without the blanks, what does not print and the last octet in brackets."""
    text = "".join(
        chr(octet) if 0x20 <= octet < 0x7F else f"<{octet:02x}>" for octet in name[:-1].rstrip(b" \0")
    )
    return f"{text}<{name[-1]:02x}>" if name else text
