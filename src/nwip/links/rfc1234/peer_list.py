"""A list of peers as people write and publish it: a name or an IPv4 address on each line. Pure.

    # behind a # stands a comment
    192.0.2.7
    gateway.example.org     # so does one here

The protocol makes node numbers of IPv4 addresses, so there are no others in it.
"""

import ipaddress
import re
from typing import Final, NamedTuple

LARGEST_LIST: Final = 64 * 1024  # octets
MOST_PEERS: Final = 1000

_LABEL: Final = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
_NUMBERS: Final = re.compile(r"(?:.*\.)?[0-9]+\.?")  # would be an address, were it right


class ListError(Exception):
    """A list cannot be had, or is none; the message says why, without the list's name."""


class Listed(NamedTuple):
    """The names and addresses of a list, each once, and what was wrong with the rest ("" for nothing)."""

    names: tuple[str, ...]
    complaint: str = ""


def parse_peers(data: bytes) -> Listed:
    """Read a list. What is no name or address is left out, and so is what is over `MOST_PEERS`.

    Raises `ListError` when it is larger than `LARGEST_LIST`, or names nobody: then it is an error page, or
    cut short, and the list before it is the better one.
    """
    if len(data) > LARGEST_LIST:
        raise ListError(f"it is larger than {LARGEST_LIST // 1024} KiB")
    names: dict[str, None] = {}
    bad: list[int] = []
    for number, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), start=1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        if is_peer(entry):
            names[entry] = None
        else:
            bad.append(number)
    if not names:
        raise ListError("it names nobody" + (f"; line {bad[0]} is no name or IPv4 address" if bad else ""))
    complaints = []
    if bad:
        complaints.append(f"{len(bad)} lines are no names or IPv4 addresses, the first is line {bad[0]}")
    if len(names) > MOST_PEERS:
        complaints.append(f"it has {len(names)} peers, of which the first {MOST_PEERS} are taken")
    return Listed(tuple(names)[:MOST_PEERS], "; ".join(complaints))


def is_peer(text: str) -> bool:
    """Say whether a text is a host's name or an IPv4 address that one host can have."""
    if is_address(text):
        return is_usable(text)
    return _NAME.fullmatch(text) is not None and _NUMBERS.fullmatch(text) is None


def is_address(text: str) -> bool:
    """Say whether a text is an IPv4 address."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def is_usable(address: str) -> bool:
    """Say whether an IPv4 address is that of one host: no group, no broadcast, not "this host"."""
    ip = ipaddress.IPv4Address(address)
    return not (ip.is_multicast or ip.is_reserved or ip.packed[0] == 0)
