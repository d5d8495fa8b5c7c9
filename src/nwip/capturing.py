"""Captures on a running node: the conversation `capture` of the control socket.

The question may name a `link`. The first line of the answer lists the `links`; then comes a line of JSON for
each packet that passes them:

    {"link": "dosbox", "out": false, "time": NANOSECONDS, "node": OURS, "hop": FROM, "packet": BASE64}

`hop` is a node number or an IP endpoint, or "" for all. When the asker closes its direction, the packets that
wait are sent, and a last line: `{"packets": N, "dropped": {"dosbox": M}}`. Packets are dropped, and counted,
when more than `BACKLOG_LIMIT` wait for a slow reader. See `gateway/taps.py` for what is seen.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

import msgspec

from nwip.control import UNREACHABLE, WRONG, Answer, Conversation, begin, hung_up
from nwip.directory.records import endpoint_text
from nwip.gateway.gateway import NodeGateway
from nwip.gateway.taps import Taps
from nwip.ipx.address import NODE_SIZE, format_network, format_node
from nwip.links.base import Hop, Link

BACKLOG_LIMIT: Final = 8192  # packets that wait for the reader of one capture; some 12 MB at most
BATCH: Final = 64  # packets written in one turn of the loop


class Tapped(Protocol):
    """What a node must have to be captured on."""

    gateway: NodeGateway | None
    inside: NodeGateway | None


class _Seen(NamedTuple):
    time: int
    link: Link
    out: bool
    packet: bytes
    hop: Hop | None


class _Line(msgspec.Struct):
    link: str
    out: bool
    time: int
    node: str
    hop: str
    packet: bytes


class Backlog:
    """What one capture has seen and its reader not yet taken: at most `limit` packets, more are dropped."""

    def __init__(
        self, link: str | None, limit: int = BACKLOG_LIMIT, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self.packets = 0
        self.dropped: Counter[str] = Counter()
        self.wake = asyncio.Event()
        self._link = link
        self._limit = limit
        self._clock = clock
        self._waiting: deque[_Seen] = deque()

    def hear(self, link: Link, out: bool, packet: bytes, hop: Hop | None) -> None:
        """Keep a packet, or count it as dropped."""
        if self._link is not None and link.name != self._link:
            return
        if len(self._waiting) >= self._limit:
            self.dropped[link.name] += 1
            return
        self._waiting.append(_Seen(self._clock(), link, out, packet, hop))
        self.wake.set()

    def take(self) -> bytes:
        """Return the lines of up to `BATCH` packets; none when none waits."""
        lines: list[bytes] = []
        while self._waiting and len(lines) < BATCH:
            seen = self._waiting.popleft()
            node = format_node(seen.link.node)
            line = _Line(seen.link.name, seen.out, seen.time, node, hop_text(seen.hop), seen.packet)
            lines.append(msgspec.json.encode(line) + b"\n")
        self.packets += len(lines)
        return b"".join(lines)


class Captures:
    """The captures that run on a node."""

    def __init__(self, node: Tapped) -> None:
        self._node = node
        self._taps: Taps | None = None

    def handlers(self) -> dict[str, Conversation]:
        """Return the conversation by its name."""
        return {"capture": Conversation(self.hold)}

    async def hold(
        self, request: Mapping[str, object], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Send what passes the links until the asker closes its direction."""
        gateways = self._gateways()
        links = list(dict.fromkeys(link for each in gateways for link in (each.virtual, *each.links)))
        wanted = request.get("link")
        if wanted is not None and wanted not in [link.name for link in links]:
            names = ", ".join(link.name for link in links)
            raise Answer(WRONG, f"this node has no link {wanted!r}; it has {names}")
        if self._taps is None:
            self._taps = Taps(gateways)
        backlog = Backlog(None if wanted is None else str(wanted))
        self._taps.add(backlog.hear)
        ended = asyncio.ensure_future(hung_up(reader))
        ended.add_done_callback(lambda _: backlog.wake.set())
        try:
            begin(writer, links=[_described(link) for link in links if wanted in (None, link.name)])
            await _send(backlog, writer, ended)
        finally:
            self._taps.remove(backlog.hear)
            ended.cancel()
        await _send_waiting(backlog, writer)
        last = {"packets": backlog.packets, "dropped": backlog.dropped}
        writer.write(msgspec.json.encode(last) + b"\n")
        await writer.drain()

    def _gateways(self) -> list[NodeGateway]:
        if self._node.gateway is None:
            raise Answer(UNREACHABLE, "this node has not joined its domain yet: no DSS has answered")
        return list(dict.fromkeys((self._node.gateway, self._node.inside or self._node.gateway)))


async def _send(backlog: Backlog, writer: asyncio.StreamWriter, ended: asyncio.Future[None]) -> None:
    while not ended.done():
        await backlog.wake.wait()
        backlog.wake.clear()
        await _send_waiting(backlog, writer)


async def _send_waiting(backlog: Backlog, writer: asyncio.StreamWriter) -> None:
    while lines := backlog.take():
        writer.write(lines)
        await writer.drain()
        await asyncio.sleep(0)  # `drain` alone would not let the node's packets pass


def _described(link: Link) -> dict[str, str]:
    how = "joined" if link.joined else "routed"
    return {"name": link.name, "kind": link.kind, "network": format_network(link.network), "how": how}


def hop_text(hop: Hop | None) -> str:
    """Write a hop: a node number, an endpoint, or "" for all."""
    match hop:
        case None:
            return ""
        case bytes() if len(hop) == NODE_SIZE:
            return format_node(hop)
        case (str() as host, int() as port):
            return endpoint_text((host, port))
        case _:
            return str(hop)
