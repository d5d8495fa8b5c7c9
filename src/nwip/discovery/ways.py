"""The four ways on this machine: puts the real leases, resolver, sockets and chance behind them."""

import asyncio
import ipaddress
import os
import random
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import psutil

from nwip.dataplane.interfaces import local_addresses, subnet_of
from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint
from nwip.discovery.dhcp.information import Information
from nwip.discovery.dhcp.informing import ask
from nwip.discovery.dhcp.lease_files import read_leases
from nwip.discovery.dhcp.way import DhcpWay, Interface
from nwip.discovery.finding import Found, find
from nwip.discovery.nearest_ports import NearestWay
from nwip.discovery.preferred import preferred_servers
from nwip.discovery.steps import Hints, Say, Source, Step, Way
from nwip.dss.probe import probe
from nwip.routing.distance import ticks_between

if TYPE_CHECKING:
    from nwip.security.membership import Membership

_ANY_TICKS = Parameters(domain="any")


async def find_here(
    domain: str,
    ways: Iterable[Way],
    *,
    preferred: Sequence[str] = (),
    leases: Sequence[str] = (),
    say: Say,
    membership: "Membership | None" = None,
) -> Found | None:
    """Go these ways on this machine, in order; return what the first finds that leads to a DSS, or None.

    `domain` empty takes whichever is found; `preferred` are the DSSs that the configuration names, `leases`
    patterns of further lease files. `membership` is needed where the domain is sealed: only DSSs that prove
    to be members are found then.
    """
    sources = {way: _source(way, preferred, leases) for way in ways}
    asking = partial(probe, membership=membership)
    return await find(Hints(domain), sources, probe=asking, pause=asyncio.sleep, say=say)


def subnets() -> list[tuple[str, str]]:
    """Return this machine's IPv4 addresses, each with its subnet's broadcast address; loopback last."""
    found = ((address, subnet_of(address)) for address in local_addresses())
    return [
        (address, str(subnet.broadcast_address))
        for address, subnet in found
        if subnet and subnet.prefixlen < 31
    ]


def _source(way: Way, preferred: Sequence[str], leases: Sequence[str]) -> Source:
    match way:
        case Way.PREFERRED:
            return _preferred(preferred)
        case Way.DHCP:
            return DhcpWay(lambda: read_leases(time.time(), leases), _interfaces, _ask)
        case Way.DNS:
            return _by_names
        case Way.NEAREST:
            return NearestWay(subnets, lambda: os.urandom(6))


def _preferred(names: Sequence[str]) -> Source:
    async def source(hints: Hints, say: Say) -> list[Endpoint]:
        del hints
        asked = f"preferred DSS {', '.join(names)}" if names else "preferred DSS"
        try:
            found = await preferred_servers(names)
        except OSError as error:
            say(Step(Way.PREFERRED, asked, f"cannot be resolved: {error.strerror}", helps=False))
            return []
        answer = f"{len(found)} addresses to try" if found else "none is configured"
        say(Step(Way.PREFERRED, asked, answer, helps=bool(found)))
        return found

    return source


async def _by_names(hints: Hints, say: Say) -> list[Endpoint]:
    # Only who goes this way pays for the library.
    import dns.asyncresolver  # noqa: PLC0415
    import dns.exception  # noqa: PLC0415

    from nwip.discovery.names import DnsWay  # noqa: PLC0415

    try:
        resolver = dns.asyncresolver.Resolver()
    except (dns.exception.DNSException, OSError) as error:
        say(Step(Way.DNS, "name servers of this machine", f"cannot be known: {error}", helps=False))
        return []
    chance = random.Random()  # noqa: S311 - shares load, keeps no secret
    return await DnsWay(resolver, chance, _nearness)(hints, say)


def _nearness(address: str) -> float:
    """Return how far an address is: the least ticks from any of this machine's own."""
    ours = [here for here in local_addresses() if not ipaddress.ip_address(here).is_loopback]
    return min((ticks_between(here, address, _ANY_TICKS, _prefix(here)) for here in ours), default=0)


def _prefix(address: str) -> int | None:
    subnet = subnet_of(address)
    return subnet.prefixlen if subnet else None


def _interfaces() -> Iterator[Interface]:
    for name, entries in psutil.net_if_addrs().items():
        hardware = next((entry.address for entry in entries if entry.family == psutil.AF_LINK), "")
        for entry in entries:
            if entry.family == socket.AF_INET and not ipaddress.ip_address(entry.address).is_loopback:
                yield Interface(name, entry.address, _octets(hardware))


def _octets(hardware: str) -> bytes:
    try:
        return bytes.fromhex(hardware.replace(":", "").replace("-", ""))[:16]
    except ValueError:
        return b""


async def _ask(address: str, hardware: bytes, server: str) -> Information | None:
    return await ask(address, hardware, server, lambda: int.from_bytes(os.urandom(4), "big"))
