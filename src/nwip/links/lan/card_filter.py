"""What a card gives us, decided in the kernel: IPX in the four frame types, and nothing else. Pure.

A classic BPF program; it takes just the frames that `reading.frame_type_of` knows, but for those that we
send ourselves, and those of a VLAN: their tag has been taken off by then, and they are of another LAN.
Sources: `linux/filter.h`, `linux/bpf_common.h`, `linux/if_packet.h`; "Linux Socket Filtering" of the kernel.
"""

from typing import Final

from nwip.dataplane.packet_filter import (
    ANCILLARY,
    EQUAL,
    GREATER,
    LOAD_HALF,
    LOAD_OCTET,
    LOAD_WORD,
    RETURN,
    WHOLE,
    Step,
    assemble,
)
from nwip.ipx.frames import ETHERTYPE_IPX, MAXIMUM_BODY

PACKET_OUTGOING: Final = 4  # linux/if_packet.h

_PACKET_TYPE: Final = ANCILLARY + 4  # SKF_AD_PKTTYPE
_HAS_VLAN_TAG: Final = ANCILLARY + 48  # SKF_AD_VLAN_TAG_PRESENT

_PROGRAM: Final = (
    Step(LOAD_WORD, _PACKET_TYPE),
    Step(EQUAL, PACKET_OUTGOING, holds="drop"),
    Step(LOAD_WORD, _HAS_VLAN_TAG),
    Step(EQUAL, 0, fails="drop"),
    Step(LOAD_HALF, 12),
    Step(EQUAL, ETHERTYPE_IPX, holds="take"),
    Step(GREATER, MAXIMUM_BODY, holds="drop"),
    Step(LOAD_HALF, 14),
    Step(EQUAL, 0xFFFF, holds="take"),
    Step(EQUAL, 0xE0E0, holds="LLC"),
    Step(EQUAL, 0xAAAA, holds="SNAP", fails="drop"),
    Step(LOAD_OCTET, 16, label="LLC"),
    Step(EQUAL, 0x03, holds="take", fails="drop"),
    Step(LOAD_WORD, 16, label="SNAP"),
    Step(EQUAL, 0x03000000, fails="drop"),
    Step(LOAD_HALF, 20),
    Step(EQUAL, ETHERTYPE_IPX, holds="take", fails="drop"),
    Step(RETURN, WHOLE, label="take"),
    Step(RETURN, 0, label="drop"),
)


def instructions() -> bytes:
    """Return the program as the kernel takes it; see `packet_filter`."""
    return assemble(_PROGRAM)
