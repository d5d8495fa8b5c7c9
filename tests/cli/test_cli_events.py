"""`nwip events`: a table, objects, and lines that go on; and logs as JSON."""

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cli.running_node import RunningNode, nwip
from nwip.cli import logs
from nwip.control import Conversation, begin
from nwip.security.audit import AuditLog, audit

EVENTS = [
    {"number": 7, "time": 1764200000.5, "kind": "alarm", "about": "lan", "text": "a \x1b[2J router"},
    {"number": 8, "time": 1764200001.5, "kind": "link-closed", "about": "lan", "text": "link lan is closed"},
]


async def told(_: Mapping[str, object], __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    begin(writer)
    for row in ({"lost": 6}, *EVENTS):
        writer.write(json.dumps(row).encode() + b"\n")


def test_events_are_a_table_and_what_they_say_cannot_command_a_terminal(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "socket", {"events": EVENTS}) as node:
        result = node.nwip("events", "--last", "2")
    assert result.exit_code == 0
    head, first, second = result.stdout.splitlines()
    assert head.split() == ["TIME", "KIND", "WHAT"]
    assert first.endswith("alarm        a \\x1b[2J router")
    assert second.endswith("link-closed  link lan is closed")
    assert node.asked == [{"ask": "events", "last": 2}]


def test_events_as_json_and_none_are_the_answer_no(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "socket", {"events": EVENTS}) as node:
        assert json.loads(node.nwip("events", "--json").stdout) == {"schema": 1, "events": EVENTS}
    with RunningNode(tmp_path / "socket", {"events": []}) as node:
        result = node.nwip("events")
    assert (result.exit_code, result.stderr) == (1, "nwip: no events found\n")


def test_who_follows_gets_lines_until_the_node_stops(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "socket", {"follow": Conversation(told)}) as node:
        text, objects = node.nwip("events", "--follow"), node.nwip("events", "--follow", "--json")
    assert (text.exit_code, text.stderr) == (3, "nwip: the node has stopped\n")
    gap, alarm, _ = text.stdout.splitlines()
    assert gap == "... 6 events are missing here: they came faster than they were read"
    assert alarm.endswith("  alarm  a \\x1b[2J router")
    assert [json.loads(line) for line in objects.stdout.splitlines()] == [{"lost": 6}, *EVENTS]
    assert "\x1b" not in objects.stdout


def test_nonsense_from_the_node_is_one_sentence(tmp_path: Path) -> None:
    async def nonsense(
        _: Mapping[str, object], __: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        begin(writer)
        writer.write(b"[]\n")

    with RunningNode(tmp_path / "socket", {"follow": Conversation(nonsense), "events": [3]}) as node:
        for arguments in (["events", "--follow"], ["events"]):
            result = node.nwip(*arguments)
            assert result.exit_code == 3
            assert "makes no sense" in result.stderr


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    found = logging.getLogger("nwip")
    kept = (found.handlers, found.level, found.propagate)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.set_up(verbose=False, form="json")
    yield stream
    found.handlers, found.level, found.propagate = kept


def test_a_log_as_json_is_an_object_on_each_line(logger: io.StringIO) -> None:
    log = logging.getLogger("nwip.part")
    log.warning("node %s\n is %d", "\x1b[2J", 3)
    try:
        int("what")
    except ValueError:
        log.exception("it failed")
    log.debug("too much")
    lines = [json.loads(line) for line in logger.getvalue().splitlines()]
    assert [set(line) for line in lines] == [
        {"time", "level", "logger", "message"},
        {"time", "level", "logger", "message", "exception"},
    ]
    assert lines[0]["message"] == "node \x1b[2J\n is 3"
    assert (lines[0]["level"], lines[0]["logger"]) == ("warning", "nwip.part")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", lines[0]["time"])
    assert "ValueError: invalid literal" in lines[1]["exception"]
    assert "\x1b" not in logger.getvalue()


def test_lines_of_the_audit_log_have_their_facts_apart(logger: io.StringIO) -> None:
    audit_log = AuditLog()
    try:
        audit("joined", "203.0.113.7", link="dosbox", node="02A0C9123456", why=None)
    finally:
        audit_log.close()
    (line,) = [json.loads(line) for line in logger.getvalue().splitlines()]
    assert line["message"] == "joined link=dosbox node=02A0C9123456"
    assert line["event"] == "joined"
    assert line["facts"] == {"link": "dosbox", "node": "02A0C9123456"}


@pytest.mark.parametrize(
    ("option", "written", "is_json"),
    [([], "text", False), ([], "json", True), (["--log-format", "json"], "text", True),
     (["--log-format", "text"], "json", False)],
)  # fmt: skip
def test_the_option_stands_above_the_configuration(
    logger: io.StringIO,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: list[str],
    written: str,
    *,
    is_json: bool,
) -> None:
    def run(*_: object) -> int:
        logging.getLogger("nwip.node").warning("here")
        return 0

    monkeypatch.setattr("nwip.running.run", run)
    file = tmp_path / "nwip.toml"
    file.write_text(f'log.format = "{written}"')
    result = nwip(*option, "--config", str(file), "up")
    assert result.exit_code == 0
    (line,) = (logger.getvalue() + result.stderr).splitlines()
    assert (json.loads(line)["message"] if is_json else line) == ("here" if is_json else "WARNING here")
