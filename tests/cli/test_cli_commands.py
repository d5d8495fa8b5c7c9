"""The command line as a whole: help, options, `up`, `demo`, `config`, and bad input."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

import nwip as package
from cli.running_node import RunningNode, nwip
from nwip.banner import Facts, banner
from nwip.cli import logs
from nwip.cli.contents import COMMANDS
from nwip.cli.main import cli
from nwip.cli.text import milliseconds, printable, seconds
from nwip.config import Config, ConfigError, example

FACTS: Facts = {
    "domain": "nwip.local",
    "sealed": False,
    "network": "4E574950",
    "name": "museum",
    "node": "7E017F000001",
    "data": "127.0.0.1:43981",
    "dss": ["127.0.0.1:396"],
    "dss_here": True,
    "forwards": True,
    "links": [
        {
            "name": "dosbox",
            "kind": "dosbox",
            "network": "4E574950",
            "joined": True,
            "where": {"in DOSBox, type": "ipxnet connect 127.0.0.1 213\nipxnet connect 192.0.2.1 213"},
        }
    ],
}


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """The logger of nwip, put back afterwards as it was."""
    found = logging.getLogger("nwip")
    kept = (found.handlers, found.level, found.propagate)
    yield found
    found.handlers, found.level, found.propagate = kept


@pytest.fixture
def fake_part(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def put(name: str, run: Callable[..., int]) -> None:
        module = ModuleType(f"nwip.{name}")
        vars(module)["run"] = run
        monkeypatch.setitem(sys.modules, f"nwip.{name}", module)
        monkeypatch.setattr(package, name, module, raising=False)

    return put


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_of_each_what_its_help_says(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert command.help is not None
    assert " ".join(command.help.split()).startswith(COMMANDS[name].sentence.rstrip("."))


def test_the_list_of_commands_imports_none_of_them() -> None:
    run = "cli(['--help'], standalone_mode=False)"
    script = f"import sys; from nwip.cli.main import cli; {run}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    modules = loaded.stdout.splitlines()[-1].split()
    assert "nwip.cli.main" in modules
    assert not {f"nwip.cli.{entry.module}" for entry in COMMANDS.values()} & set(modules)


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    result = nwip(*path, "--help")
    assert result.exit_code == 0
    assert f"\n  Example:\n    nwip {' '.join(path)}".rstrip() in result.stdout


def test_help_comes_without_rich_asyncio_and_the_nodes_parts() -> None:
    script = (
        "import sys; sys.argv = ['nwip', '--help']\n"
        "from nwip.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('rich', 'asyncio', 'msgspec', 'psutil')"
        " or m.startswith('nwip.') and not m.startswith(('nwip.cli', 'nwip.durations'))])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Commands:" in done.stdout


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nwip", "--version"], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.startswith("nwip 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["services", "--type", "no such type"],
        ["services", "--type", "10000"],
        ["services", "--type", "-1"],
        ["services", "--type", ""],
        ["ping"],
        ["ping", ""],
        ["ping", "x", "--count", "0"],
        ["ping", "x", "--timeout", "nan"],
        ["ping", "x" * 256],
        ["ping", "\udcff"],
        ["trace", ""],
        ["trace", "x", "--count", "11"],
        ["sap", "find", "no such type"],
        ["sap", "advertise", "X"],
        ["sap", "advertise", "X", "10000"],
        ["sap", "advertise", "X", "4", "--socket", "0"],
        ["sap", "advertise", "X", "4", "--socket", "10000"],
        ["sap", "advertise", "X", "4", "--socket", "x"],
        ["resolve", "x\udcff"],
        ["config", "check"],
        ["config", "check", "/nonexistent"],
        ["config", "check", "/"],
        ["config", "check", "/dev/null/x"],
        ["--config", "/nonexistent", "services"],
        ["--config", "/nonexistent", "up"],
    ],
)
def test_bad_input_is_exit_code_2_and_never_a_traceback(arguments: list[str]) -> None:
    result = nwip(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


def test_a_wrong_configuration_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "nwip.toml"
    file.write_text("[node]\nnmae = 'x'\n")
    for arguments in (["config", "check", str(file)], ["--config", str(file), "up"]):
        result = nwip(*arguments)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"nwip: {file}: ")
        assert result.stderr.count("\n") == 1


def test_the_example_configuration_passes_the_check(tmp_path: Path) -> None:
    printed = nwip("config", "example")
    assert printed.exit_code == 0
    assert printed.stdout.strip() == example().strip()
    file = tmp_path / "nwip.toml"
    file.write_text(printed.stdout)
    checked = nwip("config", "check", str(file))
    assert checked.exit_code == 0
    assert checked.stdout.startswith(f"{file}: domain nwip.local, node ")
    assert checked.stdout.count("\n") == 1
    facts = json.loads(nwip("config", "check", str(file), "--json").stdout)
    assert (facts["schema"], facts["file"], facts["dss_here"]) == (1, str(file), True)


def test_a_query_asks_the_node_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NWIP_CONTROL", raising=False)
    file = tmp_path / "nwip.toml"
    file.write_text(f"[node]\ncontrol = '{tmp_path}/own.sock'\n")
    with RunningNode(tmp_path / "own.sock", {"routes": [{"network": "00000001"}]}):
        assert nwip("--config", str(file), "routes").exit_code == 0
        monkeypatch.setenv("NWIP_CONTROL", str(tmp_path / "absent"))
        assert nwip("--config", str(file), "routes").exit_code == 3


@pytest.mark.usefixtures("logger")
def test_up_runs_the_node_of_the_configuration_and_ends_with_its_code(
    tmp_path: Path, fake_part: Callable[..., None]
) -> None:
    def run(config: Config, echo: Callable[[str], None], announce: Callable[[Facts], None]) -> int:
        echo(f"this is {config.node.name}")
        announce(FACTS)
        return 130

    fake_part("running", run)
    file = tmp_path / "nwip.toml"
    file.write_text("[node]\nname = 'museum'\n")
    result = nwip("--config", str(file), "up")
    assert (result.exit_code, result.stdout) == (130, f"this is museum\n{banner(FACTS)}\n")
    result = nwip("--config", str(file), "up", "--json")
    assert (result.exit_code, result.stderr) == (130, "this is museum\n")
    assert json.loads(result.stdout) == {"schema": 1, **FACTS}


@pytest.mark.usefixtures("logger")
@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (
            ConfigError(None, "dss.port", "is taken", "write another"),
            2,
            "key 'dss.port' is taken; write another",
        ),
        (
            OSError(98, "a node already listens here", "/run/x"),
            2,
            "nwip: /run/x: a node already listens here",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_stops_a_node_from_starting_is_one_line(
    tmp_path: Path, fake_part: Callable[..., None], raised: BaseException, code: int, line: str
) -> None:
    def run(config: Config, echo: Callable[[str], None], announce: Callable[[Facts], None]) -> int:
        raise raised

    fake_part("running", run)
    (tmp_path / "nwip.toml").write_text("")
    result = nwip("--config", str(tmp_path / "nwip.toml"), "up")
    assert result.exit_code == code
    assert line in result.stderr
    assert result.stderr.count("\n") <= 1


@pytest.mark.usefixtures("logger")
def test_demo_passes_its_options_on(fake_part: Callable[..., None]) -> None:
    seen: list[dict[str, bool]] = []

    def run(_: object, **options: bool) -> int:
        seen.append(options)
        return 1

    fake_part("demo", run)
    assert nwip("demo", "--keep", "--json").exit_code == 1
    assert seen == [{"keep": True, "dosbox": False, "as_json": True}]


def test_a_fault_of_ours_is_not_hidden(fake_part: Callable[..., None]) -> None:
    def run(*_: object, **__: bool) -> int:
        raise ZeroDivisionError

    fake_part("demo", run)
    assert isinstance(CliRunner().invoke(cli, ["demo"]).exception, ZeroDivisionError)


@pytest.mark.parametrize(
    ("verbose", "quiet", "expected"),
    [
        (False, False, ["INFO i", "WARNING w"]),
        (True, True, ["DEBUG d", "INFO i", "WARNING w"]),
        (False, True, ["WARNING w"]),
    ],
)
def test_logs_go_to_stderr_at_the_level_asked_for(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch, verbose: bool, quiet: bool, expected: list[str]
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.set_up(verbose=verbose, quiet=quiet)
    for message, level in (("d", logging.DEBUG), ("i", logging.INFO), ("w", logging.WARNING)):
        logger.getChild("part").log(level, message)
    assert stream.getvalue().splitlines() == expected


def test_logs_have_the_time_on_a_terminal_and_cannot_command_it(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.set_up(verbose=False)
    logger.info("node %s\n is here", "\x1b[2J")
    time, rest = stream.getvalue().split(" ", 1)
    assert [len(part) for part in time.split(":")] == [2, 2, 2]
    assert rest == "node \\x1b[2J\\n is here\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("DR\xdcCKER 1", "DR\xdcCKER 1"),
        ("\x00\x7f\x85", r"\x00\x7f\x85"),
        ("a\u202eb\ud800", r"a\u202eb\ud800"),
    ],
)
def test_what_does_not_print_is_written_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (59.9, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h 0 min"),
        (90000, "1 d 1 h"),
        (-1, "-"),
        (float("nan"), "-"),
        (float("inf"), "-"),
        ("x", "-"),
    ],
)
def test_durations_read_well(value: object, shown: str) -> None:
    assert seconds(value) == shown


def test_round_trips_read_well() -> None:
    assert [milliseconds(value) for value in (0.00031, 0.0124, 1.5)] == ["0.31 ms", "12.4 ms", "1500.0 ms"]
