"""DHCP messages, octet by octet (RFC 2131; long options RFC 3396, overload RFC 2132 section 9.3). Pure."""

from enum import IntEnum
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from nwip.discovery.dhcp.information import END, FILE_SIZE, PAD, SNAME_SIZE
from nwip.wire import Reader, WireError, Writer

SERVER_PORT: Final = 67
CLIENT_PORT: Final = 68
REQUEST: Final = 1  # BOOTREQUEST
REPLY: Final = 2  # BOOTREPLY
ETHERNET: Final = 1  # hardware type
COOKIE: Final = b"\x63\x82\x53\x63"
SMALLEST: Final = 300  # octets: what BOOTP relays take (RFC 1542 section 2.1)
CHADDR_SIZE: Final = 16


class MessageType(IntEnum):
    """Values of option 53 that we meet."""

    ACK = 5
    INFORM = 8


class Option(IntEnum):
    """Options that the message itself needs (RFC 2132)."""

    OVERLOAD = 52
    MESSAGE_TYPE = 53
    SERVER = 54
    PARAMETERS = 55
    LARGEST = 57


class Message(NamedTuple):
    """A DHCP message: what of it we use. `sname_file` are the fields `sname` and `file`, 192 octets."""

    operation: int
    transaction: int
    client: str  # ciaddr
    hardware: bytes
    options: dict[int, bytes]
    sname_file: bytes = bytes(SNAME_SIZE + FILE_SIZE)

    @classmethod
    def decode(cls, data: bytes) -> "Message":
        """Read a message; an option that comes in parts is joined. Raises `WireError`."""
        reader = Reader(data)
        operation, _, hardware_size, _ = reader.octets(4)
        transaction = reader.u32()
        reader.octets(4)
        client = str(IPv4Address(reader.octets(4)))
        reader.octets(12)
        hardware = reader.octets(CHADDR_SIZE)[: min(hardware_size, CHADDR_SIZE)]
        sname_file = reader.octets(SNAME_SIZE + FILE_SIZE)
        if reader.octets(4) != COOKIE:
            raise WireError("this is BOOTP without DHCP's options")
        options: dict[int, bytes] = {}
        _collect(reader.octets(reader.remaining), options)
        overload = options.get(Option.OVERLOAD, b"\0")[:1]
        if overload in {b"\1", b"\3"}:
            _collect(sname_file[SNAME_SIZE:], options)
        if overload in {b"\2", b"\3"}:
            _collect(sname_file[:SNAME_SIZE], options)
        return cls(operation, transaction, client, hardware, options, sname_file)

    def encode(self) -> bytes:
        """Write the message, at least 300 octets. Raises `WireError` for a value that does not fit."""
        writer = Writer().octets(bytes([self.operation, ETHERNET, len(self.hardware), 0]))
        writer.u32(self.transaction).octets(bytes(4))
        writer.octets(IPv4Address(self.client).packed).octets(bytes(12))
        writer.octets(self.hardware.ljust(CHADDR_SIZE, b"\0"), CHADDR_SIZE)
        writer.octets(self.sname_file, SNAME_SIZE + FILE_SIZE).octets(COOKIE)
        for code, value in self.options.items():
            if len(value) > 255:
                raise WireError(f"option {code} is too long")
            writer.octets(bytes([code, len(value)]) + value)
        return writer.octets(bytes([END])).getvalue().ljust(SMALLEST, b"\0")


def inform(transaction: int, client: str, hardware: bytes, wanted: bytes) -> bytes:
    """Return a DHCPINFORM of a client that has its address and asks for these options."""
    options = {
        Option.MESSAGE_TYPE: bytes([MessageType.INFORM]),
        Option.LARGEST: (1472).to_bytes(2, "big"),
        Option.PARAMETERS: wanted,
    }
    return Message(
        REQUEST, transaction, client, hardware, {int(code): value for code, value in options.items()}
    ).encode()


def _collect(area: bytes, options: dict[int, bytes]) -> None:
    at = 0
    while at < len(area) and area[at] != END:
        if area[at] == PAD:
            at += 1
            continue
        if at + 2 > len(area) or at + 2 + area[at + 1] > len(area):
            raise WireError(f"option {area[at]} is cut short")
        size = area[at + 1]
        options[area[at]] = options.get(area[at], b"") + area[at + 2 : at + 2 + size]
        at += 2 + size
