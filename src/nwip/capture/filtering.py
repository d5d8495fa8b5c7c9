"""Filters of decoded packets: by protocol, by address, by what is malformed. Pure.

A filter is words with commas between them, of which one must fit; `!` before it turns it round. A word is

    rip, sap, ...      a protocol; `error`: a malformed packet
    00ABCD01           five to eight hexadecimal digits: an IPX network
    0251F04DDD35       nine to twelve, or 02:51:f0:4d:dd:35: a node, or a MAC address
    0452               one to four: a socket
    00ABCD01.0251F04DDD35, with .0452 behind it if it matters: an address
    192.0.2.1, 2001:db8::1, with a port or not: what carried the packet
    in, out            the direction, in what `nwip capture` has written
    link=NAME          the link or interface

Addresses fit as the source or as the destination.
"""

import ipaddress
import re
from collections.abc import Callable

from nwip.capture.contents import PROTOCOLS
from nwip.capture.decoding import DIRECTIONS, Row
from nwip.ipx.address import Address, format_network, format_node, parse_node

Predicate = Callable[[Row], bool]

_HEX = re.compile(r"[0-9A-Fa-f]{1,12}")
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")
_IPX = re.compile(r"[0-9A-Fa-f]{1,8}\.[0-9A-Fa-f]{1,12}(\.[0-9A-Fa-f]{1,4})?")


def parse_filter(text: str) -> Predicate:
    """Return what says whether a row fits. Raises `ValueError` that names the word it does not know."""
    inverted = text.startswith("!")
    words = [_word(word.strip()) for word in text.removeprefix("!").split(",")]

    def fits(row: Row) -> bool:
        return any(word(row) for word in words) != inverted

    return fits


def _word(word: str) -> Predicate:
    low = word.lower()
    if low in PROTOCOLS:
        return lambda row: row["protocol"] == low
    if low == "error":
        return lambda row: "error" in row
    if low in DIRECTIONS:
        return lambda row: row.get("direction") == low
    if low.startswith("link="):
        return lambda row: row["link"] == word[5:]
    if _HEX.fullmatch(word):
        return _number(word)
    if _MAC.fullmatch(word):
        return _node(parse_node(word))
    if _IPX.fullmatch(word) and not _is_ip(word):
        return _address(word)
    if _is_ip(word):
        return _carrier(word)
    raise ValueError(
        f"{word!r} is no filter: write a protocol, an address, 'error', 'in', 'out' or 'link=NAME'"
    )


def _number(word: str) -> Predicate:
    if len(word) > 8:
        return _node(parse_node(word))
    if len(word) > 4:
        network = format_network(int(word, 16))
        return lambda row: any(end.startswith(network) for end in _ends(row))
    socket = f".{int(word, 16):04X}"
    return lambda row: any(end.endswith(socket) for end in _ends(row))


def _node(node: bytes) -> Predicate:
    text, mac = f".{format_node(node)}.", node.hex(":")
    return lambda row: any(text in end for end in _ends(row)) or mac in _carriers(row)


def _address(word: str) -> Predicate:
    address = str(Address.parse(word))
    if word.count(".") == 2:
        return lambda row: address in _ends(row)
    without_socket = address[:-4]
    return lambda row: any(end.startswith(without_socket) for end in _ends(row))


def _carrier(word: str) -> Predicate:
    return lambda row: any(word in (end, _host(end)) for end in _carriers(row))


def _is_ip(word: str) -> bool:
    try:
        ipaddress.ip_address(_host(word))
    except ValueError:
        return False
    return True


def _host(endpoint: str) -> str:
    """Return an endpoint without its port."""
    if endpoint.startswith("["):
        return endpoint[1:].partition("]")[0]
    return endpoint.partition(":")[0] if endpoint.count(":") == 1 else endpoint


def _ends(row: Row) -> list[str]:
    return [str(row[key]) for key in ("src", "dst") if row[key] is not None]


def _carriers(row: Row) -> list[str]:
    carrier = row.get("carrier")
    return [str(end) for end in carrier.values()] if isinstance(carrier, dict) else []
