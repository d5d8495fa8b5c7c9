"""Reads captures: pcap and pcapng, of either byte order, a packet at a time.

Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. Memory is bounded: by `LARGEST_BLOCK`, and by
`MAXIMUM_INTERFACES` for one section.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from nwip.capture.pcapng import BYTE_ORDER_MAGIC, Block, Option
from nwip.wire import WireError

LARGEST_PACKET: Final = 262_144  # Wireshark's own limit
LARGEST_BLOCK: Final = 1 << 24
MAXIMUM_INTERFACES: Final = 4096
NANOSECONDS: Final = 1_000_000_000

_PCAP_MAGICS: Final = {  # first four octets: byte order, fractions of a second
    b"\xa1\xb2\xc3\xd4": (">", 1_000_000),
    b"\xd4\xc3\xb2\xa1": ("<", 1_000_000),
    b"\xa1\xb2\x3c\x4d": (">", NANOSECONDS),
    b"\x4d\x3c\xb2\xa1": ("<", NANOSECONDS),
}
_PCAPNG_MAGIC: Final = Block.SECTION.to_bytes(4, "big")


class Octets(Protocol):
    """A binary stream to read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` octets, none at the end."""
        ...


class Captured(NamedTuple):
    """One packet of a capture; `timestamp` is nanoseconds since 1970, 0 where the file has none.

    `link_type` is the file's number for what the octets begin with: see `LinkType` for those that matter.
    `interface` is the name of where it was captured and `comment` what was written beside it, "" where the
    file does not say.
    """

    timestamp: int
    link_type: int
    octets: bytes
    interface: str = ""
    comment: str = ""


class _Interface(NamedTuple):
    link_type: int
    snapshot: int
    fractions: int
    offset: int
    name: str


def read_capture(stream: Octets) -> Iterator[Captured]:
    """Yield the packets of a capture in the order of the file.

    Raises `WireError` where the file is no capture, is cut short, contradicts itself or exceeds the bounds;
    what came before has been yielded by then. `OSError` is the stream's own.
    """
    magic = _read(stream, 4)
    if magic == _PCAPNG_MAGIC:
        yield from _read_pcapng(stream)
    elif magic in _PCAP_MAGICS:
        yield from _read_pcap(stream, *_PCAP_MAGICS[magic])
    else:
        raise WireError(f"a file that begins with {magic.hex()} is neither pcap nor pcapng")


def _read_pcap(stream: Octets, order: str, fractions: int) -> Iterator[Captured]:
    (link_type,) = _unpack(order, "16xI", _read(stream, 20))
    while head := _read(stream, 16, or_end=True):
        seconds, fraction, size, _ = _unpack(order, "IIII", head)
        if size > LARGEST_PACKET:
            raise WireError(f"a packet of {size} octets is beyond {LARGEST_PACKET}")
        timestamp = seconds * NANOSECONDS + fraction * NANOSECONDS // fractions
        yield Captured(timestamp, link_type & 0xFFFF, _read(stream, size))


def _read_pcapng(stream: Octets) -> Iterator[Captured]:
    order = ""
    interfaces: list[_Interface] = []
    kind_octets = _PCAPNG_MAGIC
    while kind_octets:
        size_octets = _read(stream, 4)
        if kind_octets == _PCAPNG_MAGIC:
            magic = _read(stream, 4)
            order, interfaces = _byte_order(magic), []
            _read_block(stream, order, size_octets, already=magic)
        else:
            (kind,) = _unpack(order, "I", kind_octets)
            body = _read_block(stream, order, size_octets)
            if kind == Block.INTERFACE:
                if len(interfaces) == MAXIMUM_INTERFACES:
                    raise WireError(f"a section of more than {MAXIMUM_INTERFACES} interfaces")
                interfaces.append(_interface(order, body))
            elif kind in (Block.PACKET, Block.ENHANCED_PACKET):
                yield _packet(
                    order, body, interfaces, "IIIII" if kind == Block.ENHANCED_PACKET else "H2xIIII"
                )
            elif kind == Block.SIMPLE_PACKET:
                yield _simple_packet(order, body, interfaces)
        kind_octets = _read(stream, 4, or_end=True)


def _byte_order(magic: bytes) -> str:
    for order in (">", "<"):
        if struct.unpack(f"{order}I", magic) == (BYTE_ORDER_MAGIC,):
            return order
    raise WireError(f"{magic.hex()} is not a byte order of pcapng")


def _read_block(stream: Octets, order: str, size_octets: bytes, already: bytes = b"") -> bytes:
    """Read a block behind its type and size; `already` is what of it has been read."""
    (size,) = _unpack(order, "I", size_octets)
    if size % 4 or not 12 + len(already) <= size <= LARGEST_BLOCK:
        raise WireError(f"a block of {size} octets is not a multiple of four in the bounds")
    body = already + _read(stream, size - 12 - len(already))
    if _read(stream, 4) != size_octets:
        raise WireError(f"a block of {size} octets ends with another size")
    return body


def _interface(order: str, body: bytes) -> _Interface:
    link_type, snapshot = _unpack(order, "H2xI", body)
    fractions, offset, name = 1_000_000, 0, ""
    for code, value in _options(order, body, 8):
        if code == Option.INTERFACE_RESOLUTION:
            (resolution,) = _unpack(order, "B", value)
            fractions = 1 << (resolution & 0x7F) if resolution & 0x80 else 10**resolution
        elif code == Option.INTERFACE_OFFSET:
            (offset,) = _unpack(order, "q", value)
        elif code == Option.INTERFACE_NAME:
            name = _text(value)
    return _Interface(link_type, snapshot, fractions, offset, name)


def _options(order: str, body: bytes, position: int) -> Iterator[tuple[int, bytes]]:
    while position < len(body):
        code, size = _unpack(order, "HH", body, position)
        position += 4
        if code == Option.END:
            return
        if position + size > len(body):
            raise WireError(f"an option of {size} octets reaches beyond its block")
        yield code, body[position : position + size]
        position += size + -size % 4


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "replace")


def _packet(order: str, body: bytes, interfaces: list[_Interface], layout: str) -> Captured:
    number, high, low, size, _ = _unpack(order, layout, body)
    if number >= len(interfaces):
        raise WireError(f"interface {number} is not described")
    interface = interfaces[number]
    timestamp = ((high << 32) + low) * NANOSECONDS // interface.fractions + interface.offset * NANOSECONDS
    octets = _slice(body, 20, size)
    options = _options(order, body, 20 + size + -size % 4)
    comment = "\n".join(_text(value) for code, value in options if code == Option.COMMENT)
    return Captured(timestamp, interface.link_type, octets, interface.name, comment)


def _simple_packet(order: str, body: bytes, interfaces: list[_Interface]) -> Captured:
    if not interfaces:
        raise WireError("interface 0 is not described")
    (size,) = _unpack(order, "I", body)
    if interfaces[0].snapshot:
        size = min(size, interfaces[0].snapshot)
    return Captured(0, interfaces[0].link_type, _slice(body, 4, size), interfaces[0].name)


def _slice(body: bytes, start: int, size: int) -> bytes:
    if size > LARGEST_PACKET or start + size > len(body):
        raise WireError(f"a packet of {size} octets reaches beyond its block")
    return body[start : start + size]


def _unpack(order: str, layout: str, octets: bytes, offset: int = 0) -> tuple[int, ...]:
    try:
        return struct.unpack_from(order + layout, octets, offset)
    except struct.error:
        raise WireError(
            f"{len(octets) - offset} octets are too few for {struct.calcsize(order + layout)}"
        ) from None


def _read(stream: Octets, size: int, *, or_end: bool = False) -> bytes:
    """Read `size` octets; with `or_end` the end of the file is an answer too: no octets."""
    octets = b""
    while len(octets) < size and (part := stream.read(size - len(octets))):
        octets += part
    if len(octets) < size and not (or_end and not octets):
        raise WireError(f"the file ends {size - len(octets)} octets too early")
    return octets
