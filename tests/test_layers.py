"""The house stands as docs/architecture.md draws it: imports run downwards, pure parts stay pure."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCE = REPOSITORY / "src"

LEVELS = [
    {"wire"},
    {"ipx"},
    {"routing", "directory"},
    {"dss", "links", "dataplane", "discovery", "security", "capture", "check"},
    {
        "node",
        "alarm_book",
        "audit_events",
        "drop_rates",
        "event_log",
        "facts",
        "metrics",
        "presences",
        "replica_conflicts",
        "watchman",
        "watch_views",
        "views",
        "trace_views",
        "about_views",
        "questions",
        "durations",
        "dss_views",
        "dss_rows",
        "dss_changes",
        "dss_status",
        "dss_imports",
        "ban_views",
        "charter",
        "membership_files",
        "membership_views",
        "enrolment",
        "banner",
        "binding",
        "capturing",
        "collector",
        "complaints",
        "joining",
        "linking",
        "link_alarms",
        "link_set",
        "link_views",
        "notify",
        "activation",
        "prebinding",
        "privileges",
        "private_files",
        "running",
        "control",
        "config",
        "state",
        "storing",
        "store_words",
        "gateway",
        "programs",
        "rows",
        "slices",
        "sim",
    },
    {"bench", "doctor"},
    {"cli", "web", "socket", "demo", "__main__"},
    {"__init__"},  # the package itself: it may import anything, and nothing below may import it
]
LEVEL = {room: level for level, rooms in enumerate(LEVELS, start=1) for room in rooms}

PURE_ROOMS = {"wire", "ipx", "directory", "routing", "gateway"}
IMPURE = {
    "asyncio", "os", "random", "secrets", "select", "socket", "ssl", "subprocess", "threading", "time",
}  # fmt: skip

LONGEST_FILE = 400

NOT_FOR_OTHER_MACHINES = re.compile(
    rb"(?<![\w.~])/(?:work|root|home)/|pypi\.org|files\.pythonhosted|https?://[^\s)\"']*\.whl"
)


class Module(NamedTuple):
    """One source file; the name is a path below src/nwip, without its ending: `links/dosbox/link`."""

    name: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.name.partition("/")[0]

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.tree) or ""

    @property
    def is_pure(self) -> bool:
        return (
            self.room in PURE_ROOMS
            or self.name.endswith("engine")
            or re.search(r"\bPure[.:]", self.docstring) is not None
        )

    def imports(self) -> Iterator[str]:
        """Yield the dotted name of each import, also of those in functions and under TYPE_CHECKING."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                origin = self.absolute(node)
                yield from (f"{origin}.{alias.name}" for alias in node.names)

    def absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = ["nwip", *self.name.split("/")][: -node.level]
        return ".".join([*package, node.module] if node.module else package)

    def imported_rooms(self) -> Iterator[str]:
        """Yield the room of each import of nwip; a name that the package itself holds is `__init__`."""
        for name in self.imports():
            top, *rest = name.split(".")
            if top != "nwip":
                continue
            room = rest[0] if rest else "__init__"
            if room in LEVEL or len(rest) > 1:
                yield room
            elif not room.startswith("__"):
                yield "__init__"


def house() -> list[Module]:
    root = SOURCE / "nwip"
    return [
        Module(path.relative_to(root).with_suffix("").as_posix(), ast.parse(path.read_bytes(), str(path)))
        for path in sorted(root.rglob("*.py"))
    ]


def unknown_rooms(modules: Iterable[Module]) -> list[str]:
    rooms = {room for module in modules for room in (module.room, *module.imported_rooms())}
    return [
        f"src/nwip/{room} has no level: add it to LEVELS in tests/test_layers.py"
        for room in sorted(rooms - LEVEL.keys())
    ]


def imports_upwards(modules: Iterable[Module]) -> list[str]:
    return [
        f"{module.name} (level {LEVEL[module.room]}) imports {room} (level {LEVEL[room]})"
        for module in modules
        for room in sorted(set(module.imported_rooms()))
        if LEVEL.get(room, 0) > LEVEL.get(module.room, 0)
    ]


