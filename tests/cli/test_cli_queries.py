"""Commands that ask a node: tables, JSON, exit codes."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.running_node import EVERYTHING, NEVER, PINGED, RESOLVED, SERVICES, RunningNode
from nwip.control import Answer

LISTS = ["services", "routes", "nodes", "links", "clients"]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RunningNode]:
    with RunningNode(tmp_path / "control.sock", EVERYTHING) as running:
        yield running


@pytest.fixture
def empty_node(tmp_path: Path) -> Iterator[RunningNode]:
    answers: dict[str, object] = {name: [] for name in (*LISTS, "resolve")}
    pinged = {"address": "nobody", "sent": 3, "replies": []}
    with RunningNode(tmp_path / "control.sock", {**answers, "ping": pinged}) as running:
        yield running


def test_a_piped_table_is_plain_aligned_text(node: RunningNode) -> None:
    result = node.nwip("routes")
    assert result.exit_code == 0
    assert result.stdout == (
        "NETWORK   HOPS  TICKS  OWNER   NEXT\n"
        "00ABCD01     1      3  museum  7E010A000001\n"
        "00ABCD02    11    120  barn    7E010A000002\n"
    )


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("services", ["0004", "file server", "MUSEUM", "00ABCD01.000000000001.0451", "3.2 s", "3 min 20 s"]),
        ("nodes", ["10.0.0.1:43981, [2001:db8::1]:43981", "this node", "0.4 s", "2 h 0 min"]),
        ("links", ["joined", "1000", "2000", "full 4", "udp: 127.0.0.1:10213", "! link lan: a router says"]),
        ("clients", ["02005E000107", "192.0.2.7:40000", "1 d 1 h", "12 s"]),
    ],
)
def test_a_table_shows_what_the_node_told(node: RunningNode, command: str, expected: list[str]) -> None:
    result = node.nwip(command)
    assert result.exit_code == 0
    assert [text for text in expected if text not in result.stdout] == []
    assert "hops 0" not in result.stdout


@pytest.mark.parametrize("command", LISTS)
def test_json_is_one_object_with_the_schema_and_a_list_under_the_commands_name(
    node: RunningNode, command: str
) -> None:
    result = node.nwip(command, "--json")
    assert result.exit_code == 0
    alarms = {"alarms": ["link lan: a router says 0000001A"]} if command == "links" else {}
    assert json.loads(result.stdout) == {"schema": 1, command: EVERYTHING[command], **alarms}


def test_names_from_the_network_cannot_command_the_terminal(node: RunningNode) -> None:
    for arguments in (("services",), ("services", "--json")):
        shown = node.nwip(*arguments).stdout
        assert "[red]EVIL" in shown
        assert not {"\x1b", "\x07", "\x9b"} & set(shown)
    assert r"[red]EVIL\x1b]0;x\x07\x9b2J" in node.nwip("services").stdout


@pytest.mark.real("pty")
def test_on_a_terminal_a_table_is_drawn_and_markup_stays_text(node: RunningNode) -> None:
    shown = _on_terminal(node, "services", NO_COLOR="1")
    assert "───" in shown
    assert r"[red]EVIL\x1b]0;x\x07\x9b2J" in shown
    assert "\x1b]0" not in shown
    assert "\x1b[31m" not in shown


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--type", "4"), ["MUSEUM"]),
        (("--type", "0x0004"), ["MUSEUM"]),
        (("--type", "File-Server"), ["MUSEUM"]),
        (("--name", "mus*"), ["MUSEUM"]),
        (("--type", "9999"), [SERVICES[1]["name"]]),
        (("--type", "9999", "--name", "MUS?UM"), []),
    ],
)
def test_services_are_chosen_by_type_and_name(
    node: RunningNode, arguments: tuple[str, ...], names: list[str]
) -> None:
    result = node.nwip("services", "--json", *arguments)
    assert [row["name"] for row in json.loads(result.stdout)["services"]] == names
    assert result.exit_code == (0 if names else 1)


def test_ping_shows_everyone_who_answered(node: RunningNode) -> None:
    result = node.nwip("ping", "FFFFFFFFFFFF", "--count", "2", "--timeout", "0.5")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:] == [
        "4E574950.7E010A000001        2  0.40 ms  0.50 ms  0.60 ms",
        "4E574950.7E010A000002        1  20.0 ms  20.0 ms  20.0 ms",
        "4E574950.FFFFFFFFFFFF.0002: 2 sent, 3 received",
    ]
    assert node.asked == [{"ask": "ping", "address": "FFFFFFFFFFFF", "count": 2, "timeout": 0.5}]


def test_ping_and_resolve_speak_json_too(node: RunningNode) -> None:
    assert json.loads(node.nwip("ping", "x", "--json").stdout) == {
        "schema": 1,
        "address": PINGED["address"],
        "sent": 2,
        "ping": PINGED["replies"],
    }
    assert json.loads(node.nwip("resolve", "museum", "--json").stdout) == {"schema": 1, "resolve": RESOLVED}


def test_resolve_shows_the_address(node: RunningNode) -> None:
    result = node.nwip("resolve", "museum")
    assert result.exit_code == 0
    assert "00ABCD01.000000000001.0451" in result.stdout
    assert node.asked == [{"ask": "resolve", "name": "museum"}]


@pytest.mark.parametrize("command", [*LISTS, "ping", "resolve"])
def test_nothing_found_is_exit_code_1_and_still_json(empty_node: RunningNode, command: str) -> None:
    arguments = [command, "nobody"] if command in ("ping", "resolve") else [command]
    plain = empty_node.nwip(*arguments)
    assert (plain.exit_code, plain.stdout) == (1, "")
    assert plain.stderr.startswith("nwip: no")
    assert plain.stderr.count("\n") == 1
    as_json = empty_node.nwip(*arguments, "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)[command] == []


@pytest.mark.parametrize("code", [1, 2, 3])
def test_the_nodes_no_becomes_the_exit_code_and_one_line(tmp_path: Path, code: int) -> None:
    with RunningNode(tmp_path / "socket", {"ping": Answer(code, "no such\x1b[2J host")}) as node:
        result = node.nwip("ping", "nobody")
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr == "nwip: no such\\x1b[2J host\n"


@pytest.mark.parametrize("answer", [None, 7, "text", {"a": 1}, [7], [[]], {"replies": [{"from": "x"}]}])
@pytest.mark.parametrize("command", ["services", "ping", "resolve"])
def test_an_answer_of_another_shape_is_one_line(tmp_path: Path, command: str, answer: object) -> None:
    arguments = [command] if command == "services" else [command, "x"]
    with RunningNode(tmp_path / "socket", {command: answer}) as node:
        result = node.nwip(*arguments)
    assert result.exit_code == 3
    assert "of another version" in result.stderr


def test_fields_that_are_missing_or_strange_leave_a_table_that_can_be_read(tmp_path: Path) -> None:
    strange = {
        "type": "x",
        "name": None,
        "hops": [1],
        "age": "old",
        "drops": 3,
        "where": None,
        "endpoints": 1,
    }
    with RunningNode(tmp_path / "socket", {name: [{}, strange] for name in [*LISTS, "alarms"]}) as node:
        for command in LISTS:
            result = node.nwip(command)
            assert result.exit_code == 0
            assert len(result.stdout.splitlines()) == (5 if command == "links" else 3)


@pytest.mark.parametrize("command", [*LISTS, "ping", "resolve"])
def test_without_a_node_every_query_is_exit_code_3(tmp_path: Path, command: str) -> None:
    node = RunningNode(tmp_path / "absent", {})
    node._loop.close()
    result = node.nwip(*([command, "x"] if command in ("ping", "resolve") else [command]))
    assert (result.exit_code, result.stdout) == (3, "")
    assert f"no nwip node is running here (looked at {tmp_path / 'absent'})" in result.stderr


def test_a_reader_that_leaves_early_makes_no_noise(node: RunningNode) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "nwip", "services", "--control", str(node.path)],
            stdout=gone,
            stderr=subprocess.PIPE,
            check=False,
            timeout=30,
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_ctrl_c_is_exit_code_130_without_a_word(tmp_path: Path) -> None:
    with (
        RunningNode(tmp_path / "socket", {"ping": NEVER}) as node,
        subprocess.Popen(
            [sys.executable, "-m", "nwip", "ping", "nobody", "--control", str(node.path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        assert node.was_asked.wait(30)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (130, b"")


def test_a_character_set_that_lacks_a_letter_is_no_error(tmp_path: Path) -> None:
    rows = [{"network": "00000001", "owner": "Brücke"}]
    with RunningNode(tmp_path / "socket", {"routes": rows}) as node:
        done = subprocess.run(
            [sys.executable, "-m", "nwip", "routes", "--control", str(node.path)],
            env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
            capture_output=True,
            check=True,
            timeout=30,
        )
    assert rb"Br\xfccke" in done.stdout


def _on_terminal(node: RunningNode, *arguments: str, **environment: str) -> str:
    """Run a command with a terminal of 200 columns as its output, and return what that showed."""
    here, there = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "nwip", *arguments, "--control", str(node.path)],
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200", "PYTHONUTF8": "1", **environment},
        stdout=there,
    ) as process:
        os.close(there)
        shown = b""
        try:
            while part := os.read(here, 65536):
                shown += part
        except OSError:
            pass  # so a terminal says that nobody has its other end open
        assert process.wait(30) == 0
    os.close(here)
    return shown.decode()
