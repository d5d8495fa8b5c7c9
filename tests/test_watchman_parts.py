"""What a watchman notices of the parts of a node: links, other DSSs, members. The parts are stand-ins."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nwip.dss.peer_session import PeerStatus
from nwip.links.base import Counters
from nwip.routing.alarms import Alarm
from nwip.security.statements import Member, Revocation
from nwip.watchman import Watchman

pytestmark = pytest.mark.asyncio

OTHER = b"o" * 16


class Link:
    def __init__(self, name: str) -> None:
        self.name = name
        self.counters = Counters()
        self.maximum_size = 1500


class Gateway:
    def __init__(self) -> None:
        self.virtual = Link("virtual")
        self.links = [Link("lan")]
        self.why: str | None = None

    def muted(self, link: Link) -> str | None:
        return self.why

    def standing(self, now: float) -> Iterator[tuple[Alarm, float]]:
        return iter(())

    def drops(self) -> dict[str, int]:
        return {}


def watchman(**parts: object) -> Watchman:
    names = ("dss", "client", "gateway", "inside", "party")
    return Watchman(cast("Any", SimpleNamespace(**(dict.fromkeys(names) | parts))), lambda: 0.0)


def told(watching: Watchman) -> list[str]:
    return [event.text for event in watching.events.last(100)]


async def test_links_that_come_go_and_are_taken_over() -> None:
    gateway = Gateway()
    watching = watchman(gateway=gateway, inside=gateway)
    watching.look()
    gateway.why = "another gateway routes on this LAN"
    watching.look()
    watching.look()
    gateway.why = None
    watching.look()
    gateway.links.clear()
    watching.look()
    assert told(watching) == [
        "link lan is open",
        "link lan: another gateway routes on this LAN",
        "link lan is served again",
        "link lan is closed",
    ]


async def test_what_a_link_shows_is_told_of() -> None:
    gateway = Gateway()
    watching = watchman(gateway=gateway, inside=gateway)
    gateway.links[0].counters.drop("too large")
    (row,) = watching.alarms()
    assert (row["kind"], row["about"], row["is_over"]) == ("too-large", "lan", False)


async def test_other_dss_that_come_and_go() -> None:
    peers = [PeerStatus(OTHER, "two", "192.0.2.2", True, 60.0, 0.5, 0.0, 1, 2, 0, True)]
    watching = watchman()
    watching._look_at_peers(peers)
    watching._look_at_peers(peers)
    watching._look_at_peers([])
    assert told(watching) == [
        "the dss two and the one here have a session",
        "the dss two and the one here have no session any more",
    ]


async def test_members_and_revocations_of_a_sealed_domain() -> None:
    listeners: list[Any] = []
    party = SimpleNamespace(node=SimpleNamespace(roster=SimpleNamespace(listeners=listeners)))
    watching = watchman(party=party)
    watching.start()
    try:
        (listener,) = listeners
        listener(Member(bytes(32), "node", "museum", (), 1))
        listener(Revocation(OTHER, 2, "museum"))
        await asyncio.sleep(0)
        assert [(event.kind, event.about) for event in watching.events.last(9)] == [
            ("member", "museum"),
            ("revoked", "museum"),
        ]
    finally:
        watching.close()
        watching.close()
