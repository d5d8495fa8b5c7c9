"""Writes what passed a node's links as a capture in which Wireshark shows IPX without being told. Pure.

Each link is an interface of its own; each packet stands in an Ethernet_II frame, whatever the link is, and
the frame's addresses say between whom it went:

    of the node itself     its node number on that link
    of a hop with a node   that node number, or MAC address
    of an IPv4 endpoint    02 00, and the four octets of its address
    of an IPv6 endpoint    02 06, and the last four octets of its address
    of all                 FF FF FF FF FF FF

The comment says it exactly: `in dosbox from 0251F04DDD35`, `out virtual to 192.0.2.7:43981`, or `out lan0 to
all`.
"""

import ipaddress
import re
import sys
from collections import Counter
from typing import BinaryIO, Final

from nwip.capture.pcapng import LinkType, PcapngWriter
from nwip.ipx.address import BROADCAST_NODE, NULL_NODE
from nwip.ipx.frames import ETHERTYPE_IPX
from nwip.ipx.packet import DESTINATION_NODE_OFFSET

_NODE: Final = re.compile(r"[0-9A-F]{12}")
_IPV4: Final = b"\x02\x00"
_IPV6: Final = b"\x02\x06"


class Recording:
    """A capture of links being written. The stream stays the caller's, who also flushes and closes it.

    `packets` counts what was written, by link and direction.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.packets: Counter[tuple[str, str]] = Counter()
        self.octets = 0
        self._writer = PcapngWriter(stream, order=sys.byteorder)
        self._interfaces: dict[str, int] = {}

    def add_link(self, name: str, description: str = "") -> int:
        """Describe a link, once; return the number of its interface."""
        if name not in self._interfaces:
            self._interfaces[name] = self._writer.add_interface(LinkType.ETHERNET, name, description)
        return self._interfaces[name]

    def write(
        self, link: str, packet: bytes, *, outgoing: bool, timestamp: int, node: bytes, hop: str
    ) -> None:
        """Write a packet that has passed a link; `timestamp` is nanoseconds since 1970.

        `node` is our own number there. `hop` is where it came from or went to: a node number, an IP endpoint,
        or "" for all. Raises `WireError` for a timestamp that does not fit 64 bits.
        """
        peer = mac_of(hop)
        if outgoing:
            direction, destination, source = "out", peer, node
        else:
            to_all = packet[DESTINATION_NODE_OFFSET : DESTINATION_NODE_OFFSET + 6] == BROADCAST_NODE
            direction, destination, source = "in", BROADCAST_NODE if to_all else node, peer
        frame = destination + source + ETHERTYPE_IPX.to_bytes(2, "big") + packet
        comment = f"{direction} {link} {'to' if outgoing else 'from'} {hop or 'all'}"
        self._writer.write(self.add_link(link), timestamp, frame, comment)
        self.packets[link, direction] += 1
        self.octets += len(packet)

    def finish(self, timestamp: int, dropped: Counter[str]) -> None:
        """Write how many packets of each link there were, and how many were dropped because nobody read."""
        for link, interface in self._interfaces.items():
            received = self.packets[link, "in"] + self.packets[link, "out"]
            self._writer.write_statistics(interface, timestamp, received + dropped[link], dropped[link])


def mac_of(hop: str) -> bytes:
    """Return the MAC address that stands for a hop: see the module."""
    if _NODE.fullmatch(hop):
        return bytes.fromhex(hop)
    if not hop:
        return BROADCAST_NODE
    host = hop.rpartition(":")[0].strip("[]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return NULL_NODE
    return (_IPV4 if address.version == 4 else _IPV6) + address.packed[-4:]
