"""Classic BPF: programs that let the kernel drop what comes to a socket before we are woken for it.

Takes no privilege. Sources: `linux/filter.h`, `linux/bpf_common.h`; "Linux Socket Filtering" of the kernel.
"""

import ctypes
import socket
import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

LOAD_WORD, LOAD_HALF, LOAD_OCTET = 0x20, 0x28, 0x30  # BPF_LD | BPF_W, BPF_H, BPF_B | BPF_ABS
EQUAL, GREATER, AT_LEAST = 0x15, 0x25, 0x35  # BPF_JMP | BPF_JEQ, BPF_JGT, BPF_JGE | BPF_K
GO: Final = 0x05  # BPF_JMP | BPF_JA
RETURN: Final = 0x06  # BPF_RET | BPF_K
ANCILLARY: Final = 0x1_0000_0000 - 0x1000  # SKF_AD_OFF
RANDOM: Final = ANCILLARY + 56  # SKF_AD_RANDOM: 32 bits that the kernel makes up
NETWORK: Final = 0x1_0000_0000 - 0x10_0000  # SKF_NET_OFF: the IP header
WHOLE: Final = 0x40000  # octets that are kept: all of any datagram or frame
STEPS_LIMIT: Final = 4096  # BPF_MAXINSNS
NEAR: Final = 255  # steps that a comparison can skip; `GO` reaches any

SO_ATTACH_FILTER: Final = 26  # asm-generic/socket.h, and the next
SO_DETACH_FILTER: Final = 27


class Step(NamedTuple):
    """An instruction; a comparison goes on at the step with the label `holds` or `fails`, or at the next.

    `GO` goes on at the step with the label `holds`.
    """

    code: int
    operand: int = 0
    holds: str = ""
    fails: str = ""
    label: str = ""


def assemble(program: Iterable[Step]) -> bytes:
    """Return a program as an array of `struct sock_filter`, eight octets each, in this machine's order.

    Raises `ValueError` for one that is too long, or in which a comparison would go too far.
    """
    steps = tuple(program)
    if len(steps) > STEPS_LIMIT:
        raise ValueError(f"{len(steps)} steps: the kernel takes {STEPS_LIMIT}")
    places = {step.label: index for index, step in enumerate(steps) if step.label}
    octets = bytearray()
    for index, step in enumerate(steps, start=1):  # jumps count from the next instruction
        holds, fails = (places.get(label, index) - index for label in (step.holds, step.fails))
        if step.code == GO:
            octets += struct.pack("=HBBI", step.code, 0, 0, holds)
            continue
        if not (0 <= holds <= NEAR and 0 <= fails <= NEAR):
            raise ValueError(f"step {index} goes {max(holds, fails)} steps on: at most {NEAR} are possible")
        octets += struct.pack("=HBBI", step.code, holds, fails, step.operand)
    return bytes(octets)


def attach(sock: socket.socket, program: bytes) -> None:
    """Have a socket's datagrams judged by a program, in place of the one before. Raises `OSError`."""
    memory = ctypes.create_string_buffer(program, len(program))
    pointer = struct.pack("HP", len(program) // 8, ctypes.addressof(memory))  # struct sock_fprog
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)


def detach(sock: socket.socket) -> None:
    """Let everything in again. Raises `OSError` where no program is attached."""
    sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
