"""Opens what a configuration asks for, and says in one sentence why an address or port cannot be had.

A port that the configuration names is taken or refused. A default that needs privilege falls to a high one
(10000 more), and the program says which.
"""

import errno
import ipaddress
import logging
import random
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from msgspec import msgpack
from msgspec.structs import replace

from nwip.config import Config, ConfigError
from nwip.control import ControlServer
from nwip.dataplane.interfaces import local_addresses, main_address
from nwip.dataplane.passed import PassedSockets
from nwip.directory.records import Endpoint
from nwip.discovery.preferred import UNPRIVILEGED_OFFSET, preferred_servers
from nwip.dss.server import DssServer
from nwip.gateway.gateway import NodeGateway
from nwip.ipx.numbers import NETWARE_IP_PEER_PORT
from nwip.links.domain_link import DomainLink
from nwip.security.admission import admission
from nwip.security.audit import AuditLog
from nwip.security.bans import Bans
from nwip.state import State
from nwip.storing import exposures, open_store

if TYPE_CHECKING:
    from nwip.security.membership import Membership

_log = logging.getLogger(__name__)

Echo = Callable[[str], None]
Opened = TypeVar("Opened")


class Place(NamedTuple):
    """Where something is to listen, and which keys of which file say so; `port` None is the default.

    `user` is whom the node has become, None where it is who it was.
    """

    file: str | None
    table: str
    listen: Sequence[str]
    port: int | None
    default_port: int
    user: str | None = None


def check_address(config: Config) -> None:
    """See that the node's own address, if one is set, is this machine's. Raises `ConfigError`."""
    address = config.node.address
    if address is None:
        return
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((address, 0))
        except OSError as error:
            raise explained(error, Place(config.file, "node", [address], None, 0), 0) from None


def open_audit(config: Config) -> AuditLog | None:
    """Begin the audit log, where the configuration has one. Raises `ConfigError`."""
    name = config.node.audit
    if name is None or name == "log":
        return None if name is None else AuditLog()
    from nwip.security.audit_file import AuditFile  # noqa: PLC0415 - most nodes have none

    try:
        return AuditLog(AuditFile(Path(name).expanduser()))
    except OSError as error:
        problem = f"means {name}: {error.strerror}"
        mend = "write the path of a file that this user may write"
        raise ConfigError(config.file, "node.audit", problem, mend) from None


async def open_dss(
    config: Config,
    state: State,
    boot: bytes,
    echo: Echo,
    *,
    membership: "Membership | None" = None,
    bans: Bans | None = None,
    passed: PassedSockets | None = None,
) -> DssServer:
    """Start the DSS that this node serves, of a sealed domain with its membership. Raises `ConfigError`.

    At that one a key decides who may come, and no address but those that are banned. `passed` holds sockets
    that are used in place of new ones.
    """
    settings = config.dss
    passed = passed or PassedSockets()
    identity = membership.identity if membership is not None else state.secret("dss-identity", 16)

    async def start(port: int) -> DssServer:
        server = DssServer(
            config.parameters(identity),
            identity=identity,
            boot=boot,
            name=config.node.name,
            admit=_but_not(
                bans,
                admission(settings.admit if membership is None else ["any"]),
                admission(local_addresses()),
            ),
            trust=admission([entry for entry in settings.admit if entry not in {"private", "any"}]),
            banned=bans.keeps_out_address if bans is not None else lambda _: False,
            store=open_store(config, identity),
            membership=membership,
            passed=passed,
        )
        await server.start(
            places(passed, socket.SOCK_STREAM, "dss", settings.addresses, port),
            places(passed, socket.SOCK_DGRAM, "dss", settings.addresses, port),
            founding=not settings.peers,
        )
        return server

    server = await opened(
        start, Place(config.file, "dss", settings.addresses, settings.port, settings.default_port), echo
    )
    for exposure in exposures(config):
        _log.warning("%s; %s", *exposure)
    _take_edited_parameters(server, config, state)
    try:
        await _join_others(server, config, echo, passed)
    except BaseException:
        await server.close()
        raise
    return server


def _take_edited_parameters(server: DssServer, config: Config, state: State) -> None:
    """Give the domain what its primary's file says, if that was edited since the last start.

    Else the kept parameters stand, which `nwip dss parameters set` may have changed.
    """
    written = config.parameters(server.engine.identity)
    if not state.is_changed("domain-parameters", msgpack.encode(written)):
        return
    current = server.parameters
    if server.engine.is_primary:
        server.set_parameters(replace(written, term=current.term, version=current.version + 1))
    elif not config.dss.peers and config.dss.store != "etcd":
        _log.warning("the primary DSS is another: what the file says of the domain does not count here")


async def _join_others(server: DssServer, config: Config, echo: Echo, passed: PassedSockets) -> None:
    """Let the DSS meet the others of its domain. Raises `ConfigError`."""
    settings = config.dss

    async def named() -> list[Endpoint]:
        return await preferred_servers(settings.peers, [NETWARE_IP_PEER_PORT])

    try:
        await server.join(
            places(passed, socket.SOCK_STREAM, "peers", settings.addresses, settings.peer_port),
            named,
            random.Random(),  # noqa: S311 - spreads reconnections, keeps no secret
            incarnation=int(time.time()),
            hold=bool(settings.peers),
        )
    except OSError as error:
        port = settings.peer_port
        if settings.peers or port != NETWARE_IP_PEER_PORT or error.errno != errno.EADDRINUSE:
            raise explained(error, Place(config.file, "dss", settings.addresses, port, port), port) from None
        echo(f"TCP port {port} is in use: other DSSs cannot join this one until dss.peer-port names another")


