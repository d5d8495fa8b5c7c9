"""The structures of the kernel's calls as ctypes lays them out, held against C compilers.

The compiler is only asked for the numbers, in assembly: nothing is linked or run, so a plain gcc answers for
32 bits too. What ctypes would do there is computed, by the rule that every field is aligned to its own size;
the same rule is held against ctypes itself for this machine.
"""

import ctypes
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from nwip.dataplane.kernel import Iovec, Mmsghdr, Msghdr

FIELDS = {
    "iovec": [("iov_base", "base"), ("iov_len", "length")],
    "msghdr": [
        ("msg_name", "name"),
        ("msg_namelen", "name_length"),
        ("msg_iov", "iov"),
        ("msg_iovlen", "iov_length"),
        ("msg_control", "control"),
        ("msg_controllen", "control_length"),
        ("msg_flags", "flags"),
    ],
    "mmsghdr": [("msg_hdr", "header"), ("msg_len", "length")],
}
STRUCTURES: dict[str, type[ctypes.Structure]] = {"iovec": Iovec, "msghdr": Msghdr, "mmsghdr": Mmsghdr}
SOURCE = """
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>
const unsigned int table[] = {{ {} }};
"""


class Field(NamedTuple):
    offset: int
    size: int


Layout = dict[str, Field]
"""A structure's fields by their names in C, and itself under its own name."""


def layout_in_c(compiler: str, folder: Path, *options: str) -> Layout:
    """Return what a compiler says of all three."""
    (folder / "gnu").mkdir()
    (folder / "gnu" / "stubs-32.h").touch()  # of the 32-bit library, whose headers are else the same
    names, terms = [], []
    for structure, fields in FIELDS.items():
        names.append(structure)
        terms += ["0", f"sizeof(struct {structure})"]
        for field, _ in fields:
            names.append(field)
            terms += [
                f"offsetof(struct {structure}, {field})",
                f"sizeof(((struct {structure} *)0)->{field})",
            ]
    source = folder / "layout.c"
    source.write_text(SOURCE.format(", ".join(terms)))
    command = [compiler, *options, "-I", str(folder), "-S", "-o", "-", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    numbers = list(_numbers(done.stdout))
    assert len(numbers) == len(terms)
    return {name: Field(*numbers[2 * at : 2 * at + 2]) for at, name in enumerate(names)}


def _numbers(assembly: str) -> Iterator[int]:
    _, _, table = assembly.partition("table:")
    for directive, number in re.findall(r"^\s*\.(long|word|zero)\s+(\d+)", table, re.MULTILINE):
        yield from [0] * (int(number) // 4) if directive == "zero" else [int(number)]


def layout_of_ctypes() -> Layout:
    layout = {}
    for name, structure in STRUCTURES.items():
        layout[name] = Field(0, ctypes.sizeof(structure))
        for in_c, ours in FIELDS[name]:
            field = getattr(structure, ours)
            layout[in_c] = Field(field.offset, field.size)
    return layout


def layout_by_rule(word: int) -> Layout:
    """Return the layout of the same fields where a pointer has so many octets."""
    layout: Layout = {}
    alignments: dict[type, int] = {}
    for name, structure in STRUCTURES.items():
        end, strictest = 0, 1
        kinds = {field[0]: field[1] for field in structure._fields_}
        for in_c, ours in FIELDS[name]:
            kind = kinds[ours]
            if kind in alignments:
                inner = next(each for each, known in STRUCTURES.items() if known is kind)
                size, alignment = layout[inner].size, alignments[kind]
            else:
                size = alignment = word if kind in (ctypes.c_void_p, ctypes.c_size_t) else ctypes.sizeof(kind)
            offset = -(-end // alignment) * alignment
            layout[in_c] = Field(offset, size)
            end, strictest = offset + size, max(strictest, alignment)
        layout[name] = Field(0, -(-end // strictest) * strictest)
        alignments[structure] = strictest
    return layout


def test_ctypes_follows_the_rule() -> None:
    assert layout_of_ctypes() == layout_by_rule(ctypes.sizeof(ctypes.c_void_p))


@pytest.mark.real("gcc")
def test_this_machines_compiler_lays_them_out_alike(tmp_path: Path) -> None:
    assert layout_of_ctypes() == layout_in_c("gcc", tmp_path)


@pytest.mark.real("gcc", "m32")
def test_so_does_a_compiler_for_32_bits(tmp_path: Path) -> None:
    told = subprocess.run(["gcc", "-print-multiarch"], capture_output=True, text=True, timeout=10, check=True)
    headers = Path("/usr/include", told.stdout.strip())
    assert layout_by_rule(4) == layout_in_c("gcc", tmp_path, "-m32", "-idirafter", str(headers))


@pytest.mark.real("musl-gcc")
def test_musl_has_the_same_fields_in_the_same_places_and_none_is_larger(tmp_path: Path) -> None:
    """Where one is smaller, padding follows it; what we write there is zero on a little-endian machine."""
    theirs, ours = layout_in_c("musl-gcc", tmp_path), layout_of_ctypes()
    assert {name: field.offset for name, field in theirs.items()} == {
        name: field.offset for name, field in ours.items()
    }
    for name in STRUCTURES:
        assert theirs[name] == ours[name]
    smaller = {name for name in ours if theirs[name].size < ours[name].size}
    assert all(theirs[name].size <= ours[name].size for name in ours)
    assert sys.byteorder == "little" or not smaller
