"""`nwip ban`: what it asks, and what it says."""

import json
import time
from pathlib import Path

import pytest

from cli.running_node import RunningNode
from nwip.control import Answer

ROW = {"what": "203.0.113.7", "since": 0.0, "until": None, "why": "swears\x1b[2J", "kept_out": 12}


def test_somebody_is_banned_for_a_while(tmp_path: Path) -> None:
    row = {**ROW, "until": time.time() + 3600.5}
    with RunningNode(tmp_path / "c", {"ban": {"bans": [row], "gone": 2, "kept": True}}) as node:
        result = node.nwip("ban", "203.0.113.7", "--for", "1h", "--why", "swears")
        assert node.asked == [{"ask": "ban", "what": "203.0.113.7", "seconds": 3600.0, "why": "swears"}]
    assert result.exit_code == 0
    assert result.stdout == "203.0.113.7 is banned for 1 h 0 min\nsent away: 2\n"


def test_for_good_and_not_kept(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "c", {"ban": {"bans": [ROW], "gone": 0, "kept": False}}) as node:
        result = node.nwip("ban", "203.0.113.7")
        assert node.asked[0]["seconds"] is None
    assert "203.0.113.7 is banned for good" in result.stdout
    assert "it cannot be kept" in result.stdout


def test_the_list_is_shown_and_commands_no_terminal(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "c", {"ban-list": [ROW]}) as node:
        result = node.nwip("ban", "--list")
        as_json = node.nwip("ban", "--list", "--json")
    assert "203.0.113.7" in result.stdout
    assert "for good" in result.stdout
    assert "\x1b" not in result.stdout
    assert json.loads(as_json.stdout)["bans"] == [ROW]


def test_a_ban_is_lifted_or_was_none(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "c", {"ban-lift": {"what": "203.0.113.7", "kept": True}}) as node:
        result = node.nwip("ban", "203.0.113.7", "--lift")
        assert node.asked == [{"ask": "ban-lift", "what": "203.0.113.7"}]
    assert result.stdout == "203.0.113.7 may come again\n"
    with RunningNode(tmp_path / "d", {"ban-lift": Answer(1, "203.0.113.7 is not banned here")}) as node:
        assert node.nwip("ban", "203.0.113.7", "--lift").exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("ban",),
        ("ban", "203.0.113.7", "--list"),
        ("ban", "--list", "--lift"),
        ("ban", "203.0.113.7", "--lift", "--for", "1h"),
        ("ban", "203.0.113.7", "--for", "soon"),
        ("ban", "203.0.113.7", "--for", "0s"),
        ("ban", "--lift"),
    ],
)
def test_what_makes_no_sense_is_usage(arguments: tuple[str, ...], tmp_path: Path) -> None:
    with RunningNode(tmp_path / "c", {}) as node:
        result = node.nwip(*arguments)
        assert node.asked == []
    assert result.exit_code == 2
    assert result.stderr.count("\n") <= 6


@pytest.mark.parametrize(
    ("text", "span"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), ("7d", 604800), ("2w", 1209600)]
)
def test_lengths_of_time(text: str, span: float, tmp_path: Path) -> None:
    with RunningNode(tmp_path / "c", {"ban": {"bans": [], "gone": 0, "kept": True}}) as node:
        node.nwip("ban", "203.0.113.7", "--for", text, "--json")
        assert node.asked[0]["seconds"] == span
