"""Writes captures that Wireshark reads: pcapng, to any binary stream, a block at a time.

Source: draft-ietf-opsawg-pcapng. The blocks written are section header, interface description, enhanced
packet and interface statistics; timestamps in nanoseconds.
"""

import struct
from enum import IntEnum
from typing import BinaryIO, Final, Literal

from nwip.wire import WireError

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
    STATISTICS = 5
    ENHANCED_PACKET = 6
    SECTION = 0x0A0D0D0A


class Option(IntEnum):
    """Options by their codes; a code's meaning depends on its block."""

    END = 0
    COMMENT = 1
    SECTION_APPLICATION = 4
    INTERFACE_NAME = 2
    INTERFACE_DESCRIPTION = 3
    STATISTICS_RECEIVED = 4
    STATISTICS_DROPPED = 5
    INTERFACE_RESOLUTION = 9
    INTERFACE_OFFSET = 14


class PcapngWriter:
    """A capture being written. The stream stays the caller's, who also flushes and closes it.

    `order` is the byte order, `big` or `little`. Any program reads either from a file; from a pipe dumpcap,
    and so tshark, takes only that of its own machine.
    """

    def __init__(
        self, stream: BinaryIO, application: str = "nwip", *, order: Literal["big", "little"] = "big"
    ) -> None:
        self._stream = stream
        self._mark = ">" if order == "big" else "<"
        self._interfaces = 0
        head = self._pack("IHHQ", BYTE_ORDER_MAGIC, 1, 0, _UNKNOWN_LENGTH)
        self._block(Block.SECTION, head, {Option.SECTION_APPLICATION: application.encode()})

    def add_interface(self, link_type: LinkType, name: str, description: str = "") -> int:
        """Describe where packets come from, and return its number for `write`."""
        options = {Option.INTERFACE_NAME: name.encode()}
        if description:
            options[Option.INTERFACE_DESCRIPTION] = description.encode()
        options[Option.INTERFACE_RESOLUTION] = _NANOSECONDS
        self._block(Block.INTERFACE, self._pack("HHI", link_type, 0, 0), options)
        self._interfaces += 1
        return self._interfaces - 1

    def write(self, interface: int, timestamp: int, octets: bytes, comment: str = "") -> None:
        """Write one packet; `timestamp` is nanoseconds since 1970 (UTC).

        Raises `ValueError` for an interface that was not added, and `WireError` for a timestamp that does not
        fit 64 bits or a comment above 65535 octets.
        """
        size = len(octets)
        head = self._pack("IIIII", *self._place(interface, timestamp), size, size)
        options = {Option.COMMENT: comment.encode()} if comment else {}
        self._block(Block.ENHANCED_PACKET, head + _aligned(octets), options)

    def write_statistics(self, interface: int, timestamp: int, received: int, dropped: int) -> None:
        """Write at the end how many packets an interface has had, and how many of them are not here.

        Raises as `write`, and `WireError` for counts that do not fit 64 bits.
        """
        counts = {Option.STATISTICS_RECEIVED: received, Option.STATISTICS_DROPPED: dropped}
        options = {code: self._pack("Q", count) for code, count in counts.items()}
        self._block(Block.STATISTICS, self._pack("III", *self._place(interface, timestamp)), options)

    def _place(self, interface: int, timestamp: int) -> tuple[int, int, int]:
        if not 0 <= interface < self._interfaces:
            raise ValueError(f"there is no interface {interface}")
        return interface, timestamp >> 32, timestamp & 0xFFFFFFFF

    def _block(self, kind: Block, body: bytes, options: dict[Option, bytes]) -> None:
        parts = [body]
        for code, value in options.items():
            if len(value) > LARGEST_OPTION:
                raise WireError(f"{len(value)} octets do not fit an option")
            parts += self._pack("HH", code, len(value)), _aligned(value)
        if options:
            parts.append(self._pack("HH", Option.END, 0))
        octets = b"".join(parts)
        size = len(octets) + 12
        self._stream.write(self._pack("II", kind, size) + octets + self._pack("I", size))

    def _pack(self, layout: str, *values: int) -> bytes:
        try:
            return struct.pack(self._mark + layout, *values)
        except struct.error as error:
            raise WireError(f"a value does not fit its field: {error}") from None


def _aligned(octets: bytes) -> bytes:
    """Fill up to a multiple of four octets."""
    return octets + bytes(-len(octets) % 4)
