"""What a running node tells of itself: questions `node`, `alarms`, `events`, and the conversation `follow`.

`{"ask": "follow", "last": N}` takes its connection over. Behind the first line of the answer comes a line of
JSON for each event, the last N first, then those that happen:

    {"number": 7, "time": 1764200000.5, "kind": "player-joined", "about": "02A0C9123456", "text": SENTENCE}

A reader that is slower than the events loses some; then there is a line `{"lost": N}` in their place. The
asker ends it by closing its direction.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from operator import length_hint
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from nwip.config import Config
from nwip.control import Conversation, begin, hung_up
from nwip.directory.records import Kind, endpoint_text
from nwip.dss.client import DssClient
from nwip.dss.server import DssServer
from nwip.event_log import LIMIT
from nwip.gateway.gateway import NodeGateway
from nwip.ipx.address import format_network, format_node
from nwip.links.dosbox.serving import ServerLink
from nwip.rows import Row
from nwip.views import number
from nwip.watchman import Watchman

if TYPE_CHECKING:
    from nwip.membership_files import MembershipFiles

BATCH: Final = 64  # events written in one turn of the loop
LAST: Final = 100  # events that are told where the question does not say how many

Question = Mapping[str, object]


class Running(Protocol):
    """What there is to see of a node; `inside` is the gateway of its links."""

    config: Config
    identity: bytes
    dss: DssServer | None
    client: DssClient | None
    gateway: NodeGateway | None
    inside: NodeGateway | None
    party: "MembershipFiles | None"


class WatchViews:
    """The answers about one node, which `watchman` watches."""

    def __init__(self, node: Running, watchman: Watchman) -> None:
        self._node = node
        self._watchman = watchman
        self._started = asyncio.get_running_loop().time()

    def handlers(self) -> dict[str, Callable[[Question], Awaitable[object]] | Conversation]:
        """Return the answer to each question by its name."""
        return {
            "node": self.node,
            "alarms": self.alarms,
            "events": self.events,
            "follow": Conversation(self.follow),
        }

    async def node(self, _: Question) -> Row:
        """Say who this node is, and how much there is in its domain; empty or 0 before it has joined."""
        node, gateway = self._node, self._node.gateway
        parameters = gateway.parameters if gateway is not None else None
        connected = node.client.connected if node.client is not None else None
        links = node.inside.links if node.inside is not None else []
        return {
            "name": node.config.node.name,
            "identity": node.identity.hex(),
            "domain": parameters.domain if parameters is not None else "",
            "sealed": node.party is not None,
            "network": format_network(parameters.network) if parameters is not None else "",
            "node": format_node(gateway.virtual.node) if gateway is not None else "",
            "dss": endpoint_text(connected) if connected is not None else "",
            "dss_here": node.dss is not None,
            "forwards": node.inside is node.gateway,
            "up": asyncio.get_running_loop().time() - self._started,
            "events": self._watchman.events.count,
            "links": len(links),
            "players": sum(len(link.clients()) for link in links if isinstance(link, ServerLink)),
            "counts": {
                kind.name.lower(): length_hint(gateway.directory.keys(kind)) if gateway is not None else 0
                for kind in Kind
            },
        }

    async def alarms(self, _: Question) -> list[Row]:
        """Return what an operator has to put right, and what was over not long ago, the newest last."""
        return self._watchman.alarms()

    async def events(self, question: Question) -> list[Row]:
        """Return the `last` events, or those behind number `after`; the newest last."""
        log = self._watchman.events
        most = int(number(question, "last", LAST, 0, LIMIT))
        if "after" in question:
            found, _ = log.after(int(number(question, "after", 0, 0, 2**53)), most)
        else:
            found = log.last(most)
        return [event._asdict() for event in found]

    async def follow(
        self, request: Question, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Send the last events, and those that happen until the asker closes its direction."""
        log = self._watchman.events
        first = log.last(int(number(request, "last", LAST, 0, LIMIT)))
        place = first[0].number - 1 if first else log.count
        wake = asyncio.Event()
        ended = asyncio.ensure_future(hung_up(reader))
        ended.add_done_callback(lambda _: wake.set())
        log.listeners.append(wake.set)
        try:
            begin(writer)
            while not ended.done():
                wake.clear()
                events, lost = log.after(place, BATCH)
                place += lost + len(events)
                lines = [msgspec.json.encode({"lost": lost})] if lost else []
                lines += [msgspec.json.encode(event._asdict()) for event in events]
                writer.writelines(line + b"\n" for line in lines)
                await writer.drain()
                if not events:
                    await wake.wait()
        finally:
            log.listeners.remove(wake.set)
            ended.cancel()
