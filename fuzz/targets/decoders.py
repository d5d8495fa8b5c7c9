"""Decoders of IPX and what it carries, of frames, DHCP and the messages of port 396.

Each may refuse what it is given with `WireError` and nothing else. What it accepts must say the same when it
is written and read again.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, TypeVar

from nwip.discovery.dhcp import information
from nwip.discovery.dhcp.message import Message as DhcpMessage
from nwip.dss import messages
from nwip.ipx import hello, ncp, sap
from nwip.ipx.diagnostics import DiagnosticsRequest, DiagnosticsResponse
from nwip.ipx.frames import Frame
from nwip.ipx.netbios import NetbiosPacket, NmpiPacket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipPacket
from nwip.ipx.spx import SpxPacket
from nwip.ipx.type20 import PropagatedPayload
from nwip.links.lan.reading import frame_type_of, packet_in
from nwip.wire import WireError
from targets.steps import promise


class Encodable(Protocol):
    """What a decoder returns."""

    def encode(self) -> bytes:
        """Write it."""
        ...


T = TypeVar("T", bound=Encodable)


def round_trip(decode: Callable[[bytes], T | None], data: bytes) -> None:
    """Decode; what was accepted is written, and read again as the same."""
    try:
        read = decode(data)
    except WireError:
        return
    if read is not None:
        promise(decode(read.encode()) == read, f"{read} is read differently when it was written again")


def type20(data: bytes) -> None:
    """The networks that a packet of type 20 has crossed: the first octet is the transport control."""
    try:
        read = PropagatedPayload.decode(data[1:], data[0] if data else 0)
    except WireError:
        return
    again = PropagatedPayload.decode(read.encode(), read.transport_control)
    promise(again == read, f"{read} is read differently when it was written again")


def frame(data: bytes) -> None:
    """An Ethernet frame, by the typed way and by the fast one: both must find the same packet."""
    try:
        typed = Frame.decode(data)
    except WireError:
        return
    if typed is None:
        return
    round_trip(Frame.decode, data)
    kind = frame_type_of(data)
    promise(kind is typed.frame_type, f"{kind} and {typed.frame_type}")
    promise(packet_in(data, typed.frame_type) == typed.packet, "two packets in one frame")


def session_message(data: bytes) -> None:
    """A message of TCP 396 or 2010."""
    try:
        read = messages.decode(data)
    except WireError:
        return
    if read is not None:
        again = messages.decode(messages.encode(read))
        promise(again == read, f"{read} is read differently when it was written again")


def dhcp_message(data: bytes) -> None:
    """A DHCP message, and options 62 and 63 in it."""
    try:
        read = DhcpMessage.decode(data)
        information.decode(read.options.get(62), read.options.get(63))
    except WireError:
        return


def dhcp_options(data: bytes) -> None:
    """Options 62 and 63: the first octet says how long the domain is."""
    size = data[0] if data else 0
    try:
        information.decode(data[1 : 1 + size] or None, data[1 + size :])
    except WireError:
        return


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "packet": partial(round_trip, Packet.decode),
    "rip": partial(round_trip, RipPacket.decode),
    "sap": partial(round_trip, sap.decode),
    "type20": type20,
    "hello": partial(round_trip, hello.Hello.decode),
    "ncp": partial(round_trip, ncp.decode),
    "spx": partial(round_trip, SpxPacket.decode),
    "netbios": partial(round_trip, NetbiosPacket.decode),
    "nmpi": partial(round_trip, NmpiPacket.decode),
    "diagnostics-request": partial(round_trip, DiagnosticsRequest.decode),
    "diagnostics-response": partial(round_trip, DiagnosticsResponse.decode),
    "frame": frame,
    "session-message": session_message,
    "dhcp-message": dhcp_message,
    "dhcp-options": dhcp_options,
}
