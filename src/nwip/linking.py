"""Builds the links that a configuration asks for, and says in one sentence why one cannot be had.

Nothing here opens anything but `open_link`. What a kind of link needs is imported when there is one.
"""

# ruff: noqa: PLC0415 - a node without a browser room or a LAN does not load what carries them

import asyncio
import errno
import random
import secrets
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nwip.binding import Echo, Place, explained, opened, places, restart
from nwip.config import AnyLink, Config, ConfigError
from nwip.config.links import (
    DosboxSettings,
    EthernetSettings,
    NetswitchSettings,
    QemuSettings,
    Rfc1234Settings,
    TapSettings,
    UplinkSettings,
    WebsocketSettings,
)
from nwip.dataplane.interfaces import main_address
from nwip.dataplane.passed import PassedSockets
from nwip.dataplane.port import open_port
from nwip.directory.records import Endpoint
from nwip.discovery.preferred import split_server
from nwip.gateway.gateway import NodeGateway
from nwip.gateway.sharing import Share
from nwip.ipx.numbers import IPX_TUNNEL_PORT
from nwip.links.base import Link
from nwip.routing.numbering import is_node_number
from nwip.routing.standby import DEFAULT_PRIORITY
from nwip.security.admission import admission
from nwip.security.bans import Bans
from nwip.security.guarding import guarded
from nwip.state import State

if TYPE_CHECKING:
    from nwip.links.lan.medium import Medium
    from nwip.links.websocket.rooms import WebSocketServers

SECRET_SIZE: Final = 32  # octets


