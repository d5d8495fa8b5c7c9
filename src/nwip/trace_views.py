"""The question `trace`: the way to an IPX address, and who on it answers a ping. See docs/api.md."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from nwip.config import Config
from nwip.control import WRONG, Answer, Handler
from nwip.gateway.gateway import NodeGateway
from nwip.gateway.path import Path, Step, path_to
from nwip.ipx.address import BROADCAST_NODE, Address, format_network
from nwip.rows import Row
from nwip.views import LONGEST_WAIT, Views, number, ping_once

MOST_PINGS = 10


class Running(Protocol):
    """What there is to see of a node; `inside` is the gateway of its links."""

    config: Config
    identity: bytes
    gateway: NodeGateway | None
    inside: NodeGateway | None


class TraceViews:
    """The answers about ways from one node; `views` reads addresses and names."""

    def __init__(self, node: Running, views: Views) -> None:
        self._node = node
        self._views = views

    def handlers(self) -> dict[str, Handler]:
        """Return the answer to the question."""
        return {"trace": self.trace}

    async def trace(self, question: Mapping[str, object]) -> Row:
        """Return the steps to an address, and what is not known of it; each that can be is pinged.

        A step that answers has `seconds`, the shortest round trip; one that was asked and did not has null.
        """
        to = await self._views.address(str(question.get("address", "")))
        if to.node == BROADCAST_NODE:
            raise Answer(WRONG, "a broadcast goes many ways: name one host")
        count = int(number(question, "count", 3, 1, MOST_PINGS))
        timeout = number(question, "timeout", 1.0, 0.01, LONGEST_WAIT)
        gateways = [each for each in (self._node.gateway, self._node.inside) if each is not None]
        path = self._path(gateways, to)
        times = await asyncio.gather(*(_fastest(gateways, step, count, timeout) for step in path.steps))
        rows = [_row(step, *result) for step, result in zip(path.steps, times, strict=True)]
        reached = not path.gap and rows[-1]["answered"] is True
        return {"address": str(to), "gap": path.gap, "reached": reached, "steps": rows}

    def _path(self, gateways: list[NodeGateway], to: Address) -> Path:
        """Return the way through the virtual network; where none leads there, that through the links."""
        name = self._node.config.node.name
        paths = [path_to(gateway, self._node.identity, name, to) for gateway in dict.fromkeys(gateways)]
        return next((path for path in paths if not path.gap), paths[0])


async def _fastest(
    gateways: list[NodeGateway],
    step: Step,
    count: int,
    timeout: float,  # noqa: ASYNC109 - as `ping_once`
) -> tuple[bool | None, float | None]:
    """Return whether a step answers, and its shortest round trip in seconds; (None, None) if unasked."""
    if step.at is None or step.own:
        return (True if step.own else None), None
    times = []
    for _ in range(count):
        for reply in await ping_once(gateways, step.at, timeout):
            seconds = reply["seconds"]
            times += [seconds] if isinstance(seconds, float) else []
    return bool(times), min(times, default=None)


def _row(step: Step, answered: bool | None, seconds: float | None) -> Row:
    network = step.network if step.at is None else None
    address = str(step.at).rpartition(".")[0] if step.at else format_network(network or 0)
    return {
        "what": step.what.value,
        "name": step.name,
        "address": address,
        "where": step.where,
        "ticks": step.ticks,
        "hops": step.hops,
        "answered": answered,
        "seconds": seconds,
    }
