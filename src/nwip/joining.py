"""How a node that runs no DSS comes to know one, and how all nodes tell askers of theirs."""

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from nwip.config import Config, ConfigError
from nwip.dataplane.interfaces import address_towards
from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint, endpoint_text
from nwip.discovery.finding import Found
from nwip.discovery.nearest_ports import NearestAnswerer
from nwip.discovery.preferred import USUAL_PORTS, preferred_servers
from nwip.discovery.steps import Step, Way
from nwip.discovery.ways import find_here, subnets
from nwip.dss.messages import Reason, Refused
from nwip.dss.server import DssServer
from nwip.security.admission import admission

if TYPE_CHECKING:
    from nwip.security.membership import Membership

FIRST_PAUSE: Final = 1.0  # seconds between searches that found nothing, at first
LONGEST_PAUSE: Final = 30.0

_log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """Where a node enters its domain."""

    domain: str
    servers: list[Endpoint]


class Search:
    """Looks for the DSSs of a node, as its configuration says, and logs what is new about it.

    A member of a sealed domain looks as one, with its `membership`.
    """

    def __init__(self, config: Config, membership: "Membership | None" = None) -> None:
        self._config = config
        self._membership = membership
        self._domain = config.domain.name or ""
        self._said: set[Step] = set()

    async def entry(self) -> Entry:
        """Return the first entry there is; looks again and again until there is one.

        Servers that are named, of a domain that is named, are not asked first: whoever connects says what
        is wrong with them.
        """
        pause = FIRST_PAUSE
        while True:
            if self._config.dss.servers and self._domain and Way.PREFERRED in self._config.ways:
                with contextlib.suppress(OSError):
                    return Entry(self._domain, await preferred_servers(self._config.dss.servers))
            found = await self._find(self._config.ways)
            if found is not None:
                _log.info("found the domain %s: %s", found.domain, found.way)
                self._domain = found.domain
                return Entry(found.domain, found.servers)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def further(self) -> list[Endpoint]:
        """Return servers besides those that were found first, and those under the addresses they now have."""
        named: list[Endpoint] = []
        with contextlib.suppress(OSError):
            named = await preferred_servers(self._config.dss.servers)
        found = await self._find([way for way in self._config.ways if way is not Way.PREFERRED])
        return [*named, *(found.servers if found else [])]

    async def _find(self, ways: list[Way] | tuple[Way, ...]) -> Found | None:
        return await find_here(
            self._domain,
            ways,
            preferred=self._config.dss.servers,
            leases=self._config.discovery.leases,
            say=self._say,
            membership=self._membership,
        )

    def _say(self, step: Step) -> None:
        if step in self._said:
            return
        if len(self._said) > 256:
            self._said.clear()
        self._said.add(step)
        _log.log(logging.INFO if step.helps else logging.WARNING, "%s: %s: %s", *step[:3])


def why_no_session(
    config: Config, server: Endpoint | None, refusal: Refused | None, reason: str, *, sealed: bool
) -> str:
    """Return in one sentence why there is no session with a DSS: which key says so, and the mend.

    `refusal` is what the DSS at `server` has said, None where it was lost or not reached; `reason` is the
    client's own word for it, which stands where no key is to blame. `sealed`: this node comes as a member.
    """
    where = endpoint_text(server) if server is not None else ""
    if refusal is not None:
        return str(ConfigError(config.file, *_refused(config, f"the DSS at {where} says: ", refusal, sealed)))
    lacks = reason.removeprefix(f"{where} ")
    if not where or lacks == reason:
        return reason
    named = config.dss.servers
    found = f"names the DSS at {where}, which" if named else f"is not set, and the one found at {where}"
    mend = "see with 'nwip doctor' whether it runs there and what is between, or name another"
    return str(ConfigError(config.file, "dss.servers", f"{found} {lacks}", mend))


def _refused(config: Config, says: str, refusal: Refused, sealed: bool) -> tuple[str, str, str]:
    """Return key, problem and mend of a refusal."""
    text, _, advice = refusal.text.partition(": ")
    match refusal.reason:
        case Reason.DOMAIN:
            problem = f'is "{config.domain.known_as}", but {says}{refusal.text}'
            return "domain.name", problem, "write the name of its domain, or name another DSS in dss.servers"
        case Reason.NOT_ADMITTED if not sealed:
            mend = "add this address to dss.admit in the file of that DSS"
            return "dss.servers", f"leads to where this node is not let in: {says}{refusal.text}", mend
        case Reason.SEALED if not sealed:
            state = config.node.state_directory
            return "node.state", f"means {state}, which holds no membership, but {says}{text}", advice
        case Reason.NOT_ADMITTED | Reason.REVOKED:
            state = config.node.state_directory
            mend = advice if advice.startswith("join") else "join with an invitation, nwip join --anew TOKEN"
            return "node.state", f"means {state}, whose key is of no use there: {says}{text}", mend
    return "dss.servers", f"leads to where this node is not let in: {says}{text}", advice or "see its log"


def answerer(
    config: Config,
    dss: DssServer | None,
    connected: Callable[[], Endpoint | None],
    parameters: Callable[[], Parameters | None],
    is_banned: Callable[[str], bool] = lambda _: False,
) -> NearestAnswerer:
    """Return who answers nearest-server queries: with the DSS of this node, else with the one it is with.

    Only whom `dss.admit` admits, and nobody has banned, is answered. It does not listen yet.
    """
    admitted = admission(config.dss.admit)

    def server(asker: str) -> Endpoint | None:
        if not admitted(asker) or is_banned(asker):
            return None
        known = list(dss.endpoints) if dss is not None else [at for at in [connected()] if at]
        return next((at for host, port in known if (at := _reachable(host, port, asker))), None)

    return NearestAnswerer(server, parameters, asyncio.get_running_loop().time)


def listen_for_queries(answers: NearestAnswerer, ports: tuple[int, ...] = USUAL_PORTS) -> None:
    """Hear the queries that are broadcast to the subnets of this machine, where that can be had."""
    heard = answers.listen([everyone for _, everyone in subnets()], ports)
    _log.debug("nearest-server queries are heard at %s", heard)


def _reachable(host: str, port: int, asker: str) -> Endpoint | None:
    """Return the IPv4 address and port by which an asker reaches a DSS; None if it cannot."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if address.version != 4:
        return None
    if address.is_unspecified:
        with contextlib.suppress(OSError):
            return address_towards((asker, port)), port
        return None
    return (host, port) if not address.is_loopback or ipaddress.ip_address(asker).is_loopback else None
