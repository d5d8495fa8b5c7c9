"""IPX addresses: network, node and socket, on the wire and as people write them."""

import re
from typing import NamedTuple

from nwip.wire import Reader, Writer

ADDRESS_SIZE = 12
NODE_SIZE = 6
BROADCAST_NODE = b"\xff" * NODE_SIZE
NULL_NODE = bytes(NODE_SIZE)

_HEX = re.compile(r"[0-9A-Fa-f]+")


class Address(NamedTuple):
    """A full IPX address.

    `network` is a 32-bit number (0 means "this network"), `node` is 6 octets, `socket` a 16-bit number.
    """

    network: int
    node: bytes
    socket: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `00ABCD01.7E010A000001.0451`; leading zeros may be missing, and so may the socket (0).

        Raises `ValueError` that says which part is wrong.
        """
        parts = text.strip().split(".")
        if len(parts) not in (2, 3):
            raise ValueError(f"{text!r} is not an IPX address: write NETWORK.NODE or NETWORK.NODE.SOCKET")
        socket = _parse_hex(parts[2], 2, "socket") if len(parts) == 3 else 0
        return cls(parse_network(parts[0]), parse_node(parts[1]), socket)

    @classmethod
    def read(cls, reader: Reader) -> "Address":
        """Read the 12 octets of an address: network 4, node 6, socket 2. Raises `WireError`."""
        return cls(reader.u32(), reader.octets(NODE_SIZE), reader.u16())

    def write(self, writer: Writer) -> None:
        """Write the 12 octets of an address. Raises `WireError` for a value that does not fit."""
        writer.u32(self.network).octets(self.node, NODE_SIZE).u16(self.socket)

    def __str__(self) -> str:
        return f"{format_network(self.network)}.{format_node(self.node)}.{self.socket:04X}"


def parse_network(text: str) -> int:
    """Read a network number of one to eight hexadecimal digits. Raises `ValueError`."""
    return _parse_hex(text, 4, "network")


def format_network(network: int) -> str:
    """Print a network number as eight hexadecimal digits."""
    return f"{network:08X}"


def parse_node(text: str) -> bytes:
    """Read a node number: 1 to 12 hexadecimal digits, or six pairs with `:` or `-`. Raises `ValueError`."""
    digits = text.replace(":", "").replace("-", "") if len(text) == 17 else text
    return _parse_hex(digits, NODE_SIZE, "node").to_bytes(NODE_SIZE, "big")


def format_node(node: bytes) -> str:
    """Print a node number as twelve hexadecimal digits."""
    return node.hex().upper()


def _parse_hex(text: str, size: int, what: str) -> int:
    if not _HEX.fullmatch(text) or len(text) > 2 * size:
        raise ValueError(f"{text!r} is not a {what} number: write 1 to {2 * size} hexadecimal digits")
    return int(text, 16)
