"""Prints rows: a table on a terminal, aligned text in a pipe, one JSON object with --json."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import json
import sys
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import click

from nwip.cli.source import Row
from nwip.cli.text import printable

SCHEMA: Final = 1


class Column(NamedTuple):
    """A column: its heading, the field of the row, and how the field's value is written."""

    heading: str
    field: str
    right: bool = False
    form: Callable[[object], str] = str

    def text(self, row: Row) -> str:
        """Return what stands in this column, without anything that could command a terminal."""
        value = row.get(self.field)
        return "-" if value is None or value == "" else printable(self.form(value))


def print_json(name: str, rows: Sequence[Row], **more: object) -> None:
    """Print one object: the schema's number, further members, and the rows under the command's name.

    In ASCII, so that no octet of it can command a terminal.
    """
    say(json.dumps({"schema": SCHEMA, **more, name: rows}, indent=2))


def print_table(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    """Print a table: by Rich on a terminal, as aligned text otherwise."""
    cells = [[column.text(row) for column in columns] for row in rows]
    if sys.stdout is not None and sys.stdout.isatty():
        _print_rich(cells, columns)
    else:
        say(aligned(cells, columns))


def aligned(cells: Sequence[Sequence[str]], columns: Sequence[Column]) -> str:
    """Return lines of columns two spaces apart, headings first, without blanks at the ends of lines."""
    lines = [[column.heading.upper() for column in columns], *cells]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in lines
    )


def say(text: str) -> None:
    """Print to standard output; what its character set lacks is written as an escape."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding))


def _print_rich(cells: Sequence[Sequence[str]], columns: Sequence[Column]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column.heading, justify="right" if column.right else "left", overflow="fold")
    for line in cells:
        table.add_row(*map(Text, line))
    Console().print(table)
