"""What a node says of its DSS, and what it makes of records that it left behind itself."""

import asyncio
import random
import socket
from collections import Counter
from pathlib import Path

import pytest

from nodes import dss, node, until
from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Endpoint, Node, Record
from nwip.dss.client import DssClient

pytestmark = pytest.mark.asyncio

LOWEST = bytes(16)


class Reasons:
    """A listener that counts why there is no session."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()

    def parameters_changed(self, parameters: Parameters) -> None: ...

    def directory_changed(self, changes: list[Change]) -> None: ...

    def session_opened(self, server: Endpoint) -> None: ...

    def session_closed(self, reason: str) -> None:
        self.told[reason] += 1


async def test_two_dss_that_are_both_away_are_each_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as first, socket.socket() as second:
        servers: list[Endpoint] = []
        for sock in (first, second):  # bound and not listening: refuses every connection
            sock.bind(("127.0.0.1", 0))
            servers.append(sock.getsockname()[:2])
        reasons, tries, enough = Reasons(), Counter[str](), asyncio.Event()
        client = DssClient(
            "x",
            b"N" * 16,
            "node",
            servers,
            boot=b"b" * 16,
            listener=reasons,
            random=random.Random(1),  # noqa: S311 - spreads reconnections, keeps no secret
        )

        def pause(*, whole_round: bool) -> float:
            tries["all"] += 1
            if tries["all"] == 8:
                enough.set()
            return 0.0

        monkeypatch.setattr(client, "_pause", pause)
        running = asyncio.ensure_future(client.run())
        async with asyncio.timeout(5):
            await enough.wait()
        await client.stop()
        await running
    assert len(reasons.told) == 2
    assert set(reasons.told.values()) == {1}


async def test_the_record_of_an_earlier_life_at_the_same_address_takes_no_number(tmp_path: Path) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        assert running.gateway is not None
        virtual = running.gateway.virtual
        number = virtual.node
        before = Node(number, "earlier life", [virtual.endpoint])
        running.directory_changed([Change(Record(LOWEST, 1, 1, before))])
        assert virtual.node == number
