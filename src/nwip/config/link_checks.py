"""What types cannot say of links: a key, its value, and a test that raises `ValueError`."""

# ruff: noqa: PLC0415 - what one kind of link needs is imported where a file has that kind

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from nwip.config.links import (
    AnyLink,
    DosboxSettings,
    EthernetSettings,
    NetswitchSettings,
    QemuSettings,
    Rfc1234Settings,
    TapSettings,
    UplinkSettings,
    WebsocketSettings,
)
from nwip.discovery.preferred import split_server
from nwip.ipx.address import parse_network
from nwip.ipx.numbers import ALL_NETWORKS, DEFAULT_ROUTE
from nwip.security.admission import admission

Check = tuple[str, object, Callable[[object], object]]

DEVICE: Final = re.compile(r"\A[A-Za-z0-9_.-]{1,15}\Z")


class ClashError(ValueError):
    """A value that does not go with another; `problem` and `mend` are the two halves of the sentence.

    `key` names the one to mend, where it is another than the one that is tested.
    """

    def __init__(self, problem: str, mend: str, key: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.mend = mend
        self.key = key


def link_checks(links: Sequence[AnyLink]) -> Iterator[Check]:
    """Yield what is to be tested of all links: each by itself, then each beside the others."""
    for link in links:
        if link.network is not None:
            yield "link.network", link.network, never if link.is_joined else _network
        elif not link.is_joined and isinstance(link, DosboxSettings | WebsocketSettings | Rfc1234Settings):
            yield "link.network", None, never  # nobody there could tell the number
        yield from _checks(link)
    yield from _together(links)


def never(value: object) -> None:
    """Raise `ValueError`: a value that cannot be beside others."""
    raise ValueError(value)


def clashes(other: str, mend: str) -> Callable[[object], object]:
    """Return a check that never holds: the value is that of the link `other`."""

    def check(value: object) -> None:
        raise ClashError(f'is "{value}", as of link {other}', mend)

    return check


def server(value: object) -> None:
    """Raise `ValueError` unless it is a host name or IP address, perhaps with a port."""
    host, _ = split_server(str(value))
    if not host or not host.isprintable() or " " in host:
        raise ValueError(value)
    host.encode("idna")  # a label that is empty or too long raises UnicodeError, which is a ValueError


def admitted(value: object) -> None:
    """Raise `ValueError` unless it is a list for `admission`."""
    admission(map(str, value) if isinstance(value, tuple) else ())


def _checks(link: AnyLink) -> Iterator[Check]:
    match link:
        case DosboxSettings():
            yield from (("link.listen", address, ipaddress.ip_address) for address in link.listen)  # type: ignore[misc]
            yield "link.admit", link.admit, admitted
        case EthernetSettings():
            yield "link.interface", link.interface, _device
        case TapSettings():
            yield "link.device", link.device, _device
        case QemuSettings():
            yield "link.netdev", link.netdev, lambda _: _qemu(link)
            yield "link.admit", link.admit, admitted
        case NetswitchSettings():
            yield from (("link.interfaces", name, _device) for name in link.interfaces)
        case WebsocketSettings():
            yield from _websocket_checks(link)
        case UplinkSettings():
            yield "link.server", link.server, server
        case Rfc1234Settings():
            yield from _tunnel_checks(link)


def _websocket_checks(link: WebsocketSettings) -> Iterator[Check]:
    yield from (("link.listen", address, ipaddress.ip_address) for address in link.listen)  # type: ignore[misc]
    yield "link.admit", link.admit, admitted
    yield "link.room", link.room or link.title, _room
    if (link.certificate is None) != (link.key is None):
        missing = "link.certificate" if link.certificate is None else "link.key"
        yield missing, None, never
    yield from (("link.origins", origin, _origin) for origin in link.origins)


def _tunnel_checks(link: Rfc1234Settings) -> Iterator[Check]:
    if link.listen is not None:
        yield "link.listen", link.listen, _ipv4
    if link.known_as is not None:
        yield "link.known-as", link.known_as, _ipv4
    yield from (("link.peers", peer, _peer) for peer in link.peers)
    if link.peer_list is not None:
        yield "link.peer-list", link.peer_list, _place
    elif not link.peers:
        yield "link.peers", link.peers, never


def _together(links: Sequence[AnyLink]) -> Iterator[Check]:
    """Yield what two links may not share: a name, a network, a frame type on one interface."""
    names: set[str] = set()
    networks: dict[int, str] = {}
    frames: dict[tuple[str, str], str] = {}
    for link in links:
        if link.title in names:
            yield "link.name", link.title, never
        names.add(link.title)
        if link.number and link.number in networks:
            mend = "two networks cannot have one number: write another for one of them"
            yield "link.network", link.network, clashes(networks[link.number], mend)
        networks[link.number] = link.title
        if isinstance(link, EthernetSettings):
            place = (link.interface, link.frame)
            if place in frames:
                mend = f"two links on {link.interface} need two frame types: write another for one of them"
                yield "link.frame", link.frame, clashes(frames[place], mend)
            frames[place] = link.title


def _network(value: object) -> None:
    if parse_network(str(value)) in (ALL_NETWORKS, DEFAULT_ROUTE):
        raise ValueError(value)


def _device(value: object) -> None:
    if DEVICE.match(str(value)) is None:
        raise ValueError(value)


def _ipv4(value: object) -> None:
    ipaddress.IPv4Address(str(value))


def _peer(value: object) -> None:
    """Take a name or an IPv4 address; the port is everybody's."""
    if ":" in str(value):
        raise ValueError(value)
    server(value)


def _place(value: object) -> None:
    text = str(value)
    parts = urlsplit(text)
    if parts.scheme in {"http", "https"}:
        if not parts.hostname:
            raise ValueError(value)
    elif not Path(text).expanduser().is_absolute():
        raise ValueError(value)


def _origin(value: object) -> None:
    parts = urlsplit(str(value))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path:
        raise ValueError(value)


def _room(value: object) -> None:
    from nwip.links.websocket.rooms import check_room

    check_room(str(value))


def _qemu(link: QemuSettings) -> None:
    from nwip.links.lan.qemu import QemuWire, qemu_medium

    qemu_medium(
        QemuWire(link.netdev, link.listen, link.connect, link.local, link.remote, link.group, link.interface)
    )
