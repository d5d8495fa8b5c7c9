"""`nwip check` as people and programs see it; what it finds is tried in `tests/check` and `tests/real`."""

import json
import socket
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from cli.running_node import nwip
from nwip.check.findings import Finding, Process, State, Verdict
from nwip.check.ports import PORTS, STORIES
from nwip.cli.check_tables import print_findings, progress

FIELDS = ("host", "port", "transport", "address", "state", "process", "protocol", "verdict", "reasons")


@pytest.fixture(name="mute")
def a_mute_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_a_free_port_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    del capsys
    told = nwip("check", "--port", str(free_port()), "--json")
    assert told.exit_code == 0
    answer = json.loads(told.stdout)
    assert answer["schema"] == 1
    assert [tuple(row) for row in answer["check"]] == [FIELDS, FIELDS]
    assert [(row["transport"], row["state"], row["verdict"]) for row in answer["check"]] == [
        ("tcp", "free", "free"),
        ("udp", "free", "free"),
    ]


def test_what_is_to_be_looked_at_ends_with_one_and_says_why(mute: int) -> None:
    told = nwip("check", "--port", str(mute), "--timeout", "0.1")
    assert told.exit_code == 1
    assert f"{mute}/tcp: unknown, look closer" in told.stdout
    assert "- it answers no protocol that is known here" in told.stdout
    assert f"  executable {Path(sys.executable).resolve()}" in told.stdout
    assert f"  holds      {mute}/tcp at 127.0.0.1" in told.stdout
    assert "nwip: one port is to be looked at" in told.stderr


def test_another_host_is_asked_over_the_network(mute: int) -> None:
    words = ("check", "localhost", "127.0.0.1/32", "--port", str(mute), "--timeout", "0.1")
    told = nwip(*words)
    assert told.exit_code == 1
    assert f"localhost, {mute}/tcp: unknown, look closer" in told.stdout
    rows = json.loads(nwip(*words, "--json").stdout)["check"]
    assert [(row["host"], row["transport"], row["state"], row["process"]) for row in rows] == [
        ("localhost", "tcp", "open", None),
        ("localhost", "udp", "closed", None),
    ]


def test_a_host_that_is_not_known_is_unreachable() -> None:
    told = nwip("check", "no-such-host.invalid")
    assert told.exit_code == 3
    assert "no-such-host.invalid: no host of this name is known" in told.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("10.0.0.0/8",), "at most 256 are checked"),
        (("--about", "80"), "80 is no port of NetWare/IP; these are: 396, 213, 524, 2010, 43981, 43982"),
        (("--about", "396", "host.example"), "each stand alone"),
        (("--nmap", "--about", "396"), "each stand alone"),
        (("--port", "0"), "is not in the range"),
        (("--timeout", "nan"), "this is not a number"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(words: tuple[str, ...], sentence: str) -> None:
    told = nwip("check", *words)
    assert told.exit_code == 2
    assert sentence in told.stderr


@pytest.mark.parametrize("port", PORTS)
def test_the_history_of_each_port_is_told(port: int) -> None:
    story = STORIES[port]
    told = nwip("check", "--about", str(port))
    assert told.exit_code == 0
    assert told.stdout.startswith(f"{port}: {story.name}\n")
    assert " ".join(told.stdout.split()) == " ".join(
        f"{port}: {story.name} {story.history} Today: {story.today}".split()
    )
    assert json.loads(nwip("check", "--about", str(port), "--json").stdout) == {
        "schema": 1,
        "about": [{"port": port, **story._asdict()}],
    }


def test_a_port_without_privilege_has_the_history_of_the_one_it_stands_for() -> None:
    assert nwip("check", "--about", "10396").stdout == nwip("check", "--about", "396").stdout


def test_nmaps_files_are_where_it_says() -> None:
    folder = Path(nwip("check", "--nmap").stdout.strip())
    assert {"nmap-service-probes", "nwip.nse"} <= {path.name for path in folder.iterdir()}
    assert folder == Path(str(resources.files("nwip.check") / "nmap"))


def test_names_from_elsewhere_cannot_command_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]0;x\x07evil"
    process = Process(7, evil, evil, evil, (evil,), evil, package=evil)
    print_findings(
        [Finding(evil, 396, "tcp", State.HELD, Verdict.UNKNOWN, (evil,), evil, process, evil)], [evil]
    )
    told = capsys.readouterr()
    assert "\\x1b]0;x\\x07evil" in told.out
    assert "\x1b" not in told.out + told.err


def test_of_many_hosts_only_what_is_open_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    closed = Finding("a", 396, "tcp", State.CLOSED, Verdict.CLOSED, ())
    taken = Finding("b", 396, "tcp", State.OPEN, Verdict.OURS, ("it answers: DSS",), protocol="DSS")
    print_findings([closed, taken], [], others=True, briefly=True)
    assert capsys.readouterr().out.splitlines() == [
        "HOST  PORT     STATE  PROTOCOL  VERDICT",
        "b     396/tcp  open   DSS       nwip/NetWare/IP",
    ]


def test_progress_is_shown_on_a_terminal_only(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(300, shown=True) as done:
        done()
    told = capsys.readouterr()
    assert told.out + told.err == ""


def test_progress_of_many_hosts_is_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress(2, shown=True) as done:
        done()
        done()
    told = capsys.readouterr()
    assert "2/2" in told.err
    assert told.out == ""
    with progress(2, shown=False) as done:
        done()
    assert capsys.readouterr().err == ""
