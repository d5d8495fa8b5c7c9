"""What a running node tells through its control socket: the questions of `nwip services` and its kind."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Protocol

from nwip import rows
from nwip.capturing import Captures
from nwip.config import Config
from nwip.control import Answer, Conversation
from nwip.directory.records import Key, Kind, endpoint_text
from nwip.dss.client import DssClient
from nwip.dss.server import DssServer
from nwip.gateway.gateway import NodeGateway
from nwip.ipx.address import BROADCAST_NODE, Address, format_network, format_node, parse_node
from nwip.links.dosbox.serving import ServerLink
from nwip.rows import Row, Seen

Question = Mapping[str, object]

LONGEST_WAIT = 60.0  # seconds that a ping may be waited for
MOST_PINGS = 1000


class Running(Protocol):
    """What there is to see of a node."""

    config: Config
    identity: bytes
    dss: DssServer | None
    client: DssClient | None
    gateway: NodeGateway | None
    inside: NodeGateway | None
    """The gateway of the links: the same one, but where nothing is forwarded."""

    @property
    def party(self) -> object:
        """The memberships in a sealed domain; None in an open one."""
        ...


class Views:
    """The answers about one node. Each returns plain data, and raises `Answer` when there is none."""

    def __init__(self, node: Running) -> None:
        self._node = node
        self._captures = Captures(node)

    def handlers(self) -> dict[str, Callable[[Question], Awaitable[object]] | Conversation]:
        """Return the answer to each question by its name."""
        return {
            **self._captures.handlers(),
            "services": self.services,
            "routes": self.routes,
            "nodes": self.nodes,
            "links": self.links,
            "clients": self.clients,
            "ping": self.ping,
            "resolve": self.resolve,
        }

    async def services(self, _: Question) -> list[Row]:
        """Return every offer of a service in the domain."""
        return rows.services(self._seen(Kind.SERVICE))

    async def routes(self, _: Question) -> list[Row]:
        """Return every offer of a network in the domain."""
        return rows.routes(self._seen(Kind.ROUTE, Kind.NODE))

    async def nodes(self, _: Question) -> list[Row]:
        """Return the nodes of the domain, and what was exchanged with each."""
        virtual = self._gateway().virtual
        seen = self._seen(Kind.NODE, Kind.HOST)
        return rows.nodes(seen, own=self._node.identity, traffic=virtual.traffic_with)

    async def links(self, _: Question) -> list[Row]:
        """Return the links of this node: first the virtual one, with what the node itself has dropped."""
        gateway, inside = self._gateway(), self._inside()
        return [
            {
                "name": link.name,
                "kind": link.kind,
                "network": format_network(link.network),
                "joined": link.joined,
                "state": inside.muted(link) or "",
                "why": self._denied((Kind.ROUTE, link.network, "")) or inside.why(link),
                "hosts": len(inside.hosts_of(link)),
                "packets_in": link.counters.packets_in,
                "packets_out": link.counters.packets_out,
                "octets_in": link.counters.octets_in,
                "octets_out": link.counters.octets_out,
                "drops": link.counters.all_drops() | (gateway.drops() if link is gateway.virtual else {}),
                "where": link.describe(),
            }
            for link in (gateway.virtual, *inside.links)
        ]

    async def clients(self, _: Question) -> list[Row]:
        """Return the players on this node's links."""
        now = asyncio.get_running_loop().time()
        return [
            {
                "link": link.name,
                "node": format_node(client.node),
                "address": endpoint_text(client.address),
                "since": now - client.since,
                "silent": now - client.last_heard,
                "packets_in": client.packets_in,
                "packets_out": client.packets_out,
            }
            for link in self._inside().links
            if isinstance(link, ServerLink)
            for client in link.clients()
        ]

    async def resolve(self, question: Question) -> list[Row]:
        """Return the services and nodes with a name, in any case of letters."""
        network = self._gateway().parameters.network
        return rows.resolve(self._seen(Kind.SERVICE, Kind.NODE), network, str(question.get("name", "")))

    async def ping(self, question: Question) -> Row:
        """Ask an address for answers; those of the broadcast node are everybody's."""
        gateways = list(dict.fromkeys((self._gateway(), self._inside())))
        to = await self.address(str(question.get("address", "")))
        count = number(question, "count", 3, 1, MOST_PINGS)
        timeout = number(question, "timeout", 1.0, 0.01, LONGEST_WAIT)
        replies: list[Row] = []
        for _ in range(int(count)):
            replies += await ping_once(gateways, to, timeout)
        return {"address": str(to), "sent": int(count), "replies": replies}

    async def address(self, text: str) -> Address:
        """Read NODE, NETWORK.NODE, NETWORK.NODE.SOCKET, or the name of a node or service."""
        found = await self.resolve({"name": text})
        if found:
            return Address.parse(str(found[0]["address"]))
        try:
            if "." in text:
                return Address.parse(text)
            return Address(self._gateway().parameters.network, parse_node(text), 0)
        except ValueError:
            sentence = (
                f"{text!r} is neither an IPX address (NODE or NETWORK.NODE) nor the name of a node or service"
            )
            raise Answer(2, sentence) from None

    def _denied(self, key: Key) -> str:
        why = self._node.client.denied.get(key) if self._node.client is not None else None
        return f"the domain does not take {why}" if why else ""

    def _gateway(self) -> NodeGateway:
        if self._node.gateway is None:
            raise Answer(3, "this node has not joined its domain yet: no DSS has answered")
        return self._node.gateway

    def _inside(self) -> NodeGateway:
        return self._node.inside or self._gateway()

    def _seen(self, *kinds: Kind) -> Iterator[Seen]:
        directory, now = self._gateway().directory, asyncio.get_running_loop().time()
        owners: dict[bytes, tuple[str, float]] = {}
        for kind in kinds:
            for record in directory.records(kind):
                owner = record.owner
                if owner not in owners:
                    node, lease = directory.node_of(owner), directory.lease(owner, now)
                    owners[owner] = (node.name if node else owner.hex(), lease.age if lease else 0.0)
                yield Seen(record, *owners[owner])


async def ping_once(gateways: list[NodeGateway], to: Address, timeout: float) -> list[Row]:  # noqa: ASYNC109
    """Send one ping and collect the answers: the first, or for a broadcast all within `timeout` seconds."""
    loop = asyncio.get_running_loop()
    sent = loop.time()
    replies: list[Row] = []
    answered = asyncio.Event()
    broadcast = to.node == BROADCAST_NODE

    def heard(source: Address) -> None:
        if broadcast or (source.node == to.node and not replies):
            replies.append({"from": str(source).rpartition(".")[0], "seconds": loop.time() - sent})
            answered.set()

    for gateway in gateways:
        gateway.ping_listeners.add(heard)
    try:
        for gateway in gateways:
            gateway.send_ping(to)
        if broadcast:
            await asyncio.sleep(timeout)
        else:
            async with asyncio.timeout(timeout):
                await answered.wait()
    except TimeoutError:
        return []
    finally:
        for gateway in gateways:
            gateway.ping_listeners.discard(heard)
    return replies


def number(question: Question, key: str, default: float, least: float, most: float) -> float:
    """Return a number of a question, by default `default`. Raises `Answer` when it is out of bounds."""
    value = question.get(key, default)
    if not isinstance(value, int | float) or not least <= value <= most:
        raise Answer(2, f"{key} must be a number from {least:g} to {most:g}")
    return value