class Builder:
    """Makes links for one gateway; `state` keeps the secrets behind their numbers, `bans` who is kept out.

    `passed` holds sockets that are used in place of new ones.
    """

    def __init__(
        self,
        gateway: NodeGateway,
        config: Config,
        state: State,
        *,
        bans: Bans,
        passed: PassedSockets | None = None,
    ) -> None:
        self._passed = passed or PassedSockets()
        self.gateway = gateway
        self._config = config
        self.user = config.node.user
        self._open_port = partial(open_port, portable=config.node.portable, passed=self._passed)
        self._open_guarded = guarded(self._open_port, bans)
        self._state = state
        self._bans = bans
        self._servers: WebSocketServers | None = None

    def build(self, settings: AnyLink, port: int, beside: tuple[AnyLink, ...]) -> Link:
        """Make a link, not yet open, at a port where it has one. `beside` are the settings of the others."""
        match settings:
            case DosboxSettings():
                return self._dosbox(settings, port)
            case WebsocketSettings():
                return self._websocket(settings)
            case UplinkSettings():
                return self._uplink(settings)
            case Rfc1234Settings():
                return self._rfc1234(settings, port)
            case _:
                return self._lan(settings, beside)

    def _network(self, settings: AnyLink) -> int:
        return self.gateway.parameters.network if settings.is_joined else settings.number

    def _node(self, settings: AnyLink, secret: bytes) -> bytes:
        """Return our number on a star: on the virtual network the node's own, else a made-up one."""
        from nwip.links.lan.link import made_up_mac

        if settings.is_joined:
            return self.gateway.virtual.node
        return made_up_mac(secret, settings.title)

    def _secret(self, settings: AnyLink) -> bytes:
        return self._state.secret(f"{settings.title}.key", SECRET_SIZE)

    def _is_reserved(self, node: bytes) -> bool:
        return is_node_number(node, self.gateway.parameters)

    def _admission(self, entries: Sequence[str]) -> Callable[[str], bool]:
        admit, bans = admission(entries), self._bans
        return lambda ip: admit(ip) and not bans.keeps_out_address(ip)

    def _is_no_players(self, node: bytes) -> bool:
        return self._is_reserved(node) or self._bans.keeps_out_node(node)

    def _dosbox(self, settings: DosboxSettings, port: int) -> Link:
        from nwip.links.dosbox import DosboxLink

        secret = self._secret(settings)
        return DosboxLink(
            settings.title,
            self._network(settings),
            self._node(settings, secret),
            places(self._passed, socket.SOCK_DGRAM, settings.title, settings.listen, port),
            secret,
            joined=settings.is_joined,
            limit=settings.clients,
            admit=self._admission(settings.admit),
            packet_rate=settings.packet_rate,
            per_address=settings.per_address,
            hop_limit=self.gateway.parameters.hop_limit,
            reserved=self._is_no_players,
            opener=partial(self._open_port, busy_poll=settings.busy_poll),
        )

    def _websocket(self, settings: WebsocketSettings) -> Link:
        from nwip.links.websocket.link import WebSocketLink
        from nwip.links.websocket.rooms import Tls, WebSocketServers

        if self._servers is None:
            self._servers = WebSocketServers(self._passed)
        tls = None
        if settings.certificate and settings.key:
            tls = Tls(Path(settings.certificate).expanduser(), Path(settings.key).expanduser())
        secret = self._secret(settings)
        return WebSocketLink(
            settings.title,
            self._network(settings),
            self._node(settings, secret),
            settings.room or settings.title,
            self._servers,
            listen=places(self._passed, socket.SOCK_STREAM, settings.title, settings.listen, settings.port),
            key=secret,
            joined=settings.is_joined,
            limit=settings.clients,
            origins=settings.origins,
            tls=tls,
            admit=self._admission(settings.admit),
            packet_rate=settings.packet_rate,
            per_address=settings.per_address,
            hop_limit=self.gateway.parameters.hop_limit,
            reserved=self._is_no_players,
            idle=settings.idle,
        )

    def _uplink(self, settings: UplinkSettings) -> Link:
        from nwip.links.lan.link import made_up_mac
        from nwip.links.uplink import UplinkLink

        secret = self._secret(settings)

        async def resolve() -> Endpoint:
            host, ports = split_server(settings.server, [IPX_TUNNEL_PORT])
            return (await _ipv4_addresses(host))[0], ports[0]

        return UplinkLink(
            settings.title,
            self._network(settings),
            self._node(settings, secret),
            settings.server,
            resolve=resolve,
            pseudo_station=made_up_mac(secret, f"{settings.title} station"),
            chance=random.random,
            joined=settings.is_joined,
            limit=settings.hosts,
            choose=settings.own_numbers,
            elsewhere=lambda node: self.gateway.is_ours(node, settings.title),
            reserved=self._is_no_players,
            hop_limit=self.gateway.parameters.hop_limit,
            opener=self._open_guarded,
        )

    def _rfc1234(self, settings: Rfc1234Settings, port: int) -> Link:
        from nwip.links.rfc1234 import Rfc1234Link

        return Rfc1234Link(
            settings.title,
            self._network(settings),
            (settings.listen or self._config.node.address or main_address(), port),
            peers=settings.peers,
            source=settings.peer_list,
            resolve=_ipv4_addresses,
            chance=random.random,
            node=self.gateway.virtual.node if settings.is_joined else None,
            known_as=settings.known_as,
            joined=settings.is_joined,
            interval=settings.refresh,
            kept=self._config.node.state_directory / f"{settings.title}.peers",
            reserved=lambda node: self._is_no_players(node) or self.gateway.is_ours(node, settings.title),
            opener=self._open_guarded,
        )

    def _lan(
        self,
        settings: EthernetSettings | TapSettings | QemuSettings | NetswitchSettings,
        beside: tuple[AnyLink, ...],
    ) -> Link:
        from nwip.links.lan.link import LanLink

        others = (
            other.frame_type
            for other in beside
            if isinstance(settings, EthernetSettings)
            and isinstance(other, EthernetSettings)
            and other.interface == settings.interface
        )
        return LanLink(
            settings.title,
            settings.kind,
            self._network(settings),
            _medium(settings, self._admission, portable=self._config.node.portable),
            settings.frame_type,
            joined=settings.is_joined,
            secret=self._secret(settings),
            node=self.gateway.virtual.node if settings.is_joined else None,
            reserved=self._is_no_players,
            beside=tuple(frame_type for frame_type in others if frame_type is not None),
        )


