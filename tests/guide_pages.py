"""The guides of `docs/guides` as tests read them: blocks, the files in them, and the commands.

A block is what stands between two fences; the word behind the first says what it is:

    toml      a file; a first line "# NAME" or "# NAME at PLACE" says its name and which machine's it is
    console   commands behind "$ " or "MACHINE$ ", and lines of what they print; a command goes on behind "\\"
    dosbox    what is typed in DOSBox
    zone      a zone of DNS; a first line "; zone NAME ..." or "; in zone NAME" says which
    output    what a command prints
    text      what is typed or saved on an old machine, or elsewhere outside nwip

A block is *untried* when the paragraph right before it begins with "*Untried here:*".
"""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

GUIDES: Final = Path(__file__).parent.parent / "docs" / "guides"
UNTRIED: Final = "*Untried here:*"
KINDS: Final = frozenset({"toml", "console", "dosbox", "zone", "output", "text"})

_COMMAND: Final = re.compile(r"(?P<machine>[a-z0-9-]*)\$ (?P<line>.*)\Z")
_CONTINUED: Final = re.compile(r" *\\\n *")
_FILE: Final = re.compile(r"# (?P<name>[a-z-]+\.toml)(?: at (?P<machine>.+))?\Z")
_OPERATORS: Final = frozenset({"|", ">", ">>"})


class Command(NamedTuple):
    """A line that is typed: on which machine ("" is the page's first), what, and what it prints here."""

    machine: str
    line: str
    prints: tuple[str, ...]

    @property
    def parts(self) -> list[list[str]]:
        """The words of each program of the line; a pipe stands between two, and `> FILE` belongs to none."""
        lexer = shlex.shlex(self.line, posix=True, punctuation_chars="|>")
        lexer.whitespace_split = True
        lexer.commenters = "#"
        parts: list[list[str]] = [[]]
        words = iter(lexer)
        for word in words:
            if word == "|":
                parts.append([])
            elif word in _OPERATORS:
                next(words)
            else:
                parts[-1].append(word)
        return parts


class Block(NamedTuple):
    """What stands between two fences of a page; `line` is that of the first fence."""

    page: str
    line: int
    kind: str
    text: str
    untried: bool

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def file_name(self) -> str:
        match = _FILE.match(self.text.partition("\n")[0])
        return match["name"] if match else "nwip.toml"

    @property
    def machine(self) -> str:
        match = _FILE.match(self.text.partition("\n")[0])
        return (match["machine"] or "") if match else ""

    @property
    def commands(self) -> list[Command]:
        """The commands of a console block. Raises `ValueError` when it begins with something else."""
        found: list[tuple[str, str, list[str]]] = []
        for line in _CONTINUED.sub(" ", self.text).splitlines():
            match = _COMMAND.match(line)
            if match:
                found.append((match["machine"], match["line"], []))
            elif not found:
                raise ValueError(f"{self.where} does not begin with a command: {line}")
            else:
                found[-1][2].append(line)
        return [Command(machine, line, tuple(prints)) for machine, line, prints in found]


@cache
def pages() -> tuple[str, ...]:
    """Return the names of all guides."""
    return tuple(sorted(path.name for path in GUIDES.glob("*.md")))


@cache
def blocks(page: str) -> tuple[Block, ...]:
    """Return the blocks of a page, in order. Raises `ValueError` for a fence that is not closed."""
    return tuple(_blocks(page, (GUIDES / page).read_text("utf-8").splitlines()))


def of_kind(kind: str) -> list[Block]:
    """Return the blocks of one kind, of all guides."""
    return [block for page in pages() for block in blocks(page) if block.kind == kind]


def _blocks(page: str, lines: list[str]) -> Iterator[Block]:
    paragraph: list[str] = []
    blank = False
    number = 0
    while number < len(lines):
        line = lines[number]
        if line.startswith("```"):
            start, body = number, []
            number += 1
            while not lines[number].startswith("```"):
                body.append(lines[number])
                number += 1
                if number == len(lines):
                    raise ValueError(f"{page}:{start + 1}: this block does not end")
            untried = bool(paragraph) and paragraph[0].startswith(UNTRIED)
            yield Block(page, start + 1, line[3:].strip(), "\n".join(body), untried)
            paragraph = []
        elif not line:
            blank = True
        else:
            if blank or line.startswith("#"):
                paragraph = []
            paragraph.append(line)
            blank = False
        number += 1