async def open_virtual(virtual: DomainLink, gateway: NodeGateway, config: Config) -> None:
    """Open the data port of the virtual network. Raises `ConfigError`."""
    host, port = virtual.endpoint
    try:
        await virtual.open(gateway)
    except OSError as error:
        raise explained(error, Place(config.file, "node", [host], port, port), port) from None


def _but_not(
    bans: Bans | None, admit: Callable[[str], bool], is_here: Callable[[str], bool]
) -> Callable[[str], bool]:
    """Return who may join: this machine, and whom `admit` admits and nobody has banned."""

    def may_join(ip: str) -> bool:
        return is_here(ip) or (admit(ip) and not (bans is not None and bans.keeps_out_address(ip)))

    return may_join


async def open_control(control: ControlServer, config: Config) -> None:
    """Open the control socket. Raises `ConfigError`."""
    path = config.node.control_path
    try:
        await control.start()
    except OSError as error:
        problem = f"means {path}: {error.strerror}"
        mend = "write a path in a directory that this user may write to"
        if error.errno == errno.EADDRINUSE:
            problem, mend = (
                f"means {path}, where another node answers",
                "stop that node, or write another path",
            )
        raise ConfigError(config.file, "node.control", problem, mend) from None


def places(
    passed: PassedSockets, kind: socket.SocketKind, name: str, listen: Sequence[str], port: int
) -> list[Endpoint]:
    """Return where something is to listen: at the sockets passed under its name, else as it is configured.

    A UDP wildcard becomes each local address, unless a socket was passed for the wildcard itself.
    """
    named = passed.named(kind, name)
    if named:
        return named
    whole = kind == socket.SOCK_STREAM or passed.has(kind, ("0.0.0.0", port))
    return [(address, port) for address in (listen if whole else expanded(listen))]


def expanded(addresses: Sequence[str]) -> list[str]:
    """Return the addresses to listen at: for a wildcard each local one, so that answers leave from it."""
    found: list[str] = []
    for address in addresses:
        found += local_addresses() if address == "0.0.0.0" else [address]
    return list(dict.fromkeys(found))


def own_servers(dss: DssServer) -> list[Endpoint]:
    """Return where a node's own DSS is; loopback last, since the address that leads there is the node's."""
    found = [(reachable(host), port) for host, port in dss.endpoints]
    return sorted(found, key=lambda at: ipaddress.ip_address(at[0]).is_loopback)


def reachable(host: str) -> str:
    """Return the address by which others reach a listener of this machine; for a wildcard, the main one's."""
    address = ipaddress.ip_address(host)
    if not address.is_unspecified:
        return host
    return main_address() if address.version == 4 else "::1"


async def opened(start: Callable[[int], Awaitable[Opened]], place: Place, echo: Echo) -> Opened:
    """Start something at its port; a default that needs privilege becomes a high one, or `ConfigError`."""
    port = place.port or place.default_port
    try:
        return await start(port)
    except PermissionError as error:
        if place.port is not None:
            raise explained(error, place, port) from None
        failure: OSError = error
    except OSError as error:
        raise explained(error, place, port) from None
    fallback = port + UNPRIVILEGED_OFFSET
    try:
        opened = await start(fallback)
    except OSError as error:
        raise explained(error, place, fallback) from failure
    echo(f"port {port} needs privilege: {place.table} uses port {fallback} instead")
    return opened


def explained(error: OSError, place: Place, port: int) -> ConfigError:
    """Return the sentence that names file, key and mend of what could not be opened."""
    at = ", ".join(place.listen)
    address_key = f"{place.table}.{'address' if place.table == 'node' else 'listen'}"
    port_key = f"{place.table}.port"
    if error.errno == errno.EADDRINUSE:
        mend = "stop the program that has it, or set another port"
        return ConfigError(place.file, port_key, f"means port {port} at {at}, which is in use", mend)
    if isinstance(error, PermissionError):
        free = port + UNPRIVILEGED_OFFSET
        further = (
            f"or {restart(place.user)}" if place.user else "or give nwip the capability CAP_NET_BIND_SERVICE"
        )
        mend = f"set a port above 1023, for example {free}, {further}"
        return ConfigError(place.file, port_key, f"means port {port}, which needs privilege", mend)
    if error.errno == errno.EADDRNOTAVAIL:
        mend = "write an address that this machine has"
        return ConfigError(place.file, address_key, f"means {at}, which is not this machine's", mend)
    mend = "set another address or port"
    return ConfigError(place.file, address_key, f"means {at} port {port}: {error.strerror or error}", mend)


def restart(user: str) -> str:
    """Return what helps a link that needs a privilege which the node has given away."""
    return f"write it into the file and restart nwip, which has become the user {user} and cannot go back"
