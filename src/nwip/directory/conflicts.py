"""Claims that contradict each other: one network number for two segments, one service at two addresses. Pure.

Several offers of a key are no conflict as such: the same network by two ways, and the same service seen by
two gateways, are alternates, of which the best answers. A conflict is

- a service whose owners name different addresses;
- a network that two nodes say is their own segment (0 hops). Gateways that take turns on one LAN say so (see
  `lans.py`); of others records do not say whether that is one LAN or two with one number, so whoever reads it
  has to look;
- a network with the number of the virtual network, which no segment may have.

Two nodes that say they take turns, and are in different turns, are a *takeover*: the one before has died, and
its lease has not ended. That is a conflict only if it lasts: then both live, on two LANs with one number or
on two halves of a LAN. In the same turn they are one at once.
"""

from collections.abc import Sequence
from typing import NamedTuple

from nwip.directory.lans import is_turn
from nwip.directory.records import Key, Kind, Record, Route, Service


class Conflict(NamedTuple):
    """Claims of one key by different owners; `virtual` says that the number is the virtual network's.

    `turns` says that all claim to take turns on one LAN; a `takeover` is a conflict only if it lasts.
    """

    key: Key
    claims: tuple[Record, ...]
    virtual: bool = False
    turns: bool = False
    takeover: bool = False


def conflict_of(offers: Sequence[Record], virtual_network: int) -> Conflict | None:
    """Return the conflict among the claims to one key, None when they agree or are alternates."""
    if offers and offers[0].key == (Kind.ROUTE, virtual_network, ""):
        return Conflict(offers[0].key, tuple(offers), virtual=True)
    if len(offers) < 2:
        return None
    claims = tuple(record for record in offers if _is_claim(record))
    if len({_place(record) for record in claims}) < 2:
        return None
    turns = [value.turn for record in claims if isinstance(value := record.value, Route) and is_turn(value)]
    in_turns = len(turns) == len(claims)
    takeover = in_turns and len(set(turns)) == len(turns)
    return Conflict(claims[0].key, claims, turns=in_turns, takeover=takeover)


def _is_claim(record: Record) -> bool:
    match record.value:
        case Service():
            return True
        case Route(hops=hops):
            return hops == 0
        case _:
            return False


def _place(record: Record) -> tuple[int, bytes, int] | bytes:
    """Return what must be one for all claims of a key: a service's address; of a segment the owner."""
    value = record.value
    return (value.network, value.node, value.socket) if isinstance(value, Service) else record.owner
