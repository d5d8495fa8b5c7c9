"""Binds what takes privilege while there is privilege: the ports below 1024 that the configuration asks for.

They are then lent like those that a service manager passes, so whatever uses them needs no privilege.
"""

import socket
from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from nwip import privileges
from nwip.binding import Place, explained, places
from nwip.charter import chartered
from nwip.config import Config
from nwip.config.links import DosboxSettings, Rfc1234Settings, WebsocketSettings
from nwip.dataplane.buffers import enlarge
from nwip.dataplane.interfaces import main_address
from nwip.dataplane.passed import PassedSockets
from nwip.directory.records import Endpoint
from nwip.state import State

FIRST_FREE_PORT: Final = 1024
BACKLOG: Final = 512  # until whoever is lent the socket says how many


class Wanted(NamedTuple):
    """A place to listen at, the kind of socket, and the name under which one may have been passed."""

    kind: socket.SocketKind
    name: str
    place: Place

    @property
    def port(self) -> int:
        """The port, as written or by default."""
        return self.place.port or self.place.default_port


def settle(config: Config, passed: PassedSockets) -> Config:
    """Be whom `node.user` names, with the ports bound that take root; return the configuration for that user.

    Its paths are written out, since those that hold by default are other ones for other users. Call it before
    there are threads. Raises `ConfigError`.
    """
    user = privileges.user_of(config)
    if user is None:
        return config
    paths = {"state": str(config.node.state_directory), "control": str(config.node.control_path)}
    bind_ports(chartered(config, State(config.node.state_directory))[0], passed)
    privileges.become(user, config)
    return replace(config, node=replace(config.node, **paths))


def bind_ports(config: Config, passed: PassedSockets) -> None:
    """Bind the ports below 1024 that are not passed already. Raises `ConfigError`."""
    for wanted in wanted_ports(config):
        at_each = places(passed, wanted.kind, wanted.name, wanted.place.listen, wanted.port)
        for at in at_each:
            if at[1] >= FIRST_FREE_PORT or passed.has(wanted.kind, at):
                continue
            try:
                passed.add(_bound(wanted.kind, at))
            except OSError as error:
                raise explained(error, wanted.place, wanted.port) from None


def wanted_ports(config: Config) -> Iterator[Wanted]:
    """Yield where the configuration has this node listen, but for the data port of the domain."""
    dss, file = config.dss, config.file
    if dss.serves:
        place = Place(file, "dss", dss.addresses, dss.port, dss.default_port)
        yield Wanted(socket.SOCK_STREAM, "dss", place)
        yield Wanted(socket.SOCK_DGRAM, "dss", place)
        yield Wanted(
            socket.SOCK_STREAM, "peers", Place(file, "dss", dss.addresses, dss.peer_port, dss.peer_port)
        )
    for link in config.links:
        match link:
            case DosboxSettings():
                place = Place(file, "link", link.listen, link.port, link.default_port)
                yield Wanted(socket.SOCK_DGRAM, link.title, place)
            case WebsocketSettings():
                place = Place(file, "link", link.listen, link.port, link.port)
                yield Wanted(socket.SOCK_STREAM, link.title, place)
            case Rfc1234Settings():
                address = link.listen or config.node.address or main_address()
                place = Place(file, "link", [address], link.port, link.port)
                yield Wanted(socket.SOCK_DGRAM, link.title, place)
            case _:
                pass


def _bound(kind: socket.SocketKind, at: Endpoint) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in at[0] else socket.AF_INET, kind)
    try:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(at)
        if kind == socket.SOCK_STREAM:
            sock.listen(BACKLOG)
        else:
            enlarge(sock)  # root may have more than the kernel allows others
    except OSError:
        sock.close()
        raise
    return sock
