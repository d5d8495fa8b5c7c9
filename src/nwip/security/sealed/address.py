"""Where a peer is: at a UDP address, or behind another peer that passes datagrams on. Pure."""

from typing import NamedTuple

from nwip.directory.records import Endpoint


class Via(NamedTuple):
    """Behind the holder of the public key `relay`, who knows the peer by its identity (16 octets)."""

    relay: bytes
    identity: bytes


Address = Endpoint | Via
