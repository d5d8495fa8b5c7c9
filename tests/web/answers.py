"""A node's answers as a test wants them, and what watches them without a node."""

from collections.abc import Mapping

from starlette.testclient import TestClient

from nwip.control import NodeRefused, NodeUnreachable
from nwip.web.application import Exposition, application
from nwip.web.asking import PERIOD, Asker
from nwip.web.facts import Facts
from nwip.web.guard import Guard
from nwip.web.watching import Watching

ABOUT: dict[str, object] = {
    "domain": "museum.nwip",
    "network": "00C0FFEE",
    "name": "west",
    "node": "7E010A000001",
    "dss": ["10.0.0.1:396"],
    "forwards": True,
    "servers": [
        {"name": "west", "identity": "aa" * 16, "sessions": ["10.0.0.1:396"], "here": True, "asked": True},
        {"name": "east", "identity": "bb" * 16, "sessions": ["10.0.1.1:396"], "here": False, "asked": False},
    ],
}
STATUS: dict[str, object] = {
    "identity": "aa" * 16,
    "name": "west",
    "domain": "museum.nwip",
    "role": "primary",
    "primary": {"identity": "aa" * 16, "name": "west"},
    "rank": {"term": 1, "version": 3},
    "sessions": {"nodes": 3, "readers": 0},
    "records": {"service": 2, "route": 1},
    "owners": {"live": 3},
    "refused": 0,
    "store": {"kind": "sqlite", "saved": 2.0, "waiting": 0, "problem": ""},
    "peers": [
        {"identity": "bb" * 16, "name": "east", "address": "10.0.1.1:2010", "since": 60.0, "last_heard": 1.0,
         "lag": 22.0, "records_in": 4, "records_out": 5},
    ],
    "conflicts": [{"about": "network 0000001A", "claims": [{"owner": "west", "value": "1 hop"}]}],
    "alarms": ["the dss east has differed for 22 seconds: compare the two with 'nwip dss diff'"],
}  # fmt: skip


def node(name: str, number: int, **more: object) -> dict[str, object]:
    return {
        "name": name,
        "node": f"7E010A00{number:04X}",
        "endpoints": [f"10.0.{number >> 8}.{number & 255}:43981"],
        "hosts": 1,
        "age": 1.5,
        "self": False,
        "packets_in": 0,
        "packets_out": 0,
        "octets_in": 0,
        "octets_out": 0,
        **more,
    }


def link(name: str, **more: object) -> dict[str, object]:
    return {
        "name": name,
        "kind": "dosbox",
        "network": "00C0FFEE",
        "joined": True,
        "state": "",
        "why": "",
        "hosts": 1,
        "packets_in": 0,
        "packets_out": 0,
        "drops": {"source not admitted": 0},
        "where": {"listens on": "UDP 10.0.0.1:213"},
        **more,
    }


def answers(**more: object) -> dict[str, object]:
    """Return what a node of three says; `more` in place of the usual."""
    usual: dict[str, object] = {
        "about": ABOUT,
        "nodes": [node("west", 1, self=True), node("east", 0x101), node("north", 0x201)],
        "links": [link("virtual", kind="virtual"), link("doom")],
        "clients": [
            {"link": "doom", "node": "02005E000107", "address": "192.0.2.7:40000", "since": 61.0,
             "silent": 2.0, "packets_in": 5, "packets_out": 6},
        ],
        "alarms": [],
        "services": [
            {"type": 4, "type_name": "file server", "name": "ARCHIVE",
             "address": "0000001A.000000000001.0451", "hops": 1, "owner": "east", "age": 3.0},
        ],
        "routes": [
            {"network": "0000001A", "hops": 1, "ticks": 2, "owner": "east", "next": "7E010A000101"},
        ],
        "dss-status": STATUS,
    }  # fmt: skip
    return usual | more


class Node:
    """Gives `answers`; a question that is not in them is refused. With `is_down` nobody answers."""

    def __init__(self, given: Mapping[str, object] | None = None) -> None:
        self.answers = dict(answers() if given is None else given)
        self.is_down = False
        self.asked: list[str] = []
        self.now = 1000.0
        self.takes = 0.0

    def ask(self, question: str) -> object:
        self.asked.append(question)
        self.now += self.takes
        if self.is_down:
            raise NodeUnreachable("no nwip node is running here")
        if question not in self.answers:
            raise NodeRefused(1, "this node runs no DSS")
        answer = self.answers[question]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def clock(self) -> float:
        return self.now


class Watched:
    """A node, and the watching of it: `look` passes time and takes what there is."""

    def __init__(self, given: Mapping[str, object] | None = None) -> None:
        self.node = Node(given)
        self._asker = Asker(self.node.ask, self.node.clock)
        self.watching = Watching(self._asker.look, self.node.clock, epoch=1_700_000_000.0)

    def look(self, **more: object) -> Facts:
        self.node.now += PERIOD
        self.node.answers |= more
        facts = self._asker.look()
        self.watching.take(facts)
        return facts

    def client(self, exposition: Exposition | None = None) -> TestClient:
        app = Guard(application(self.watching, exposition), port=8396)
        return TestClient(app, base_url="http://127.0.0.1:8396")
