"""A control socket with canned answers, on a loop in a thread, for commands that block."""

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from click.testing import CliRunner, Result

from nwip.cli.main import cli
from nwip.control import Answer, ControlServer, Conversation, Handler

NEVER = object()


class RunningNode:
    """Answers each question with what it was given, an `Answer` by raising it, `NEVER` not at all.

    A `Conversation` is held. Keeps what it was asked.
    """

    def __init__(self, path: Path, answers: Mapping[str, object]) -> None:
        self.path = path
        self.asked: list[Mapping[str, object]] = []
        self.was_asked = threading.Event()
        self._answers = answers
        self._server = ControlServer(path, {name: self._handler(name) for name in answers})
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def nwip(self, *arguments: str) -> Result:
        """Run a command that asks this node."""
        return nwip(*arguments, "--control", str(self.path))

    def _handler(self, name: str) -> Handler | Conversation:
        given = self._answers[name]
        if isinstance(given, Conversation):
            return given

        async def handle(request: Mapping[str, object]) -> object:
            self.asked.append(request)
            self.was_asked.set()
            answer = self._answers[name]
            if answer is NEVER:
                await self._loop.create_future()
            if isinstance(answer, Answer):
                raise answer
            return answer

        return handle


def nwip(*arguments: str) -> Result:
    """Run the command line in this process; anything but an exit shows as it is."""
    return CliRunner().invoke(cli, arguments, prog_name="nwip", catch_exceptions=False)


SERVICES = [
    {
        "type": 4,
        "type_name": "file server",
        "name": "MUSEUM",
        "address": "00ABCD01.000000000001.0451",
        "hops": 2,
        "owner": "museum",
        "age": 3.25,
    },
    {
        "type": 0x9999,
        "type_name": "",
        "name": "[red]EVIL\x1b]0;x\x07\x9b2J",
        "address": "00ABCD02.000000000001.4000",
        "hops": 12,
        "owner": "",
        "age": 200.0,
    },
]
ROUTES = [
    {"network": "00ABCD01", "hops": 1, "ticks": 3, "owner": "museum", "next": "7E010A000001"},
    {"network": "00ABCD02", "hops": 11, "ticks": 120, "owner": "barn", "next": "7E010A000002"},
]
NODES = [
    {
        "name": "museum",
        "node": "7E010A000001",
        "endpoints": ["10.0.0.1:43981", "[2001:db8::1]:43981"],
        "hosts": 3,
        "age": 0.4,
        "self": True,
    },
    {
        "name": "barn",
        "node": "7E010A000002",
        "endpoints": ["10.0.0.2:43981"],
        "hosts": 0,
        "age": 7200,
        "self": False,
    },
]
LINKS = [
    {
        "name": "dosbox",
        "kind": "dosbox",
        "network": "4E574950",
        "joined": True,
        "hosts": 2,
        "packets_in": 1000,
        "packets_out": 2000,
        "octets_in": 100000,
        "octets_out": 200000,
        "drops": {"hops": 0, "full": 4},
        "where": {"udp": "127.0.0.1:10213"},
    }
]
CLIENTS = [
    {
        "link": "dosbox",
        "node": "02005E000107",
        "address": "192.0.2.7:40000",
        "since": 90061.0,
        "silent": 12.0,
        "packets_in": 5,
        "packets_out": 6,
    }
]
RESOLVED = [{"kind": "service", "name": "MUSEUM", "address": "00ABCD01.000000000001.0451"}]
PINGED = {
    "address": "4E574950.FFFFFFFFFFFF.0002",
    "sent": 2,
    "replies": [
        {"from": "4E574950.7E010A000001", "seconds": 0.0004},
        {"from": "4E574950.7E010A000002", "seconds": 0.02},
        {"from": "4E574950.7E010A000001", "seconds": 0.0006},
    ],
}
EVERYTHING: dict[str, object] = {
    "services": SERVICES,
    "routes": ROUTES,
    "nodes": NODES,
    "links": LINKS,
    "alarms": [{"alarm": "link lan: a router says 0000001A"}],
    "clients": CLIENTS,
    "resolve": RESOLVED,
    "ping": PINGED,
}