def circles(modules: Iterable[Module]) -> list[str]:
    """Return the imports that close a circle of rooms, of the first circle that is found."""
    importers: dict[str, dict[str, str]] = {}
    for module in modules:
        for room in set(module.imported_rooms()) - {module.room}:
            importers.setdefault(module.room, {})[room] = module.name
    try:
        TopologicalSorter(importers).prepare()
    except CycleError as error:
        return [f"{importers[room][below]} imports {below}" for below, room in pairwise(error.args[1])]
    return []


def impurities(modules: Iterable[Module]) -> list[str]:
    return [
        f"{module.name} is pure, but imports {name}"
        for module in modules
        if module.is_pure
        for name in module.imports()
        if name.partition(".")[0] in IMPURE
    ]


def test_every_room_has_a_level() -> None:
    assert unknown_rooms(house()) == []


def test_imports_run_downwards() -> None:
    assert imports_upwards(house()) == []


def test_rooms_do_not_import_each_other_in_a_circle() -> None:
    assert circles(house()) == []


def test_pure_parts_have_no_sockets_clock_or_chance() -> None:
    assert impurities(house()) == []


def test_every_module_says_what_it_is() -> None:
    assert [module.name for module in house() if not module.docstring] == []


def test_no_source_file_is_too_long() -> None:
    lengths = {path.relative_to(SOURCE): len(path.read_bytes().splitlines()) for path in SOURCE.rglob("*.py")}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_file_names_a_place_on_one_machine_or_a_registry() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip().decode(errors='replace')}"
        for path in files_under_version_control()
        for number, line in enumerate(path.read_bytes().splitlines(), start=1)
        if NOT_FOR_OTHER_MACHINES.search(line)
    ]
    assert found == []


def test_test_files_have_names_of_their_own() -> None:
    names = [path.name for path in (REPOSITORY / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def files_under_version_control() -> list[Path]:
    """Return what git tracks, or would at the next `git add`; skip the test outside a work tree."""
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("not a git work tree")
    trusted = f"safe.directory={REPOSITORY}"  # a checkout that belongs to another user
    listing = subprocess.run(
        ["git", "-c", trusted, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    paths = [REPOSITORY / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def module(name: str, source: str) -> Module:
    return Module(name, ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "import nwip.cli.main",
        "from nwip import node",
        "from nwip import Node",
        "from ..cli import main",
        "def late():\n    from nwip.web.page import Page",
        "if TYPE_CHECKING:\n    from nwip.demo import Demo",
    ],
)
def test_an_import_upwards_is_found_in_every_form(source: str) -> None:
    assert imports_upwards([module("links/base", source)])


def test_the_version_may_be_asked_for_everywhere() -> None:
    assert imports_upwards([module("links/base", "from nwip import __version__")]) == []


def test_a_circle_within_a_level_is_found() -> None:
    links = module("links/virtual", "from nwip.dataplane.port import Port")
    dataplane = module("dataplane/port", "from nwip.links.base import Link")
    assert circles([links]) == []
    assert sorted(circles([links, dataplane])) == [
        "dataplane/port imports links",
        "links/virtual imports dataplane",
    ]


def test_a_room_without_a_level_is_told_where_to_go() -> None:
    (complaint,) = unknown_rooms([module("tunnels/rfc1234", "")])
    assert "tunnels" in complaint
    assert "LEVELS in tests/test_layers.py" in complaint


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("ipx/sap", "import socket"),
        ("dss/server_engine", "from time import monotonic"),
        ("links/dosbox/engine", "def late():\n    import os.path"),
        ("security/limits", '"""Limits. Pure."""\nimport asyncio'),
    ],
)
def test_an_impure_import_is_found(name: str, source: str) -> None:
    assert impurities([module(name, source)])


def test_a_thin_part_may_use_sockets() -> None:
    assert impurities([module("dss/server", '"""The server. Purely a shell."""\nimport socket')]) == []


@pytest.mark.parametrize(
    "parts", [("see /wor", "k/notes"), ("file:///ho", "me/me/x"), ("https://py", "pi.org/simple")]
)
def test_a_machine_path_or_registry_address_is_found(parts: tuple[str, str]) -> None:
    assert NOT_FOR_OTHER_MACHINES.search("".join(parts).encode())
