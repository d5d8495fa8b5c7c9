"""Reads what can be read of a damaged SQLite file: the rows around the pages that cannot."""

import sqlite3
from collections.abc import Iterator
from typing import Final

FIRST: Final = -(2**63)
LAST: Final = 2**63 - 1
DAMAGE_LIMIT: Final = 1024  # unreadable places in one file, then the rest is given up

Row = tuple[int, int, bytes, bytes]


def readable_rows(connection: sqlite3.Connection, damage: list[int]) -> Iterator[Row]:
    """Yield every row of `entries` that can be read, in the order of their numbers.

    Behind an unreadable place it goes on at the first number from which reading works again, found by
    halving. Each such place is appended to `damage`. Raises nothing of `sqlite3`.
    """
    at = FIRST
    while len(damage) <= DAMAGE_LIMIT:
        try:
            cursor = connection.execute(
                "SELECT id, type, data, mark FROM entries WHERE id >= ? ORDER BY id", (at,)
            )
            for row in cursor:
                yield row
                at = row[0] + 1
                if at > LAST:
                    return
        except sqlite3.DatabaseError:
            damage.append(at)
            found = _readable_again(connection, at)
            if found is None:
                return
            at = found
        else:
            return


def _readable_again(connection: sqlite3.Connection, at: int) -> int | None:
    """Return the lowest number above `at` from which a row, or the end, can be read."""
    if not _can_read(connection, LAST):
        return None
    wrong, right = at, LAST
    while right - wrong > 1:
        middle = (wrong + right) // 2
        if _can_read(connection, middle):
            right = middle
        else:
            wrong = middle
    return right


def _can_read(connection: sqlite3.Connection, at: int) -> bool:
    try:
        connection.execute("SELECT id FROM entries WHERE id >= ? ORDER BY id LIMIT 1", (at,)).fetchone()
    except sqlite3.DatabaseError:
        return False
    return True
