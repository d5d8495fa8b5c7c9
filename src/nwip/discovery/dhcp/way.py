"""The DHCP way: options 62 and 63 from the leases of the system's own client, else by asking the server."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, NamedTuple

from nwip.directory.records import Endpoint
from nwip.discovery.dhcp.information import Information, Place
from nwip.discovery.dhcp.leases import Lease
from nwip.discovery.preferred import USUAL_PORTS
from nwip.discovery.steps import Hints, Say, Step, Way, is_domain_name
from nwip.wire import WireError

INTERFACE_LIMIT: Final = 8


class Interface(NamedTuple):
    """An interface of this machine that may have its address by DHCP."""

    name: str
    address: str
    hardware: bytes


Ask = Callable[[str, bytes, str], Awaitable[Information | None]]


class DhcpWay:
    """Takes what DHCP says: the domain, the preferred DSSs in order, and for later ways the other suboptions.

    `ask` sends a DHCPINFORM from an address, with its hardware address, to a server ("" is all).
    """

    def __init__(
        self,
        leases: Callable[[], Iterable[tuple[str, Lease]]],
        interfaces: Callable[[], Iterable[Interface]],
        ask: Ask,
    ) -> None:
        self._leases = leases
        self._interfaces = interfaces
        self._ask = ask

    async def __call__(self, hints: Hints, say: Say) -> list[Endpoint]:
        """Return the DSSs that DHCP names."""
        servers: dict[str, str] = {}
        found: list[Endpoint] = []
        told = False
        for file, lease in self._leases():
            servers[lease.address] = lease.server
            if lease.trouble or lease.information is not None:
                asked = f"lease of {lease.interface or lease.address or 'an interface'} in {file}"
                told |= self._is_whole(lease.information)
                found += _take(lease.information or lease.trouble, asked, hints, say)
        if told:
            return found
        if not servers:
            say(Step(Way.DHCP, "leases of this system", "none that can be read", helps=False))
        elif not found:
            say(Step(Way.DHCP, "leases of this system", "nothing of NetWare/IP in them", helps=False))
        for interface in list(self._interfaces())[:INTERFACE_LIMIT]:
            found += await self._inform(interface, servers.get(interface.address, ""), hints, say)
        return found

    @staticmethod
    def _is_whole(information: Information | None) -> bool:
        """Say whether a lease holds all that the server said: leases lack the fields `sname` and `file`."""
        return information is not None and information.place is not Place.SNAME_FILE

    async def _inform(self, interface: Interface, server: str, hints: Hints, say: Say) -> list[Endpoint]:
        asked = f"DHCPINFORM from {interface.address} on {interface.name}"
        answer: Information | str
        try:
            answer = (
                await self._ask(interface.address, interface.hardware, server) or "no DHCP server answers"
            )
        except PermissionError:
            answer = "not permitted: UDP port 68 needs privilege"
        except OSError as error:
            answer = f"not possible: {error.strerror or error}"
        except WireError as error:
            answer = str(error)
        return _take(answer, asked, hints, say)


def _take(answer: Information | str, asked: str, hints: Hints, say: Say) -> list[Endpoint]:
    """Return the DSSs that an answer names, and keep its hints; say what it is."""
    if isinstance(answer, str):
        say(Step(Way.DHCP, asked, answer, helps=False))
        return []
    if answer.domain and not is_domain_name(answer.domain):
        say(Step(Way.DHCP, asked, "option 62 holds no name of a domain", helps=False))
        return []
    if answer.domain and hints.domain and answer.domain.lower() != hints.domain.lower():
        say(Step(Way.DHCP, asked, f"is for another domain, {answer.domain}", helps=False))
        return []
    hints.domain = hints.domain or answer.domain
    if answer.autoretries is not None:
        hints.autoretries = answer.autoretries
    if answer.autoretry_secs is not None:
        hints.autoretry_secs = float(answer.autoretry_secs)
    if answer.nsq_broadcast is not None:
        hints.nsq_broadcast = answer.nsq_broadcast
    hints.nearest_servers += [
        server for server in answer.nearest_servers if server not in hints.nearest_servers
    ]
    hosts = dict.fromkeys([*answer.preferred_dss, *([answer.primary_dss] if answer.primary_dss else [])])
    text = ", ".join(_said(answer)) or "nothing of NetWare/IP"
    say(Step(Way.DHCP, asked, text, helps=bool(hosts or answer.domain or answer.nearest_servers)))
    return [(host, port) for host in hosts for port in USUAL_PORTS]


def _said(answer: Information) -> Iterable[str]:
    if answer.domain:
        yield f"domain {answer.domain}"
    if answer.place is Place.NOWHERE:
        yield "no further information"
    if answer.place is Place.TOO_BIG:
        yield "information that did not fit into the message"
    if answer.preferred_dss:
        yield f"preferred DSS {', '.join(answer.preferred_dss)}"
    if answer.primary_dss:
        yield f"primary DSS {answer.primary_dss}"
    if answer.nearest_servers:
        yield f"nearest servers {', '.join(answer.nearest_servers)}"
    if answer.nsq_broadcast is not None:
        yield f"nearest-server query {'wanted' if answer.nsq_broadcast else 'not wanted'}"
    if answer.autoretries is not None or answer.autoretry_secs is not None:
        yield f"tries {answer.autoretries}, seconds between {answer.autoretry_secs}"
