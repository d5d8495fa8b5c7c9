"""Datagrams from as many addresses as one likes, out of one socket: what comes with each names its source.

A socket may send from any address of this machine (`IP_PKTINFO`), and all of 127.0.0.0/8 are its own, so
this needs no privilege. Sources: ip(7), cmsg(3).
"""

import socket
import struct
from collections.abc import Iterable
from typing import Final

from nwip.bench.clients import IP_PKTINFO
from nwip.bench.messages import CONTROL_SIZE, NAME_SIZE
from nwip.directory.records import Endpoint

_HEADER: Final = struct.Struct("@Nii")  # struct cmsghdr
_PKTINFO: Final = struct.Struct("=I4s4x")  # struct in_pktinfo: interface, source


def from_address(source: bytes) -> tuple[int, int, bytes]:
    """Return the same as `controls` for one message of `socket.sendmsg`."""
    return socket.IPPROTO_IP, IP_PKTINFO, _PKTINFO.pack(0, source)


def controls(sources: Iterable[bytes]) -> bytearray:
    """Return what says from which IPv4 address each message goes, `CONTROL_SIZE` octets each."""
    head = _HEADER.pack(_HEADER.size + _PKTINFO.size, socket.IPPROTO_IP, IP_PKTINFO)
    made = (head + _PKTINFO.pack(0, source) for source in sources)
    return bytearray(b"".join(control.ljust(CONTROL_SIZE, b"\0") for control in made))


def names(to: Endpoint, count: int) -> bytearray:
    """Return the `sockaddr_in` of one address so many times."""
    name = struct.pack("=H", socket.AF_INET) + to[1].to_bytes(2, "big") + socket.inet_aton(to[0])
    return bytearray(name.ljust(NAME_SIZE, b"\0") * count)
