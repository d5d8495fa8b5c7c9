"""What a card gives us, decided in the kernel: IPX in the four frame types, and nothing else. Pure.

A classic BPF program; it takes just the frames that `reading.frame_type_of` knows, but for those that we
send ourselves, and those of a VLAN: their tag has been taken off by then, and they are of another LAN.
Sources: `linux/filter.h`, `linux/bpf_common.h`, `linux/if_packet.h`; "Linux Socket Filtering" of the kernel.
"""

import struct
from typing import Final, NamedTuple

from nwip.ipx.frames import ETHERTYPE_IPX, MAXIMUM_BODY

PACKET_OUTGOING: Final = 4  # linux/if_packet.h

_LOAD_WORD, _LOAD_HALF, _LOAD_OCTET = 0x20, 0x28, 0x30  # BPF_LD | BPF_W, BPF_H, BPF_B | BPF_ABS
_EQUAL, _GREATER = 0x15, 0x25  # BPF_JMP | BPF_JEQ, BPF_JGT | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_ANCILLARY: Final = 0x1_0000_0000 - 0x1000  # SKF_AD_OFF
_PACKET_TYPE: Final = _ANCILLARY + 4  # SKF_AD_PKTTYPE
_HAS_VLAN_TAG: Final = _ANCILLARY + 48  # SKF_AD_VLAN_TAG_PRESENT
_WHOLE: Final = 0x40000  # octets of a frame that are kept


class _Step(NamedTuple):
    """An instruction; a comparison goes on at the step with the label `holds` or `fails`, or at the next."""

    code: int
    operand: int
    holds: str = ""
    fails: str = ""
    label: str = ""


_PROGRAM: Final = (
    _Step(_LOAD_WORD, _PACKET_TYPE),
    _Step(_EQUAL, PACKET_OUTGOING, holds="drop"),
    _Step(_LOAD_WORD, _HAS_VLAN_TAG),
    _Step(_EQUAL, 0, fails="drop"),
    _Step(_LOAD_HALF, 12),
    _Step(_EQUAL, ETHERTYPE_IPX, holds="take"),
    _Step(_GREATER, MAXIMUM_BODY, holds="drop"),
    _Step(_LOAD_HALF, 14),
    _Step(_EQUAL, 0xFFFF, holds="take"),
    _Step(_EQUAL, 0xE0E0, holds="LLC"),
    _Step(_EQUAL, 0xAAAA, holds="SNAP", fails="drop"),
    _Step(_LOAD_OCTET, 16, label="LLC"),
    _Step(_EQUAL, 0x03, holds="take", fails="drop"),
    _Step(_LOAD_WORD, 16, label="SNAP"),
    _Step(_EQUAL, 0x03000000, fails="drop"),
    _Step(_LOAD_HALF, 20),
    _Step(_EQUAL, ETHERTYPE_IPX, holds="take", fails="drop"),
    _Step(_RETURN, _WHOLE, label="take"),
    _Step(_RETURN, 0, label="drop"),
)


def instructions() -> bytes:
    """Return the program as an array of `struct sock_filter`, eight octets each, in this machine's order."""
    places = {step.label: index for index, step in enumerate(_PROGRAM) if step.label}
    octets = b""
    for index, step in enumerate(_PROGRAM, start=1):  # jumps count from the next instruction
        holds, fails = (places.get(label, index) - index for label in (step.holds, step.fails))
        octets += struct.pack("=HBBI", step.code, holds, fails, step.operand)
    return octets
