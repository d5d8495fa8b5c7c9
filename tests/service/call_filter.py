"""System call filters of the kernel: what systemd makes of a unit, as far as it can be said in seccomp(2).

A program of classic BPF looks at each call: its number at offset 0, the machine at 4, and the low halves of
its arguments from 16 on, eight octets apart (linux/seccomp.h; little-endian machines).
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Collection, Mapping
from typing import Final

ALLOW: Final = 0x7FFF0000  # linux/seccomp.h
KILL: Final = 0x80000000
ERROR: Final = 0x00050000
MACHINES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h
WRITE_AND_EXECUTE: Final = 6  # PROT_WRITE | PROT_EXEC
EXECUTE: Final = 4

_LOAD: Final = 0x20  # linux/bpf_common.h: BPF_LD | BPF_W | BPF_ABS, and the next
_EQUAL: Final = 0x15
_AND: Final = 0x54
_RETURN: Final = 0x06
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_FILTER: Final = 2


def program(calls: Collection[int], numbers: Mapping[str, int], families: Collection[int]) -> bytes:
    """Return the filter for these calls, without memory that is writable and executable."""
    refuse = _return(ERROR | errno.EPERM)
    code = [_load(4), _instruction(_EQUAL, 1, 0, MACHINES[platform.machine()]), _return(KILL), _load(0)]
    only = [part for family in sorted(families) for part in _if_equal(family, [_return(ALLOW)])]
    code += _if_equal(numbers["socket"], [_load(16), *only, _return(ERROR | errno.EAFNOSUPPORT)])
    for name, flags in (
        ("mmap", WRITE_AND_EXECUTE),
        ("mprotect", EXECUTE),
        ("pkey_mprotect", EXECUTE),
    ):
        wrong = _if_equal(flags, [refuse])
        code += _if_equal(numbers[name], [_load(32), _instruction(_AND, 0, 0, flags), *wrong, _return(ALLOW)])
    code += [part for call in sorted(calls) for part in _if_equal(call, [_return(ALLOW)])]
    return b"".join([*code, refuse])


def obey(code: bytes) -> None:
    """Put this process, and all that it starts, under a filter. Raises `OSError`."""
    libc = ctypes.CDLL(None, use_errno=True)
    instructions = ctypes.create_string_buffer(code, len(code))
    count, place = len(code) // 8, ctypes.addressof(instructions)
    told = ctypes.create_string_buffer(struct.pack("@HP", count, place))
    for option, argument, more in (
        (_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), ctypes.c_ulong(0)),
        (_PR_SET_SECCOMP, ctypes.c_ulong(_FILTER), ctypes.c_void_p(ctypes.addressof(told))),
    ):
        if libc.prctl(option, argument, more, ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def _load(offset: int) -> bytes:
    return _instruction(_LOAD, 0, 0, offset)


def _return(verdict: int) -> bytes:
    return _instruction(_RETURN, 0, 0, verdict)


def _if_equal(value: int, then: list[bytes]) -> list[bytes]:
    """Do `then` where the accumulator is `value`, else pass over it."""
    return [_instruction(_EQUAL, 0, len(then), value), *then]


def _instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
