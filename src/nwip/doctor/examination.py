"""The order of an examination: file, machine, domain, LANs; facts are gathered, then judged."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from nwip.charter import chartered
from nwip.config import Config, ConfigError, load, usual_control_path
from nwip.config.links import EthernetSettings
from nwip.dataplane.interfaces import address_towards, main_address
from nwip.directory.records import Endpoint, endpoint_text
from nwip.discovery.finding import Found
from nwip.discovery.preferred import split_server
from nwip.doctor import domain, etcd, looking, machine, reaching
from nwip.doctor.facts import Addresses, Row
from nwip.doctor.findings import Finding, fault, warning, well
from nwip.doctor.firewall import Ruleset, firewall
from nwip.dss.messages import Hello
from nwip.dss.probe import probe
from nwip.state import State
from nwip.storing import exposures, tls_context

if TYPE_CHECKING:
    from nwip.security.membership import Membership

PEERS: Final = 64  # other nodes, the paths to which are tried
UNPRIVILEGED: Final = 10_000

Say = Callable[[Finding], None]


class Examination(NamedTuple):
    """All findings in order, and whether any DSS or node was reached."""

    findings: list[Finding]
    reached: bool


def examine(
    file: Path | None,
    control: Path | None,
    *,
    listen: float,
    membership: "Membership | None",
    say: Say = lambda _: None,
) -> Examination:
    """Look a node over, be it running or not; `say` learns each finding as it is made.

    `listen` are the seconds for which LANs are listened to where no node runs. `membership` is needed where
    the domain is sealed. A configuration that cannot be used is the only finding.
    """
    found = _Findings(say)
    try:
        written = load(file)
        config, charter = chartered(written, State(written.node.state_directory))
    except ConfigError as error:
        found.add(fault("configuration", f"{error.file or 'nwip'}: {_subject(error)}", error.mend))
        return Examination(found.all, reached=True)
    except OSError as error:  # a state directory of somebody else
        found.add(fault("configuration", str(error), "run 'nwip doctor' as the user whom the node runs as"))
        return Examination(found.all, reached=True)
    found.add(well("configuration", f"{config.file or 'the built-in one, without a file,'} can be used"))
    where = control or usual_control_path(file)
    node = _Node(where)
    if node.runs:
        found.add(well("node", f"a node runs here, and answers at {where}"))
    else:
        found.add(well("node", "no node runs here", "start it: nwip up"))
    data_port = node.data_port or config.node.port or config.domain.data_port
    _look_at_machine(config, node, data_port, found)
    reached = asyncio.run(_look_around(config, node, membership, listen, found, sealed=charter is not None))
    for finding in domain.alarms(node.alarms):
        found.add(finding)
    return Examination(found.all, reached)


class _Findings:
    def __init__(self, say: Say) -> None:
        self.all: list[Finding] = []
        self._say = say

    def add(self, finding: Finding | None) -> None:
        if finding is not None:
            self.all.append(finding)
            self._say(finding)


class _Node:
    """What the node here tells of itself, if there is one."""

    def __init__(self, control: Path) -> None:
        self.runs = looking.runs(control)
        self.links = (looking.node_answers(control, "links") if self.runs else None) or []
        self.nodes = (looking.node_answers(control, "nodes") if self.runs else None) or []
        rows = (looking.node_answers(control, "alarms") if self.runs else None) or []
        self.alarms = [str(row.get("alarm")) for row in rows if not row.get("is_over")]

    @property
    def listens(self) -> Endpoint | None:
        """Where its data port is."""
        for row in self.links[:1]:
            where = row.get("where")
            told = str(where.get("listens on", "")) if isinstance(where, dict) else ""
            with contextlib.suppress(ValueError):
                host, ports = split_server(told.removeprefix("UDP "))
                ip_address(host)
                return host, ports[0]
        return None

    @property
    def data_port(self) -> int | None:
        return self.listens[1] if self.listens else None

    def endpoints(self, *, own: bool) -> list[tuple[str, str]]:
        """Return names and endpoints of the nodes of the domain, of this one or of all others."""
        return [
            (str(row.get("name")), str(endpoint))
            for row in self.nodes
            if (row.get("self") is True) is own
            for endpoint in _texts(row.get("endpoints"))[:1]
        ]


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _subject(error: ConfigError) -> str:
    return f"key '{error.key}' {error.problem}" if error.key else error.problem


def _look_at_machine(config: Config, node: _Node, data_port: int, found: _Findings) -> None:
    found.add(machine.clock(looking.clock(config.node.state_directory)))
    for finding in machine.privileges(config, looking.privileges(), runs=node.runs):
        found.add(finding)
    listening = looking.ports(config, data_port)
    for finding in machine.ports(listening, runs=node.runs):
        found.add(finding)
    found.add(machine.ephemeral(data_port, looking.ephemeral()))
    found.add(machine.buffers(looking.buffers()))
    text, why = looking.rules()
    ruleset = None
    if text:
        try:
            ruleset = Ruleset(text)
        except (ValueError, KeyError, TypeError):
            why = "nft has written something else"
    open_to_others = [place for place in listening if not ip_address(place.address).is_loopback]
    for finding in firewall(ruleset, [(place.transport, place.port) for place in open_to_others], why):
        found.add(finding)
    found.add(machine.unit(looking.unit()))


async def _look_around(
    config: Config,
    node: _Node,
    membership: "Membership | None",
    seconds: float,
    found: _Findings,
    *,
    sealed: bool,
) -> bool:
    """Return whether a DSS or another node was reached, or need not be."""
    if config.dss.serves:
        servers, reached = await _own_dss(config, node, membership, found)
        await _own_store(config, found)
    else:
        servers = await _other_dss(config, membership, found)
        reached = bool(servers)
    own = node.endpoints(own=True)
    inside = node.listens[0] if node.listens else _towards(servers)
    outside = tuple(split_server(endpoint)[0] for _, endpoint in own)
    found.add(domain.nat(Addresses(inside, outside, tuple(host for host, _ in servers), sealed)))
    peers = node.endpoints(own=False)[:PEERS]
    for way in await asyncio.gather(*(reaching.path_to(*peer) for peer in peers)):
        found.add(domain.path(way, sealed=sealed))
        reached = reached or way.whole is True
    for finding in await _lans(config, node, seconds):
        found.add(finding)
    return reached


def _towards(servers: Sequence[Endpoint]) -> str:
    with contextlib.suppress(OSError):
        return address_towards(servers[0]) if servers else main_address()
    return main_address()


async def _own_dss(
    config: Config, node: _Node, membership: "Membership | None", found: _Findings
) -> tuple[list[Endpoint], bool]:
    port = config.dss.port or config.dss.default_port
    tried = [port] if config.dss.port else [port, port + UNPRIVILEGED]
    hosts = ["127.0.0.1" if ip_address(at).is_unspecified else at for at in config.dss.addresses]
    answers: list[Endpoint] = []
    for at in [(host, number) for host in hosts for number in tried] if node.runs else []:
        answer = await probe(at, config.domain.known_as, membership=membership)
        answers += [at] if isinstance(answer, Hello) else []
    told = answers or [(host, port) for host in hosts]
    found.add(domain.own_dss(list(map(endpoint_text, told)), answers=bool(answers), runs=node.runs))
    if all(ip_address(host).is_loopback for host in config.dss.addresses):
        found.add(
            well(
                "DSS",
                "the DSS here listens on loopback: nodes of other machines cannot join",
                'if they shall: dss.listen = ["0.0.0.0"]',
            )
        )
    return answers, bool(answers) or not node.runs


async def _own_store(config: Config, found: _Findings) -> None:
    if config.dss.store != "etcd":
        return
    from nwip.doctor.reaching_etcd import ask_cluster  # noqa: PLC0415 - few nodes have a cluster

    try:
        context = tls_context(config) if config.etcd.is_sealed else None
    except ConfigError as error:
        found.add(fault("etcd", _subject(error), error.mend))
        return
    nodes = await ask_cluster(config.etcd.endpoints, context)
    for finding in etcd.etcd(nodes):
        found.add(finding)
    for exposure in exposures(config):
        found.add(warning("etcd", *exposure))


async def _other_dss(config: Config, membership: "Membership | None", found: _Findings) -> list[Endpoint]:
    asked = await asyncio.gather(*(reaching.ask_way(config, way, membership) for way in config.ways))
    tried = [(way, steps, result) for way, (steps, result) in zip(config.ways, asked, strict=True)]
    results: list[Found] = [result for _, _, result in tried if result is not None]
    for way, steps, result in tried:
        found.add(domain.discovery(str(way), steps, found=result is not None, elsewhere=bool(results)))
    domains = {result.domain.casefold() for result in results}
    if len(domains) > 1:
        told = ", ".join(sorted(domains))
        found.add(
            warning("discovery", f"different ways lead to different domains: {told}", "set domain.name")
        )
    return [result.answering for result in results]


async def _lans(config: Config, node: _Node, seconds: float) -> list[Finding]:
    if node.runs:
        return [_spoken(row) for row in node.links if _has_frames(row)]
    cards = [link for link in config.links if isinstance(link, EthernetSettings)]
    return [domain.lan(heard) for heard in await reaching.listen(cards, seconds)]


def _has_frames(row: Row) -> bool:
    where = row.get("where")
    return isinstance(where, dict) and "frame type" in where


def _spoken(row: Row) -> Finding:
    where = row["where"]
    told = where if isinstance(where, dict) else {}
    others = str(told.get("other frame types heard", "")).replace("\n", ", ")
    says = f"link {row.get('name')} speaks {told.get('frame type')}"
    return well(f"frame types on {row.get('name')}", f"{says}; also heard: {others}" if others else says)
