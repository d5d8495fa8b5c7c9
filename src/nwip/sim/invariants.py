"""What must hold in every domain, whatever has happened to it. Pure.

Each check yields sentences that say what is broken, none when it holds.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from nwip.directory.records import Key, Kind, Value
from nwip.directory.table import Directory
from nwip.dss.client_engine import ClientEngine
from nwip.dss.comparison import digest_message
from nwip.dss.events import SnapshotRead
from nwip.sim.machines import DssMachine, NodeMachine

Holding = dict[tuple[bytes, Key], Value]


def held(directory: Directory) -> Holding:
    """Return what a directory holds of owners that were heard."""
    return {
        (owner, record.key): record.value
        for owner in directory.heard_owners()
        for record in directory.of_owner(owner)
    }


def expected(nodes: Iterable[NodeMachine]) -> Holding:
    """Return what the living nodes offer."""
    return {(node.identity, value.key): value for node in nodes if node.up for value in node.offers.values()}


def converged(dsss: Iterable[DssMachine], nodes: Iterable[NodeMachine]) -> Iterator[str]:
    """Nothing acknowledged is lost, nothing withdrawn is back, and all agree: for a domain left in peace."""
    dsss, nodes = [dss for dss in dsss if dss.up], list(nodes)
    wanted = expected(nodes)
    for dss in dsss:
        yield from _differences(dss.name, wanted, held(dss.server.directory))
    for left, right in pairwise(dsss):
        if digest_message(left.server.directory) != digest_message(right.server.directory):
            yield f"{left.name} and {right.name} have different digests"
        if left.server.parameters != right.server.parameters:
            yield f"{left.name} and {right.name} have different parameters"
    for node in nodes:
        if not node.up:
            continue
        if not node.connected:
            yield f"{node.name} has found no dss"
            continue
        kinds = {Kind(kind) for kind in node.kinds}
        part = {place: value for place, value in wanted.items() if place[1][0] in kinds}
        yield from _differences(node.name, part, held(node.engine.directory))
        if dsss and node.engine.parameters != dsss[0].server.parameters:
            yield f"{node.name} has other parameters than {dsss[0].name}"


def no_half_snapshot(dsss: Iterable[DssMachine], least: Holding, now: float) -> Iterator[str]:
    """See that a reader which a DSS lets in is told, up to the snapshot's end, all that is settled."""
    for dss in dsss:
        if not dss.up or dss.server.is_held:
            continue
        reader = ClientEngine(
            "", b"reader reader 16", "reader", boot=bytes(16), kinds=tuple(Kind), role="reader"
        )
        session = dss.server.open("127.0.0.1", dss.now)
        reader.connected(now)
        complete = False
        while not complete:
            up = reader.take()
            if up:
                dss.server.receive(session, up, dss.now)
            down = session.take(dss.now)
            if not (up or down):
                break
            complete = any(isinstance(event, SnapshotRead) for event in reader.receive(down, now))
        found = held(reader.directory)
        if not complete:
            yield f"{dss.name} did not end its snapshot"
        for owner, key in least.keys() - found.keys():
            yield f"{dss.name} told a half snapshot: {key} of {owner.hex()[-4:]} is missing"
        dss.server.lost(session)


def the_dead_are_gone(
    dsss: Iterable[DssMachine], nodes: Iterable[NodeMachine], now: float, limit: float
) -> Iterator[str]:
    """Nowhere is anything heard of a node that has been dead for `limit` seconds, cut off or not."""
    nodes = list(nodes)
    dead = {
        node.identity: node.name for node in nodes if node.died_at is not None and now - node.died_at > limit
    }
    tables = [(dss.name, dss.server.directory) for dss in dsss if dss.up]
    tables += [(node.name, node.engine.directory) for node in nodes if node.connected]
    for name, directory in tables:
        for identity in dead.keys() & set(directory.heard_owners()):
            if directory.has_records(identity) and name != dead[identity]:
                yield f"{name} still holds records of {dead[identity]}"


def _differences(where: str, wanted: Holding, found: Holding) -> Iterator[str]:
    for owner, key in wanted.keys() - found.keys():
        yield f"{where} has lost {key} of {owner.hex()[-4:]}"
    for owner, key in found.keys() - wanted.keys():
        yield f"{where} holds {key} of {owner.hex()[-4:]}, which nobody offers"
    for place in wanted.keys() & found.keys():
        if wanted[place] != found[place]:
            yield f"{where} has another value of {place[1]}"
