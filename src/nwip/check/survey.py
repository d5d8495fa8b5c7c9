"""Looks at all ports, of this machine or of another, and judges each; asyncio."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from nwip.check.asking import Way, ask
from nwip.check.findings import Finding, Heard, Held, State
from nwip.check.hosts import Target
from nwip.check.ports import TRANSPORTS
from nwip.check.processes import process_of
from nwip.check.sockets import held_sockets, is_privileged, try_to_bind
from nwip.check.verdicts import judge_free, judge_heard, judge_held

HERE: Final = "this machine"
HOSTS_AT_ONCE: Final = 32


async def survey_here(
    ports: Sequence[int], way: Way, nodes: Collection[int] = ()
) -> tuple[list[Finding], tuple[str, ...]]:
    """Return what is on the ports of this machine, and sentences on what could not be seen.

    `nodes` are the numbers of processes known to be nodes of nwip.
    """
    seen = await asyncio.to_thread(held_sockets, frozenset(ports))
    held = await asyncio.gather(*(_of_held(found, way, nodes) for found in _by_holder(seen.sockets)))
    taken = {(found.port, found.transport) for found in held}
    free = [
        _of_free(port, transport)
        for port in ports
        for transport in TRANSPORTS
        if (port, transport) not in taken
    ]
    return _in_order([*held, *free], ports), seen.notes


async def survey_there(target: Target, ports: Sequence[int], way: Way) -> list[Finding]:
    """Return what is on the ports of another host, as far as the wire can tell."""
    address = target.address
    if address is None:
        return []

    async def one(port: int, transport: str) -> Finding:
        heard = await ask(address, port, transport, way)
        judged = judge_heard(port, transport, heard)
        protocol = heard.spoken.text if heard.spoken else ""
        return Finding(target.name, port, transport, heard.state, *judged, address=address, protocol=protocol)

    asked = [one(port, transport) for port in ports for transport in TRANSPORTS]
    return _in_order(await asyncio.gather(*asked), ports)


async def survey_all(
    targets: Sequence[Target], ports: Sequence[int], way: Way, done: Callable[[], None]
) -> list[list[Finding]]:
    """Return what is on the ports of each host, in order; `done` is called as each is through."""
    room = asyncio.Semaphore(HOSTS_AT_ONCE)

    async def one(target: Target) -> list[Finding]:
        async with room:
            found = await survey_there(target, ports, way)
        done()
        return found

    return await asyncio.gather(*map(one, targets))


def is_there(findings: Iterable[Finding]) -> bool:
    """Say whether a host has shown any sign of life."""
    return any(found.state in {State.OPEN, State.CLOSED} for found in findings)


async def _of_held(sockets: Sequence[Held], way: Way, nodes: Collection[int]) -> Finding:
    held = sockets[0]
    process = await asyncio.to_thread(process_of, held, nodes)
    heard = Heard(State.SILENT)
    if not held.outgoing:
        for address in (place for one in sockets for place in _asked_at(one.address)):
            answer = await ask(address, held.port, held.transport, way)
            heard = answer if answer.spoken or not heard.said else heard
            if heard.spoken:
                break
    judged = judge_held(held, process, heard, privileged=is_privileged())
    addresses = ", ".join(dict.fromkeys(one.address for one in sockets))
    protocol = heard.spoken.text if heard.spoken else ""
    return Finding(HERE, held.port, held.transport, State.HELD, *judged, addresses, process, protocol)


def _of_free(port: int, transport: str) -> Finding:
    judged = judge_free(try_to_bind(port, transport))
    state = State.FREE if judged.verdict == "free" else State.HELD
    return Finding(HERE, port, transport, state, *judged)


def _by_holder(sockets: Sequence[Held]) -> list[list[Held]]:
    """Return what one process has of a port together; what is of nobody known, each by itself."""
    holders: dict[tuple[object, ...], list[Held]] = {}
    for held in sorted(sockets, key=lambda found: ":" in found.address):
        who = held.address if held.pid is None else held.pid
        holders.setdefault((held.port, held.transport, held.outgoing, who), []).append(held)
    return list(holders.values())


def _asked_at(address: str) -> tuple[str, ...]:
    """Return where to ask a socket that is bound to an address."""
    if address in {"", "0.0.0.0"}:
        return ("127.0.0.1",)
    return ("::1", "127.0.0.1") if address == "::" else (address,)


def _in_order(findings: Iterable[Finding], ports: Sequence[int]) -> list[Finding]:
    return sorted(findings, key=lambda found: (ports.index(found.port), found.transport, found.address))
