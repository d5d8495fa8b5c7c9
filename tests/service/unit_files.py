"""Reads the unit files of `packaging/systemd`, with what they mean in numbers of the kernel here."""

import re
import socket
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

UNITS: Final = Path(__file__).resolve().parents[2] / "packaging" / "systemd"


def settings(*files: str) -> dict[str, list[str]]:
    """Return the values of each key of these files, in order; an empty one forgets those before it."""
    found: dict[str, list[str]] = {}
    for file in files:
        for line in (UNITS / file).read_text("utf-8").splitlines():
            key, equals, value = line.partition("=")
            if not equals or line.startswith(("#", ";")):
                continue
            if value:
                found.setdefault(key, []).append(value)
            else:
                found[key] = []
    return found


def allowed_calls(filters: list[str]) -> set[int]:
    """Return the numbers of the system calls that `SystemCallFilter` leaves."""
    names: set[str] = set()
    for words in filters:
        members = {name for word in words.lstrip("~").split() for name in _members(word)}
        names = names - members if words.startswith("~") else names | members
    return {number for name, number in call_numbers().items() if name in names}


def families(words: list[str]) -> set[int]:
    """Return the numbers of address families."""
    return {int(getattr(socket, name)) for line in words for name in line.split()}


@cache
def call_numbers() -> dict[str, int]:
    """Return the system calls of this machine, as its C compiler knows them."""
    command = ["gcc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)\n", told)}


@cache
def _members(word: str) -> frozenset[str]:
    """Return the calls of a set, through the sets in it; a call by itself is its own."""
    if not word.startswith("@"):
        return frozenset({word})
    command = ["systemd-analyze", "--no-pager", "syscall-filter", word]
    told = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    lines = [line.strip() for line in told.splitlines()[1:]]
    return frozenset().union(*(_members(line) for line in lines if line and not line.startswith("#")))