def _medium(
    settings: EthernetSettings | TapSettings | QemuSettings | NetswitchSettings,
    admitting: Callable[[Sequence[str]], Callable[[str], bool]],
    *,
    portable: bool,
) -> "Medium":
    match settings:
        case EthernetSettings():
            from nwip.links.lan.af_packet import card_medium

            return card_medium(settings.interface, promiscuous=settings.is_joined, portable=portable)
        case TapSettings():
            from nwip.links.lan.tap import tap_medium

            return tap_medium(settings.device)
        case NetswitchSettings():
            from nwip.links.lan.netswitch import netswitch_medium

            return netswitch_medium(settings.group, settings.interfaces)
        case QemuSettings():
            from nwip.links.lan.qemu import QemuWire, qemu_medium

            wire = QemuWire(
                settings.netdev,
                settings.listen,
                settings.connect,
                settings.local,
                settings.remote,
                settings.group,
                settings.interface,
            )
            return qemu_medium(wire, admitting(settings.admit))


async def _ipv4_addresses(host: str) -> list[str]:
    """Return the IPv4 addresses of a name. Raises `OSError` when it has none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def open_link(
    builder: Builder, settings: AnyLink, beside: tuple[AnyLink, ...], file: str | None, echo: Echo
) -> Link:
    """Build a link, attach it to the gateway and open it. Raises `ConfigError`, and nothing is left then."""
    gateway = builder.gateway

    async def start(port: int) -> Link:
        link = builder.build(settings, port, beside)
        gateway.attach(
            link,
            Share(
                secrets.token_bytes(8),
                getattr(settings, "priority", DEFAULT_PRIORITY),
                switched=not isinstance(settings, UplinkSettings | Rfc1234Settings),
            ),
        )
        try:
            await link.open(gateway)
        except OSError:
            gateway.detach(link)
            raise
        return link

    if isinstance(settings, DosboxSettings):
        place = Place(file, "link", settings.listen, settings.port, settings.default_port, builder.user)
        return await opened(start, place, echo)
    try:
        return await start(getattr(settings, "port", 0))
    except OSError as error:
        raise _sentence(error, settings, file, builder.user) from None


def _sentence(error: OSError, settings: AnyLink, file: str | None, user: str | None) -> ConfigError:
    """Say what of a link's settings cannot be had."""
    if isinstance(settings, WebsocketSettings | Rfc1234Settings):  # a port of its members' own choice
        listen = settings.listen if isinstance(settings, WebsocketSettings) else (settings.listen or "",)
        place = Place(file, "link", listen, settings.port, settings.port, user)
        return explained(error, place, settings.port)
    key, value = _subject(settings)
    name = f'"{value}"'
    match error.errno:
        case errno.ENODEV | errno.ENXIO if isinstance(settings, EthernetSettings):
            problem, mend = f"means {name}, which this machine does not have", "see 'ip link' for their names"
        case errno.EPROTONOSUPPORT:
            problem, mend = f"means {name}, which is no Ethernet", "name an Ethernet interface"
        case errno.EPERM | errno.EACCES:
            what = "CAP_NET_ADMIN" if isinstance(settings, TapSettings) else "CAP_NET_RAW"
            problem = f"means {name}, which needs privilege"
            mend = restart(user) if user else f"run nwip as root, or give it the capability {what}"
        case errno.EADDRINUSE | errno.EBUSY:
            problem, mend = f"means {name}, which is in use", "stop the program that has it, or name another"
        case _:
            problem = f"means {name}: {error.strerror or error}"
            mend = "name another"
    return ConfigError(file, key, problem, mend)


def _subject(settings: AnyLink) -> tuple[str, str]:
    """Return the key that says where a link is, and its value."""
    match settings:
        case EthernetSettings():
            return "link.interface", settings.interface
        case TapSettings():
            return "link.device", settings.device
        case UplinkSettings():
            return "link.server", settings.server
        case NetswitchSettings():
            return "link.group", str(settings.group)
        case QemuSettings():
            for key in ("listen", "connect", "local", "group"):
                value = getattr(settings, key)
                if value is not None:
                    return f"link.{key}", str(value)
    return "link.kind", settings.kind
