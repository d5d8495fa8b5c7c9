"""Diagnostics: "who is there, and what are you?" The payload of packets to socket 0456, type 4.

    request: 1 octet count, then that many nodes of 6 octets which need not answer
    response:
    offset  octets  field
         0       1  major version
         1       1  minor version
         2       2  socket for diagnostics over SPX
         4       1  number of components
         5          the components

A component is one octet, its kind. A server or router goes on with the number of its networks, and for each
11 octets: kind of network 1, network 4, node 6.

Sources: Novell, NetWare Connection, March 1998 (the responder's reply); A. and G. Frolov, "Local networks of
personal computers", 1993, chapter 2 (the request). Kinds 5 and 7 stand in neither and are read like 6.
"""

from enum import IntEnum
from typing import Final, NamedTuple

from nwip.ipx.address import NODE_SIZE
from nwip.wire import Reader, WireError, Writer

MAXIMUM_EXCLUSIONS: Final = 80


class ComponentKind(IntEnum):
    """What a component is; other numbers may appear."""

    IPX_SPX = 0
    ROUTER_DRIVER = 1
    LAN_DRIVER = 2
    SHELL = 3
    VALUE_ADDED_PROCESS = 4
    ROUTER = 5
    SERVER = 6
    NONDEDICATED_SERVER = 7
    DOS_APPLICATION = 9


WITH_NETWORKS: Final = (ComponentKind.ROUTER, ComponentKind.SERVER, ComponentKind.NONDEDICATED_SERVER)


class AttachedNetwork(NamedTuple):
    """A network that a server or router is attached to, and its node there."""

    kind: int
    network: int
    node: bytes


class Component(NamedTuple):
    """One part of a responder; only servers and routers have `networks`."""

    kind: int
    networks: tuple[AttachedNetwork, ...] = ()


class DiagnosticsRequest(NamedTuple):
    """A request to everyone but the `excluded` nodes."""

    excluded: tuple[bytes, ...] = ()

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview) -> "DiagnosticsRequest":
        """Read a request. Raises `WireError` when its length belies its count, or it excludes over 80."""
        reader = Reader(payload)
        count = reader.u8()
        _check_exclusions(count)
        request = cls(tuple(reader.octets(NODE_SIZE) for _ in range(count)))
        reader.finish()
        return request

    def encode(self) -> bytes:
        """Write a request. Raises `WireError` when it excludes more than 80 nodes."""
        _check_exclusions(len(self.excluded))
        writer = Writer().u8(len(self.excluded))
        for node in self.excluded:
            writer.octets(node, NODE_SIZE)
        return writer.getvalue()


class DiagnosticsResponse(NamedTuple):
    """What a responder says of itself. `rest` is what stands behind the components, as a rule nothing."""

    major: int
    minor: int
    spx_socket: int
    components: tuple[Component, ...]
    rest: bytes = b""

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview) -> "DiagnosticsResponse":
        """Read a response. Raises `WireError` when it is cut short."""
        reader = Reader(payload)
        major, minor, spx_socket, count = reader.u8(), reader.u8(), reader.u16(), reader.u8()
        components = tuple(_read_component(reader) for _ in range(count))
        return cls(major, minor, spx_socket, components, reader.rest())

    def encode(self) -> bytes:
        """Write a response. Raises `WireError` for a value that does not fit, or networks of another kind."""
        writer = Writer().u8(self.major).u8(self.minor).u16(self.spx_socket).u8(len(self.components))
        for component in self.components:
            _write_component(component, writer)
        return writer.octets(self.rest).getvalue()


def _check_exclusions(count: int) -> None:
    if count > MAXIMUM_EXCLUSIONS:
        raise WireError(f"{count} excluded nodes are more than {MAXIMUM_EXCLUSIONS}")


def _read_component(reader: Reader) -> Component:
    kind = reader.u8()
    if kind not in WITH_NETWORKS:
        return Component(kind)
    count = reader.u8()
    networks = (AttachedNetwork(reader.u8(), reader.u32(), reader.octets(NODE_SIZE)) for _ in range(count))
    return Component(kind, tuple(networks))


def _write_component(component: Component, writer: Writer) -> None:
    writer.u8(component.kind)
    if component.kind in WITH_NETWORKS:
        writer.u8(len(component.networks))
    elif component.networks:
        raise WireError(f"a component of kind {component.kind} has no networks")
    for attached in component.networks:
        writer.u8(attached.kind).u32(attached.network).octets(attached.node, NODE_SIZE)
