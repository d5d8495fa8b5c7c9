"""Writes captures that Wireshark reads: pcapng, to any binary stream, a block at a time.

Source: draft-ietf-opsawg-pcapng. The blocks written are section header, interface description and enhanced
packet; big-endian, which the section header says; timestamps in nanoseconds.
"""

from enum import IntEnum
from typing import BinaryIO, Final

from nwip.wire import WireError, Writer

BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
LARGEST_OPTION: Final = 65535
_UNKNOWN_LENGTH: Final = 0xFFFFFFFF_FFFFFFFF
_NANOSECONDS: Final = b"\x09"  # if_tsresol: 10 to the minus 9th


class LinkType(IntEnum):
    """What a captured packet begins with; the numbers are those of tcpdump.org/linktypes.html."""

    ETHERNET = 1
    RAW_IP = 101
    LINUX_SLL = 113  # "cooked": what "any" captures
    IPV4 = 228
    IPV6 = 229
    LINUX_SLL2 = 276


class Block(IntEnum):
    """The types of block that are written or read here."""

    INTERFACE = 1
    PACKET = 2  # obsolete: read, never written
    SIMPLE_PACKET = 3
    ENHANCED_PACKET = 6
    SECTION = 0x0A0D0D0A


class Option(IntEnum):
    """Options by their codes; a code's meaning depends on its block."""

    END = 0
    COMMENT = 1
    SECTION_APPLICATION = 4
    INTERFACE_NAME = 2
    INTERFACE_RESOLUTION = 9
    INTERFACE_OFFSET = 14


class PcapngWriter:
    """A capture being written. The stream stays the caller's, who also flushes and closes it."""

    def __init__(self, stream: BinaryIO, application: str = "nwip") -> None:
        self._stream = stream
        self._interfaces = 0
        head = (
            Writer()
            .u32(BYTE_ORDER_MAGIC)
            .u16(1)
            .u16(0)
            .u32(_UNKNOWN_LENGTH >> 32)
            .u32(_UNKNOWN_LENGTH & 0xFFFFFFFF)
        )
        self._block(Block.SECTION, head, {Option.SECTION_APPLICATION: application.encode()})

    def add_interface(self, link_type: LinkType, name: str) -> int:
        """Describe where packets come from, and return its number for `write`."""
        body = Writer().u16(link_type).u16(0).u32(0)
        options = {Option.INTERFACE_NAME: name.encode(), Option.INTERFACE_RESOLUTION: _NANOSECONDS}
        self._block(Block.INTERFACE, body, options)
        self._interfaces += 1
        return self._interfaces - 1

    def write(self, interface: int, timestamp: int, octets: bytes, comment: str = "") -> None:
        """Write one packet; `timestamp` is nanoseconds since 1970 (UTC).

        Raises `ValueError` for an interface that was not added, and `WireError` for a timestamp that does not
        fit 64 bits or a comment above 65535 octets.
        """
        if not 0 <= interface < self._interfaces:
            raise ValueError(f"there is no interface {interface}")
        body = Writer().u32(interface).u32(timestamp >> 32).u32(timestamp & 0xFFFFFFFF)
        body.u32(len(octets)).u32(len(octets)).octets(_aligned(octets))
        self._block(Block.ENHANCED_PACKET, body, {Option.COMMENT: comment.encode()} if comment else {})

    def _block(self, kind: Block, body: Writer, options: dict[Option, bytes]) -> None:
        for code, value in options.items():
            if len(value) > LARGEST_OPTION:
                raise WireError(f"{len(value)} octets do not fit an option")
            body.u16(code).u16(len(value)).octets(_aligned(value))
        if options:
            body.u16(Option.END).u16(0)
        octets = body.getvalue()
        size = len(octets) + 12
        self._stream.write(Writer().u32(kind).u32(size).octets(octets).u32(size).getvalue())


def _aligned(octets: bytes) -> bytes:
    """Fill up to a multiple of four octets."""
    return octets + bytes(-len(octets) % 4)
