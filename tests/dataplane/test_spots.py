"""A forwarding table that tells of every change, and of nothing else."""

import pytest

from nwip.dataplane.forwarding import Forwarder, Way
from nwip.dataplane.spots import Located, Table
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.links.base import Counters
from nwip.links.memory import MemoryLink

KEY, OTHER = b"key", b"other"


class Told:
    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.table: Table[int] = Table(self.keys.append)

    def since(self) -> list[bytes]:
        keys, self.keys[:] = list(self.keys), []
        return keys


def test_what_becomes_another_is_told_and_what_stays_is_not() -> None:
    told = Told()
    told.table[KEY] = 1
    assert told.since() == [KEY]
    told.table[KEY] = 1
    assert told.since() == []
    told.table[KEY] = 2
    assert told.since() == [KEY]


def test_what_is_taken_out_is_told() -> None:
    told = Told()
    told.table[KEY] = told.table[OTHER] = 1
    told.since()
    assert told.table.pop(KEY, None) == 1
    assert told.table.pop(KEY, None) is None
    assert told.since() == [KEY]
    del told.table[OTHER]
    assert told.since() == [OTHER]
    told.table[KEY] = told.table[OTHER] = 1
    told.since()
    told.table.clear()
    assert sorted(told.since()) == [KEY, OTHER]
    assert told.table == {}


@pytest.mark.parametrize("name", ["hosts", "networks", "inward"])
def test_every_table_of_a_forwarder_tells_its_shortcuts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bytes] = []
    for method in ("forget", "forget_network"):
        monkeypatch.setattr(f"nwip.dataplane.spots.Shortcuts.{method}", lambda _, key: told.append(key))
    forwarder = Forwarder(lambda _inlet, _packet, _hop: None, 16)
    way = Way(MemoryLink("lan", 1, bytes(6)), None)
    getattr(forwarder, name)[KEY] = way
    assert told == [KEY]


class Star(Located, MemoryLink):
    """A link whose hosts hear each other only through us."""

    counters: Counters

    def __init__(self) -> None:
        MemoryLink.__init__(self, "star", 1, bytes(6))
        Located.__init__(self)
        self.star = True

    def spot(self, hop: object) -> None:
        """Nowhere: nothing is remembered of it."""


@pytest.mark.parametrize("source_is", ["there", "unknown", "elsewhere"])
def test_of_a_star_both_ends_are_remembered_so_both_must_be_there(
    source_is: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    star, elsewhere = Star(), MemoryLink("lan", 2, bytes(6))
    learned: list[bytes] = []
    monkeypatch.setattr("nwip.dataplane.spots.Shortcuts.learn", lambda *given, **_: learned.append(given[5]))
    forwarder = Forwarder(lambda _inlet, _packet, _hop: None, 16)
    packet = Packet(Address(1, b"\2there", 9), Address(1, b"\2comes", 9)).encode()
    forwarder.hosts[packet[6:16]] = Way(star, b"\2there")
    if source_is != "unknown":
        forwarder.hosts[packet[18:28]] = Way(star if source_is == "there" else elsewhere, b"\2comes")
    forwarder.forward(star, [(packet, b"\2comes")])
    assert learned == ([packet] if source_is == "there" else [])
