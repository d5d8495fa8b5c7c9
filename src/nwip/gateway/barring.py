"""Packets of who is banned by node number, or for him: nobody passes them on. Pure."""

from collections.abc import Sequence
from typing import Final

from nwip.links.base import Arrival, Counters
from nwip.security.bans import Bans

BANNED: Final = "banned"

_SOURCE_NODE: Final = slice(22, 28)  # of a packet
_DESTINATION_NODE: Final = slice(10, 16)


def let_through(batch: Sequence[Arrival], bans: Bans | None, counters: Counters) -> Sequence[Arrival]:
    """Return a batch without what comes from banned hosts or is for them, on whatever network they are."""
    if bans is None or not bans.names_nodes:
        return batch
    out = bans.keeps_out_node
    let = [
        each
        for each in batch
        if not out(each.packet[_SOURCE_NODE]) and not out(each.packet[_DESTINATION_NODE])
    ]
    if len(let) < len(batch):
        counters.drop(BANNED, len(batch) - len(let))
    return let
