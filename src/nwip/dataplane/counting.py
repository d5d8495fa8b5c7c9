"""Writes down what went on in a batch: in the books of two links, and in the tallies of two ports.

Fast path. Once a batch and not once a packet; C counts the peers.
"""

from collections import _count_elements  # type: ignore[attr-defined] # what `Counter` counts with, in C
from collections.abc import Sequence
from typing import Final

from nwip.dataplane.flows import Exit, Flows
from nwip.dataplane.tally import add

REFUSED: Final = "refused by the kernel"


def count_in(flows: Flows, names: Sequence[bytes], count: int, octets: int) -> None:
    """Count packets that came in from `names`, one for each packet or one for all."""
    books, tally = flows.books, flows.tally
    books.packets_in += count
    books.octets_in += octets
    _count(tally.packets_in, names, count)
    tally.sample(tally.octets_in, names, octets)


def count_out(way: Exit, names: Sequence[bytes], count: int, octets: int, refused: int) -> None:
    """Count packets that went out to `names`, one for each packet or one for all; some were refused."""
    books, tally = way.books, way.target.tally
    _count(tally.packets_out, names, count)
    tally.sample(tally.octets_out, names, octets)
    if refused:
        books.drop(REFUSED, refused)
        octets -= octets * refused // count  # which were refused is not known
    books.packets_out += count - refused
    books.octets_out += octets


def _count(packets: dict[bytes, int], names: Sequence[bytes], count: int) -> None:
    if len(names) == 1:
        add(packets, names[0], count)
    else:
        _count_elements(packets, names)
