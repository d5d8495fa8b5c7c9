"""Writes a short `nwip.toml` with chosen keys, each under what `example.toml` says of it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from nwip.config.reading import example

Keys = Mapping[str, object]
Comments = Mapping[tuple[str, str], Sequence[str]]

HEAD: Final = """\
# nwip.toml, written by "nwip init". Everything else that can be set: nwip config example
# Check it with: nwip config check FILE
"""

_TABLE: Final = re.compile(r"#?\[+(?P<table>[a-z]+)\]+\Z")
_KEY: Final = re.compile(r"#?(?P<key>[a-z-]+) = (?P<value>.*)\Z")
_LEAD_IN: Final = re.compile(r"[ .]*[^.]*\bFor example:\Z")


def compose(tables: Sequence[tuple[str, Keys]]) -> str:
    """Return a file of these tables in their order; values are texts, truths, numbers and lists of them.

    A table that is called "link" is one [[link]] of the `kind` among its keys.
    """
    comments = _comments(example())
    parts = [HEAD]
    for table, keys in tables:
        of = f"link.{keys['kind']}" if table == "link" else table
        lines = [*comments.get((of, "kind"), ()), "[[link]]"] if table == "link" else [f"[{table}]"]
        for key, value in keys.items():
            lines += comments.get((of, key), ()) if key != "kind" else ()
            lines.append(f"{key} = {_toml(value)}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _comments(text: str) -> Comments:
    """Return what stands above each key: by table, or `link.KIND`, and key."""
    found: dict[tuple[str, str], Sequence[str]] = {}
    table, said = "", list[str]()
    for line in text.splitlines():
        if not line:
            said = []
        elif (match := _TABLE.match(line)) is not None:
            table = match["table"]
        elif (match := _KEY.match(line)) is not None:
            if match["key"] == "kind":
                table = f"link.{json.loads(match['value'])}"
            found.setdefault((table, match["key"]), _without_lead_in(said))
            said = []
        else:
            said.append(line)
    return found


def _without_lead_in(lines: Sequence[str]) -> Sequence[str]:
    """Leave out "For example:" and its sentence: here stands no example any more."""
    if not lines or not lines[-1].endswith("For example:"):
        return tuple(lines)
    last = _LEAD_IN.sub("", lines[-1])
    return (*lines[:-1], last + ".") if last.strip("# ") else tuple(lines[:-1])


def _toml(value: object) -> str:
    """Write a value: JSON's texts, truths, numbers and lists are TOML's, too."""
    return json.dumps(value, ensure_ascii=False)
