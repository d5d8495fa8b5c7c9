"""Who is in the domain: which nodes and DSSs have come, which have left, and which are gone without a word.

Pure. Fed with the changes of the replica. A node that stops withdraws what it has registered; of one that has
lost its power or its line only the lease ends. That is an alarm, until the node is back.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from nwip.directory.records import Change, Dss, Key, Kind, Node
from nwip.directory.table import Directory
from nwip.routing.alarms import Alarm

GONE_LIMIT: Final = 128  # that are missed at a time; who went first is missed no longer
MISSED_FOR: Final = 86_400.0  # seconds after which who has not come back is missed no longer

WORDS: Final = {Kind.NODE: "node", Kind.DSS: "dss"}


class Turn(NamedTuple):
    """Somebody came or went: the kind of event, the name, and a sentence."""

    kind: str
    about: str
    text: str


class Presences:
    """The nodes and DSSs that are there, as `directory` tells, and those that are missed.

    Until `complete` is set nobody is news: they were there before.
    """

    def __init__(self, directory: Directory) -> None:
        self.complete = False
        self._directory = directory
        self._there: dict[Key, str] = {}
        self._gone: dict[Key, tuple[str, float]] = {}

    def take(self, changes: Iterable[Change], now: float) -> list[Turn]:
        """Take in changes of the directory, which holds them already; return who came and went."""
        touched = {
            (change.record.key[0], change.record.owner, "")
            for change in changes
            if isinstance(change.record.value, Node | Dss)
        }
        turns = []
        for key in sorted(touched):
            name, before = self._name_of(key), self._there.get(key)
            if name is not None:
                self._there[key] = name
                if before is None and self.complete:
                    turns.append(self._came(key, name))
            elif before is not None:
                del self._there[key]
                turns.append(self._went(key, before, now))
        return turns

    def missed(self, now: float) -> list[Alarm]:
        """Return an alarm for each that is gone without a word."""
        for key, (_, since) in tuple(self._gone.items()):
            if since + MISSED_FOR <= now:
                del self._gone[key]
        return [
            Alarm(
                f"{WORDS[key[0]]}-gone",
                name,
                f"{WORDS[key[0]]} {name} has gone without a word: see to its machine, and to the line there",
                str(key[1]),
            )
            for key, (name, _) in self._gone.items()
        ]

    def _came(self, key: Key, name: str) -> Turn:
        word = WORDS[key[0]]
        back = self._gone.pop(key, None) is not None
        return Turn(f"{word}-joined", name, f"{word} {name} is back" if back else f"{word} {name} has joined")

    def _went(self, key: Key, name: str, now: float) -> Turn:
        word, owner = WORDS[key[0]], key[1]
        directory = self._directory
        if isinstance(owner, bytes) and (directory.is_live(owner) or directory.has_left(owner)):
            return Turn(f"{word}-left", name, f"{word} {name} has left")
        self._gone[key] = (name, now)
        if len(self._gone) > GONE_LIMIT:
            del self._gone[next(iter(self._gone))]
        return Turn(f"{word}-gone", name, f"{word} {name} has gone: its lease has ended")

    def _name_of(self, key: Key) -> str | None:
        """Return the name of who is there, None when nobody is."""
        kind, owner, _ = key
        if not isinstance(owner, bytes):
            return None
        if kind is Kind.NODE:
            node = self._directory.node_of(owner)
            return None if node is None else node.name or owner.hex()
        record = self._directory.standing(owner, key)
        if record is None or not isinstance(record.value, Dss):
            return None
        return record.value.name or owner.hex()
