"""Sends what is known to go on of a batch, because not all of it is: the odd ones stay.

Fast path, of the second kind: what is odd is found by column, and left out of columns and lists. It then goes
the way of single packets; the packets of one flow, a source and a destination, keep their order. A *selector*
has an octet for each packet, 1 or 0.
"""

from collections.abc import Sequence
from itertools import compress, repeat
from typing import Final

from nwip.dataplane.arena import SLOTS, STRIDE
from nwip.dataplane.counting import count_in, count_out
from nwip.dataplane.flows import Exit, Flows
from nwip.dataplane.headers import fill_networks_of, raise_hops_besides
from nwip.dataplane.mixed import Mixed, mixed
from nwip.dataplane.pings import address_to_all
from nwip.dataplane.repeating import is_plain

_ALL: Final = [b"\1" * count for count in range(SLOTS + 1)]


def forward_some(flows: Flows, keys: tuple[bytes, ...], count: int) -> list[int]:
    """Send what may go by any way; return the slots of the others."""
    batch = mixed(flows, keys, count)
    left = bytearray(_ALL[count])
    fit = left.copy()
    for slot in batch.odd:
        fit[slot] = 0
    for way in flows.exits:
        going = _send_some(flows, way, batch, fit)
        if going is not None:
            fit, left = _without(fit, going), _without(left, going)
    if flows.repeat is not None and flows.everyone in batch.destinations:
        for slot in _spoken(flows, batch):
            left[slot] = 0
            if batch.short:
                fill_networks_of(flows.arena.buffer, [slot], flows.network)
            length, name = batch.octets_of((slot,)), batch.came_by(slot)
            count_in(flows, [name], 1, length)
            flows.repeat(flows.arena, (slot,), length, batch.sources[slot], name)
    return [*compress(range(count), left)]


def _send_some(flows: Flows, way: Exit, batch: Mixed, fit: bytearray) -> bytearray | None:
    """Send what is fit and may go by one way; return which these are, None if none is."""
    buffer, count = flows.arena.buffer, len(fit)
    places = [*map(way.names.get, batch.destinations, repeat(b""))]
    going = _going(flows, way, batch, places, fit)
    if 1 not in going:
        return None
    apart = _zeros(going)
    if batch.short:
        fill_networks_of(buffer, compress(range(count), going), flows.network)
    if way.raises:
        raise_hops_besides(buffer, count, apart)
    if way.pings_all:
        address_to_all(buffer, [slot for slot in batch.pings if going[slot]])
    high, low, came = batch.high.copy(), batch.low.copy(), list(batch.came)
    for slot in reversed(apart):
        del places[slot], high[slot], low[slot]
        if len(batch.came) > 1:
            del came[slot]
    way.some.leave_out(apart, count)
    way.some.set_lengths(high, low)
    refused = way.some.send(way.target.fileno(), b"".join(places), len(places))
    octets = (sum(high) << 8) + sum(low)
    count_in(flows, came, len(places), octets)
    count_out(way, places, len(places), octets, refused)
    return going


def _going(flows: Flows, way: Exit, batch: Mixed, places: list[bytes], fit: bytearray) -> bytearray:
    """Return which of the fit packets may go by one way; an unknown place has no octets."""
    going, slot = fit.copy(), -1
    for _ in range(places.count(b"")):
        slot = places.index(b"", slot + 1)
        going[slot] = 0
    for slot in _not_believed(way, batch):
        going[slot] = 0
    if way.maximum < flows.maximum:
        for slot in range(len(fit)):
            if batch.octets_of((slot,)) > way.maximum:
                going[slot] = 0
    return going


def _zeros(selector: bytearray) -> list[int]:
    """Return the slots that are not selected."""
    slots: list[int] = []
    at = selector.find(0)
    while at >= 0:
        slots.append(at)
        at = selector.find(0, at + 1)
    return slots


def _without(selector: bytearray, others: bytearray) -> bytearray:
    """Return what is selected and not among `others`, each of which is."""
    differ = int.from_bytes(selector, "little") ^ int.from_bytes(others, "little")
    return bytearray(differ.to_bytes(len(selector), "little"))


def _not_believed(way: Exit, batch: Mixed) -> Sequence[int]:
    """Return the slots of packets whose source is not known to be where they came from."""
    sources, came = batch.sources, batch.came
    if len(came) == 1:
        source = sources[0]
        if b"".join(sources) == source * len(sources):
            return () if way.sources.get(source) == came[0] else range(len(sources))
        came = (came[0],) * len(sources)
    names = (*map(way.sources.get, sources),)
    if names == (*came,):
        return ()
    pairs = enumerate(zip(names, came, strict=True))
    return [slot for slot, (name, address) in pairs if name != address]


def _spoken(flows: Flows, batch: Mixed) -> list[int]:
    """Return the broadcasts that may be repeated; behind one that may not, none of the same source may."""
    spoken: list[int] = []
    silent: set[bytes] = set()
    for slot, destination in enumerate(batch.destinations):
        source = batch.sources[slot]
        if destination != flows.everyone or source in silent:
            continue
        is_usual = slot not in batch.odd and slot not in batch.pings
        is_known = is_usual and flows.speakers.get(source) == batch.came_by(slot)
        if is_known and is_plain(flows.arena.buffer, slot * STRIDE):
            spoken.append(slot)
        else:
            silent.add(source)
    return spoken
