"""The "Network Switch" of 86Box: each UDP datagram to 239.255.86.86 is one Ethernet frame, and nothing else.

86Box sends each frame by every interface of the machine: to the multicast group with its loop off where the
interface can do that, else to its broadcast address; and once to the broadcast address of the loopback
interface, for others on the same machine. It takes what comes to the port from anywhere, unless the source
MAC is its own. There is no registration and no keepalive, and the TTL is 1. The port is 8086; builds with
groups counted up from there. With a "shared secret" 86Box uses another group and puts a hash before each
frame: such a switch is another wire, which we are not on.

Source: 86Box, `src/network/net_switch.c` (2026) and pull requests 6794 and 6798.
"""

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from typing import Final

import psutil

from nwip.links.lan.multicast import MulticastMedium, Way

GROUP_ADDRESS: Final = "239.255.86.86"
FIRST_PORT: Final = 8086
LAST_GROUP: Final = 65535 - FIRST_PORT
LOOPBACK: Final = Way("127.0.0.1", "127.255.255.255", loop=False)


def netswitch_medium(group: int = 0, interfaces: Sequence[str] = ()) -> MulticastMedium:
    """Make the medium of a switch: `group` is 0 for port 8086, and counts up from there.

    `interfaces` names those to use besides the loopback interface; none means all. Raises `ValueError` for a
    group that has no port.
    """
    if not 0 <= group <= LAST_GROUP:
        raise ValueError(f"a group is 0 to {LAST_GROUP}: its port is {FIRST_PORT} and the group added")
    names = frozenset(interfaces)
    return MulticastMedium(
        (GROUP_ADDRESS, FIRST_PORT + group),
        lambda: netswitch_ways(names),
        hints={"in 86Box, choose": "the network mode of the switch, and no shared secret"},
    )


def netswitch_ways(names: frozenset[str] = frozenset()) -> Iterator[Way]:
    """Yield the ways by which 86Box would send on this machine, of interfaces in `names` if there are any."""
    yield LOOPBACK
    states = psutil.net_if_stats()
    for name, entries in psutil.net_if_addrs().items():
        state = states.get(name)
        if state is None or (names and name not in names):
            continue
        addresses = [(entry.address, entry.broadcast) for entry in entries if entry.family == socket.AF_INET]
        way = _way(name, addresses, state.flags.split(","))
        if way is not None:
            yield way


def _way(name: str, addresses: Sequence[tuple[str, str | None]], flags: Sequence[str]) -> Way | None:
    """Return the way by one interface, one for all its addresses: else each frame would go out twice."""
    if "up" not in flags:  # psutil's `isup` asks for a carrier too, which may take a second to be seen
        return None
    for address, broadcast in addresses:
        to = GROUP_ADDRESS if "multicast" in flags else broadcast if "broadcast" in flags else None
        if to is None or ipaddress.IPv4Address(address).is_loopback:
            continue
        try:
            return Way(address, to, loop=False, interface=socket.if_nametoindex(name))
        except OSError:  # it has just gone
            return None
    return None
