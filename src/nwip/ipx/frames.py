"""The four ways in which an Ethernet frame carries IPX.

    name             behind the two MAC addresses
    Ethernet_II      type 8137, packet
    Ethernet_802.3   length, packet; known by its checksum field, which must be FFFF
    Ethernet_802.2   length, LLC header E0 E0 03, packet
    Ethernet_SNAP    length, LLC header AA AA 03, SNAP header 00 00 00 81 37, packet

The length counts everything behind itself but the padding to 60 octets (frame check sequence not included).
Some drivers make it even and count one octet behind the packet: that octet is kept when a frame is read, and
never added to a frame that is made.

Source: reference "IPX for the implementer", frame types; IEEE 802.3, 802.2; RFC 1042.
"""

from enum import Enum
from typing import Final, NamedTuple

from nwip.ipx.packet import HEADER_SIZE
from nwip.wire import Reader, WireError, Writer

MAC_SIZE: Final = 6
ETHERTYPE_IPX: Final = 0x8137
MAXIMUM_BODY: Final = 1500  # also the highest number that is a length and not a type
MINIMUM_FRAME: Final = 60


class FrameType(Enum):
    """A way of carrying IPX, by Novell's name for it."""

    ETHERNET_II = "Ethernet_II"
    ETHERNET_802_3 = "Ethernet_802.3"
    ETHERNET_802_2 = "Ethernet_802.2"
    ETHERNET_SNAP = "Ethernet_SNAP"

    @property
    def maximum_packet(self) -> int:
        """The largest packet that fits a frame, in octets."""
        return MAXIMUM_BODY - len(_HEADERS[self])


_HEADERS: Final = {
    FrameType.ETHERNET_II: b"",
    FrameType.ETHERNET_802_3: b"",
    FrameType.ETHERNET_802_2: b"\xe0\xe0\x03",
    FrameType.ETHERNET_SNAP: b"\xaa\xaa\x03\x00\x00\x00\x81\x37",
}
_NO_CHECKSUM: Final = b"\xff\xff"


class Frame(NamedTuple):
    """An Ethernet frame with an IPX packet in it.

    `packet` is as long as its own length field says. `fill` is what the 802.3 length counts behind it, as a
    rule nothing; `padding` is the rest of the frame.
    """

    destination: bytes
    source: bytes
    frame_type: FrameType
    packet: bytes
    fill: bytes = b""
    padding: bytes = b""

    @classmethod
    def of(cls, destination: bytes, source: bytes, frame_type: FrameType, packet: bytes) -> "Frame":
        """Make a frame for a packet, padded to 60 octets with zeros."""
        frame = cls(destination, source, frame_type, packet)
        return frame._replace(padding=bytes(max(0, MINIMUM_FRAME - len(frame.encode()))))

    @classmethod
    def decode(cls, octets: bytes | bytearray | memoryview) -> "Frame | None":
        """Read a frame; None when it carries something other than IPX.

        Raises `WireError` when the frame is cut short, or when the packet's length field is below 30 or
        beyond the frame.
        """
        reader = Reader(octets)
        destination, source = reader.octets(MAC_SIZE), reader.octets(MAC_SIZE)
        type_or_length = reader.u16()
        if type_or_length == ETHERTYPE_IPX:
            packet = _packet(reader)
            return cls(destination, source, FrameType.ETHERNET_II, packet, padding=reader.rest())
        if type_or_length > MAXIMUM_BODY:
            return None
        body = reader.octets(type_or_length)
        frame_type = _classify(body)
        if frame_type is None:
            return None
        content = Reader(body[len(_HEADERS[frame_type]) :])
        packet = _packet(content)
        return cls(destination, source, frame_type, packet, content.rest(), reader.rest())

    def encode(self) -> bytes:
        """Write the frame.

        Raises `WireError` when the packet is too large, its length field wrong, or when its checksum is
        computed and the frame type is 802.3, which cannot be told from LLC then.
        """
        if _packet(Reader(self.packet)) != self.packet:
            raise WireError(f"the length field of the packet is not {len(self.packet)}")
        body = _HEADERS[self.frame_type] + self.packet + self.fill
        writer = Writer().octets(self.destination, MAC_SIZE).octets(self.source, MAC_SIZE)
        if len(body) > MAXIMUM_BODY:
            raise WireError(f"{len(body)} octets do not fit a frame")
        if self.frame_type is FrameType.ETHERNET_II:
            writer.u16(ETHERTYPE_IPX)
            if self.fill:
                raise WireError("an Ethernet_II frame has no length that could count a fill")
        else:
            writer.u16(len(body))
        if self.frame_type is FrameType.ETHERNET_802_3 and not body.startswith(_NO_CHECKSUM):
            raise WireError("Ethernet_802.3 carries only packets without checksum")
        return writer.octets(body).octets(self.padding).getvalue()


def announces(type_or_length: int, body: bytes) -> tuple[FrameType, bytes] | None:
    """Say how a frame with this type or length announces IPX, and what stands where the packet should.

    None when it announces something else. Nothing behind that is judged: see `Frame.decode`.
    """
    if type_or_length == ETHERTYPE_IPX:
        return FrameType.ETHERNET_II, body
    frame_type = _classify(body) if type_or_length <= MAXIMUM_BODY else None
    return None if frame_type is None else (frame_type, body[len(_HEADERS[frame_type]) :])


def _classify(body: bytes) -> FrameType | None:
    """Tell by what stands behind an 802.3 length; None when it announces no IPX."""
    for frame_type in (FrameType.ETHERNET_802_2, FrameType.ETHERNET_SNAP):
        if body.startswith(_HEADERS[frame_type]):
            return frame_type
    return FrameType.ETHERNET_802_3 if body.startswith(_NO_CHECKSUM) else None


def _packet(reader: Reader) -> bytes:
    """Read one IPX packet, by its length field."""
    head = reader.octets(4)
    length = int.from_bytes(head[2:], "big")
    if not HEADER_SIZE <= length <= MAXIMUM_BODY:
        raise WireError(f"length field {length} is not {HEADER_SIZE} to {MAXIMUM_BODY}")
    return head + reader.octets(length - len(head))
