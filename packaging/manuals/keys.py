"""The keys of `nwip.toml`, from the example file's comments and the words of the error messages."""

import re
from collections.abc import Iterator
from importlib import resources
from itertools import groupby
from typing import Final, NamedTuple

from nwip.config.keys import MENDS

_HEADER: Final = re.compile(r"#?(\[\[?([a-z]+)\]\]?)\Z")
_KEY: Final = re.compile(r"#?([a-z-]+) = (.+)\Z")


class Key(NamedTuple):
    """A key ("link.port"), how the example file writes it, and what it takes."""

    name: str
    written: str
    takes: str


class Entry(NamedTuple):
    """A comment of the example file, and the keys right below it; none where it is about the table."""

    text: str
    keys: tuple[Key, ...]


class Table(NamedTuple):
    """A table of the example file: its header ("[[link]]"), its `kind` if it has one, and what is in it."""

    header: str
    kind: str
    entries: tuple[Entry, ...]

    @property
    def title(self) -> str:
        """Its header, and of which kind it is."""
        return f'{self.header} of kind "{self.kind}"' if self.kind else self.header


class _Reading:
    """The table that is being read, and the comment that waits for what it is about."""

    def __init__(self) -> None:
        self.header = ""
        self.entries: list[Entry] = []
        self.comment: list[str] = []

    def end_comment(self, *keys: Key) -> None:
        text = " ".join(self.comment)
        if keys and not text and self.entries and self.entries[-1].keys:
            last = self.entries.pop()
            self.entries.append(Entry(last.text, last.keys + keys))
        elif text or keys:
            self.entries.append(Entry(text, keys))
        self.comment = []

    def table(self) -> Table:
        written = (key.written for entry in self.entries for key in entry.keys if key.name == "link.kind")
        kind = next(written, "").partition(" = ")[2].strip('"')
        return Table(self.header, kind, tuple(self.entries))


def tables() -> Iterator[Table]:
    """Give the tables of the example file in order; the first has no header, and says what the file is.

    Links of one kind that stand one after the other are one table: they are its ways to be written.
    """
    for (header, kind), alike in groupby(_read(), lambda table: (table.header, table.kind)):
        yield Table(header, kind, tuple(entry for table in alike for entry in table.entries))


def _read() -> Iterator[Table]:
    text = resources.files("nwip.config").joinpath("example.toml").read_text("utf-8")
    reading = _Reading()
    name = ""
    for line in text.splitlines():
        if header := _HEADER.match(line):
            introduction, reading.comment = reading.comment, []
            yield reading.table()
            reading = _Reading()
            reading.header, name = header[1], header[2]
            reading.comment = introduction
            reading.end_comment()
        elif key := _KEY.match(line):
            full = f"{name}.{key[1]}"
            reading.end_comment(Key(full, key[0].removeprefix("#"), MENDS[full]))
        elif line:
            reading.comment.append(line.removeprefix("#").strip())
        else:
            reading.end_comment()
    reading.end_comment()
    yield reading.table()
