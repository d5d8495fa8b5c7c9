"""Ethernet frames with IPX in them, as the data plane sees them: what stands where in each frame type.

A frame is two MAC addresses, a *rest* of the header, and the packet. In `ipx/frames.py` are the formats.
"""

from typing import Final, NamedTuple, Protocol

from nwip.ipx.frames import ETHERTYPE_IPX, MAC_SIZE, FrameType

ADDRESSES_SIZE: Final = 2 * MAC_SIZE
LONGEST_REST: Final = 10  # octets: of Ethernet_SNAP
LARGEST_FRAME: Final = 16384  # octets that are read: a jumbo frame is whole, and dropped as too large


class Shape(NamedTuple):
    """The rest of a header: the same octets `fixed` in every frame, behind a length if it is `counted`.

    The length counts what is behind itself, without padding.
    """

    counted: bool
    fixed: bytes

    @property
    def rest_size(self) -> int:
        """How many octets the rest has."""
        return (2 if self.counted else 0) + len(self.fixed)

    @property
    def header_size(self) -> int:
        """How many octets are before the packet."""
        return ADDRESSES_SIZE + self.rest_size


SHAPES: Final = {
    FrameType.ETHERNET_II: Shape(counted=False, fixed=ETHERTYPE_IPX.to_bytes(2, "big")),
    FrameType.ETHERNET_802_3: Shape(counted=True, fixed=b""),
    FrameType.ETHERNET_802_2: Shape(counted=True, fixed=b"\xe0\xe0\x03"),
    FrameType.ETHERNET_SNAP: Shape(counted=True, fixed=b"\xaa\xaa\x03\x00\x00\x00\x81\x37"),
}


class Standing(Protocol):
    """Where a link stands on its LAN: `links.lan.own_numbers.OwnNumbers`. It may change between batches."""

    node: bytes
    station: bytes
    joined: bool
    network_octets: bytes
