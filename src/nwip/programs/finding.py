"""The question `find` on the control socket: services by type and name, the nearest first."""

import heapq
import re
from collections.abc import Mapping
from fnmatch import translate
from typing import Final, Protocol

from nwip.control import UNREACHABLE, WRONG, Answer
from nwip.directory.records import Key, Kind
from nwip.gateway.gateway import NodeGateway
from nwip.gateway.nearest import Distances, Offer
from nwip.ipx.numbers import SERVICE_TYPE_NAMES
from nwip.rows import Row
from nwip.slices import slices

MOST_ROWS: Final = 1000


class Running(Protocol):
    """What is needed of a node: its gateway on the virtual network, None until it has joined."""

    identity: bytes
    gateway: NodeGateway | None


class Finder:
    """Answers for one node."""

    def __init__(self, node: Running) -> None:
        self._node = node

    async def find(self, question: Mapping[str, object]) -> list[Row]:
        """Return the nearest offer of each service that is asked for, the nearest service first.

        `type` is a number or null for any, `name` a pattern (`*` and `?`, any case) or null, `limit` 1 to
        1000. The directory is gone through in slices.
        """
        service_type, name, limit = (
            question.get("type"),
            question.get("name"),
            question.get("limit", MOST_ROWS),
        )
        if not isinstance(service_type, int | None) or not isinstance(name, str | None):
            raise Answer(WRONG, "type must be a number or null, and name a text or null")
        if not isinstance(limit, int) or not 1 <= limit <= MOST_ROWS:
            raise Answer(WRONG, f"limit must be a number from 1 to {MOST_ROWS}")
        gateway = self._node.gateway
        if gateway is None:
            raise Answer(UNREACHABLE, "this node has not joined its domain yet: no DSS has answered")
        directory = gateway.directory
        keys = directory.keys(Kind.SERVICE) if service_type is None else directory.services(service_type)
        distances, pattern = Distances(gateway, self._node.identity), _pattern(name)
        found: list[Offer] = []
        async for part in slices(list(keys)):
            wanted = (key for key in part if pattern is None or pattern.fullmatch(_name(key)))
            found = heapq.nsmallest(limit, [*found, *distances.nearest(wanted)], key=_order)
        return [self._row(gateway, offer) for offer in found]

    @staticmethod
    def _row(gateway: NodeGateway, offer: Offer) -> Row:
        service, node = offer.service, gateway.directory.node_of(offer.owner)
        return {
            "type": service.service_type,
            "type_name": SERVICE_TYPE_NAMES.get(service.service_type, ""),
            "name": service.name,
            "address": str(service.address),
            "ticks": offer.ticks,
            "hops": offer.hops,
            "owner": node.name if node else offer.owner.hex(),
        }


def _order(offer: Offer) -> tuple[int, int, int, str]:
    return offer.ticks, offer.hops, offer.service.service_type, offer.service.name


def _name(key: Key) -> str:
    return key[2]


def _pattern(name: str | None) -> re.Pattern[str] | None:
    """Return what names must match; only `*` and `?` mean something."""
    return None if name is None else re.compile(translate(name.replace("[", "[[]")), re.IGNORECASE)
