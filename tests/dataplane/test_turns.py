"""How much a port takes before the loop has its turn: whole batches of what is known, few of what is not."""

import contextlib
from collections.abc import Iterator, Sequence

import pytest

from dataplane.relay import ALICE, BOB, NETWORK, Relay, relay
from dataplane.twins import packet
from nwip.dataplane.arena import SLOTS, Arena
from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.port import Datagram
from nwip.dataplane.portable import BUDGET

pytestmark = [pytest.mark.asyncio, pytest.mark.skipif(not IS_THERE, reason="batches are Linux's")]

KNOWN = packet(NETWORK, ALICE, NETWORK, BOB)
STRANGE = b"strange"


@contextlib.contextmanager
def taking(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Relay, list[int]]]:
    """Open a relay; the list is of how many datagrams the kernel was asked for."""
    asked: list[int] = []
    receive = Arena.receive

    def noted(arena: Arena, descriptor: int, most: int = SLOTS) -> int:
        asked.append(most)
        return receive(arena, descriptor, most)

    monkeypatch.setattr(Arena, "receive", noted)
    with relay(joins=False) as made:
        yield made, asked


async def test_few_are_taken_at_once_until_most_are_known_and_again_when_they_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with taking(monkeypatch) as (made, asked):
        for data in (KNOWN, STRANGE, KNOWN):
            made.sender.sendto(data, made.port.endpoint)
            made.port._drain()
        assert asked == [BUDGET, SLOTS, BUDGET]
        assert (made.look(), made.reported) == (3, [STRANGE])


async def test_what_is_strange_all_at_once_is_reported_in_parts_and_no_further_when_the_port_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for closes in (False, True):
        with taking(monkeypatch) as (made, _):
            made.sender.sendto(KNOWN, made.port.endpoint)
            made.port._drain()
            sizes: list[int] = []

            def received(batch: Sequence[Datagram], made: Relay = made, sizes: list[int] = sizes) -> None:
                sizes.append(len(batch))
                if closes:  # noqa: B023 - of this turn
                    made.port.close()

            made.port._received = received
            for _ in range(SLOTS):
                made.sender.sendto(STRANGE, made.port.endpoint)
            made.port._drain()
            assert sizes == [BUDGET] * (1 if closes else SLOTS // BUDGET)
