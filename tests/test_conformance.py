"""Keeps `docs/conformance.md` true: what it names is there, and every codec of IPX is named."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "conformance.md"
SOURCE = ROOT / "src" / "nwip"
TESTS = ROOT / "tests"
HEADER = ["packet or call", "status", "where", "test"]


class Row(NamedTuple):
    what: str
    status: str
    where: str
    test: str


def rows() -> list[Row]:
    table = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert all(len(row) == len(HEADER) for row in cells)
    return [Row(*row) for row in cells if row != HEADER and not set(row[0]) <= {"-"}]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


ROWS = rows()
IMPLEMENTED = [row for row in ROWS if row.status != "none"]


def test_every_status_is_one_of_three_and_a_partial_one_says_what_is_missing() -> None:
    assert ROWS
    for row in ROWS:
        assert re.fullmatch(r"done|none|partial: .+", row.status), row


@pytest.mark.parametrize("row", IMPLEMENTED, ids=lambda row: row.what)
def test_what_is_implemented_is_where_the_row_says(row: Row) -> None:
    assert quoted(row.where)
    for module in quoted(row.where):
        assert (SOURCE / module).is_file(), module


@pytest.mark.parametrize("row", IMPLEMENTED, ids=lambda row: row.what)
def test_what_is_implemented_has_the_test_that_the_row_names(row: Row) -> None:
    assert quoted(row.test)
    for test in quoted(row.test):
        path, _, name = test.partition("::")
        text = (TESTS / path).read_text()
        assert re.search(rf"^(async )?def {re.escape(name)}\(", text, re.MULTILINE), test


def test_what_is_not_implemented_names_nothing() -> None:
    for row in ROWS:
        if row.status == "none":
            assert (row.where, row.test) == ("-", "-"), row


def test_nothing_has_two_rows() -> None:
    names = [row.what for row in ROWS]
    assert len(set(names)) == len(names)


def test_every_codec_of_ipx_has_a_row() -> None:
    codecs = {f"ipx/{path.name}" for path in (SOURCE / "ipx").glob("*.py")} - {"ipx/__init__.py"}
    named = {module for row in ROWS for module in quoted(row.where)}
    assert codecs <= named
