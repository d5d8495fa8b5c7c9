"""IPX sockets for programs on the machine of a node: `nwip.open_socket`. See docs/api.md.

The node is asked through its control socket; the program needs no privilege but that of its user, and no
network of its own.
"""

import asyncio
import os
from collections.abc import Generator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self, TypeVar

import msgspec

from nwip.config import usual_control_path
from nwip.control import NO, NodeRefused, NodeUnreachable, ask
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import THIS_NETWORK
from nwip.ipx.packet import HEADER_SIZE, MAXIMUM_SIZE, Packet
from nwip.programs.client import ProgramClient, nonsense
from nwip.programs.frames import ADVERTISE, PACKET, WITHDRAW, Frame, service
from nwip.wire import WireError

LARGEST_PAYLOAD: Final = MAXIMUM_SIZE - HEADER_SIZE
MOST_FOUND: Final = 1000

_Answer = TypeVar("_Answer")


class _Named(msgspec.Struct):
    """A row of the question `resolve`."""

    address: str


class _Found(msgspec.Struct):
    """A row of the question `find`."""

    type: int
    name: str
    address: str
    ticks: int
    hops: int
    owner: str


class Service(NamedTuple):
    """A service of the domain, as the node here sees its nearest offer.

    `hops` is the number of networks between, `ticks` (1/18 s) the estimated time to it, and `owner` the name
    of the node that registered it.
    """

    service_type: int
    name: str
    address: Address
    ticks: int
    hops: int
    owner: str


class IpxSocket:
    """An IPX socket of the node here, open from `open_socket` until `close`.

    For the tasks of one event loop. Its packets wait in a queue of 1024; when it is full the oldest is
    dropped, and counted in `lost`.
    """

    def __init__(self, path: Path, client: ProgramClient) -> None:
        self._path = path
        self._client = client
        self._closed = False

    @property
    def address(self) -> Address:
        """Where others reach it; it changes when the node must take another number, which is rare."""
        return self._client.address

    @property
    def lost(self) -> int:
        """How many packets for it were dropped, at the node or here, because they were not taken in time."""
        return self._client.lost

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the socket back, with all that it advertises; safe to call twice. `async for` ends."""
        self._closed = True
        await self._client.close()

    async def send(self, payload: bytes, to: Address, packet_type: int = 0) -> None:
        """Send a packet; network 0 means the virtual network. It may get lost, like any packet.

        Waits while the node is busy. Raises `WireError` for more than 1470 octets or an address that is
        none, `NodeUnreachable` when the node is gone.
        """
        if len(payload) > LARGEST_PAYLOAD:
            raise WireError(f"{len(payload)} octets do not fit a packet: {LARGEST_PAYLOAD} do")
        await self._client.send(Frame(PACKET, Packet(to, self.address, packet_type, payload).encode()))

    async def broadcast(
        self, payload: bytes, *, socket: int | None = None, network: int = THIS_NETWORK, packet_type: int = 0
    ) -> None:
        """Send a packet to everybody on the virtual network at once, or on another network.

        `socket` is that of the destinations, by default this socket's own number. Whoever broadcasts does
        not hear it. The domain grants every node a budget of broadcasts; what is beyond it is dropped.
        Raises as `send` does.
        """
        number = self.address.socket if socket is None else socket
        await self.send(payload, Address(network, BROADCAST_NODE, number), packet_type)

    async def receive(self, timeout: float | None = None) -> Packet:  # noqa: ASYNC109 - one for each call
        """Return the next packet, in the order of arrival; `TimeoutError` after so many seconds.

        Raises `NodeUnreachable` when the node is gone or the socket closed, and all packets are taken.
        """
        async with asyncio.timeout(timeout):
            return await self._client.packet()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Packet:
        try:
            return await self.receive()
        except NodeUnreachable:
            if self._closed:
                raise StopAsyncIteration from None
            raise

    async def advertise(self, service_type: int, name: str) -> None:
        """Let the whole domain know a service at this socket, by SAP too, until it is closed or withdrawn.

        `name` is 1 to 47 Latin-1 characters, capitals by custom. Raises `NodeRefused` when another program
        here advertises the same, or for what cannot be a service.
        """
        await self._client.request(service(ADVERTISE, service_type, name))

    async def withdraw(self, service_type: int, name: str) -> None:
        """Take back a service of this socket. Raises `NodeRefused` when it advertises no such one."""
        await self._client.request(service(WITHDRAW, service_type, name))

    async def find(
        self, service_type: int | None = None, name: str | None = None, limit: int = MOST_FOUND
    ) -> list[Service]:
        """Return the services of a type, of a name, of both, or all: the nearest first, by ticks, then hops.

        In `name` any case of letters will do, `*` stands for any characters and `?` for one. At most `limit`
        (1 to 1000) are returned.
        """
        question = {"ask": "find", "type": service_type, "name": name, "limit": limit}
        rows = await self._ask(question, list[_Found])
        return [
            Service(row.type, row.name, Address.parse(row.address), row.ticks, row.hops, row.owner)
            for row in rows
        ]

    async def resolve(self, name: str) -> Address:
        """Return the address of a service or node of that name, in any case of letters.

        A node's address has socket 0. Raises `NodeRefused` when nothing has that name.
        """
        rows = await self._ask({"ask": "resolve", "name": name}, list[_Named])
        if not rows:
            raise NodeRefused(NO, f"nothing here is called {name}")
        return Address.parse(rows[0].address)

    async def _ask(self, question: Mapping[str, object], form: type[_Answer]) -> _Answer:
        answer = await asyncio.to_thread(ask, self._path, question)
        try:
            return msgspec.convert(answer, form)
        except msgspec.ValidationError:
            raise nonsense(self._path) from None


class _Opening:
    """What `open_socket` returns: to be awaited, or entered by `async with`."""

    def __init__(self, path: Path | None, number: int, *, shared: bool) -> None:
        self._path = path
        self._number = number
        self._shared = shared
        self._socket: IpxSocket | None = None

    def __await__(self) -> Generator[object, None, IpxSocket]:
        return self._open().__await__()

    async def __aenter__(self) -> IpxSocket:
        self._socket = await self._open()
        return self._socket

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def _open(self) -> IpxSocket:
        path = await asyncio.to_thread(_usual_path) if self._path is None else self._path
        return IpxSocket(path, await ProgramClient.begin(path, self._number, shared=self._shared))


def open_socket(
    number: int = 0, *, shared: bool = False, control: str | os.PathLike[str] | None = None
) -> _Opening:
    """Open an IPX socket of the node on this machine.

    Write `async with nwip.open_socket(...) as sock`, or `sock = await nwip.open_socket(...)`, which leaves
    it to the caller to close the socket. `number` is its number, 0 for a free one of 4000 to 7FFF
    (hexadecimal). With `shared` several programs that all say so have the number together, and each gets
    every packet for it. `control` is the node's control socket; by default it is looked for as the command
    `nwip` does: NWIP_CONTROL, the configuration, the usual places.

    Raises `NodeUnreachable` without a node that has joined its domain, `NodeRefused` when the number cannot
    be had, each with a sentence that says why.
    """
    return _Opening(None if control is None else Path(control), number, shared=shared)


def _usual_path() -> Path:
    named = os.environ.get("NWIP_CONTROL")
    return Path(named) if named else usual_control_path()
