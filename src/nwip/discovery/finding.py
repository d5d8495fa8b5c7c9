"""Finds a DSS: goes the ways in order, and asks whoever each of them names until one answers.

Source of the order: SCO's NetWare/IP manual (preferred list, then DNS) and RFC 2242 (DHCP, nearest servers,
the tries of each DSS and the seconds between). I/O and time are handed in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from nwip.directory.records import Endpoint, endpoint_text
from nwip.discovery.steps import Hints, Say, Source, Step, Way
from nwip.dss.conversation import end_tasks
from nwip.dss.messages import Hello, Refused

CANDIDATE_LIMIT: Final = 16  # of one way; what names more is not to be trusted with more

Probe = Callable[[Endpoint, str], Awaitable[Hello | Refused | None]]
Pause = Callable[[float], Awaitable[None]]


class Found(NamedTuple):
    """A DSS that answers: its domain, and all that its way named but for those that refused, in order."""

    way: Way
    domain: str
    answering: Endpoint
    servers: list[Endpoint]


async def find(
    hints: Hints, ways: Mapping[Way, Source], *, probe: Probe, pause: Pause, say: Say
) -> Found | None:
    """Return what the first way finds that leads to a DSS of the domain; None when none does.

    `say` learns each step as it is done. `pause` sleeps.
    """
    for way in sorted(ways, key=list(Way).index):
        candidates = list(dict.fromkeys(await ways[way](hints, say)))[:CANDIDATE_LIMIT]
        found = await _first_to_answer(way, candidates, hints, probe, pause, say)
        if found is not None:
            return found
    return None


async def _first_to_answer(  # noqa: PLR0917 - all of them are the caller's own
    way: Way, candidates: list[Endpoint], hints: Hints, probe: Probe, pause: Pause, say: Say
) -> Found | None:
    refused: set[Endpoint] = set()
    for attempt in range(max(1, hints.autoretries)):
        silent = [server for server in candidates if server not in refused]
        if not silent:
            return None
        if attempt:
            say(Step(way, "the same once more", f"after {hints.autoretry_secs:g} s", helps=False))
            await pause(hints.autoretry_secs)
        # All are asked at once, and heard in their order: one that is silent holds nobody up.
        asked = [asyncio.ensure_future(probe(server, hints.domain)) for server in silent]
        try:
            for server, question in zip(silent, asked, strict=True):
                answer = await question
                say(_step(way, server, answer))
                if isinstance(answer, Hello):
                    return Found(way, answer.domain, server, [at for at in candidates if at not in refused])
                if answer is not None:
                    refused.add(server)
        finally:
            await end_tasks(*asked)
    return None


def _step(way: Way, server: Endpoint, answer: Hello | Refused | None) -> Step:
    asked = f"DSS at {endpoint_text(server)}"
    match answer:
        case Hello(domain=domain):
            return Step(way, asked, f"answers for the domain {domain}", helps=True)
        case Refused(text=text):
            return Step(way, asked, f"refuses: {text}", helps=False)
        case None:
            return Step(way, asked, "does not answer", helps=False)
