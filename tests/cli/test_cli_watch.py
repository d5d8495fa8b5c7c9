"""The picture of `nwip watch` fits, says what is missing, and cannot be commanded; and without a terminal."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.running_node import EVERYTHING, RunningNode, nwip
from nwip.cli.picture import FOOT, Line, allot, picture, with_rates
from nwip.control import NO, Answer

NODE = {
    "name": "museum",
    "domain": "nwip.example.org",
    "sealed": True,
    "network": "4E574950",
    "dss": "127.0.0.1:396",
    "players": 1,
    "up": 200.0,
    "counts": {"node": 2, "service": 7, "route": 3, "host": 1, "dss": 1},
}
ALARM = {
    "alarm": "link lan: a router says 0000001A: " + "give both the same number " * 4,
    "kind": "network-number",
    "about": "lan",
    "since": 75.0,
    "last": 3.0,
    "is_over": False,
}
EVENTS = [{"number": 1, "time": 1764200000.5, "kind": "x", "about": "y", "text": "evil \x1b[2J name"}]
FACTS: dict[str, Any] = {
    **EVERYTHING,
    "node": NODE,
    "alarms": [{**ALARM, "alarm": "it is mended", "is_over": True, "last": 60.0}, ALARM],
    "events": EVENTS,
}


def shown(
    facts: dict[str, Any] = FACTS, height: int = 24, before: dict[str, Any] | None = None
) -> list[Line]:
    return picture(facts, before or {}, 2.0, 80, height)


def texts(lines: Sequence[Line]) -> list[str]:
    return [line.text for line in lines]


def test_lines_are_shared_out_fairly_and_none_is_left_over() -> None:
    assert allot(10, [1, 3, 2]) == [1, 3, 2]
    assert allot(5, [1, 3, 9]) == [1, 2, 2]
    assert allot(4, [1, 3, 9]) == [1, 2, 1]
    assert allot(0, [4]) == [0]
    assert allot(-3, [4]) == [0]
    assert allot(7, []) == []


def test_everything_is_in_a_picture_that_is_tall_enough() -> None:
    lines = texts(shown())
    assert lines[0] == "nwip.example.org (sealed)  network 4E574950  node museum  DSS 127.0.0.1:396"
    assert lines[1] == "nodes 2  services 7  networks 3  players here 1  DSSs 1  up 3 min 20 s"
    assert lines[2] == "ALARMS: 1"
    assert lines[3].startswith("for 1 min 15 s: link lan: a router")
    assert lines[-1] == FOOT
    text = "\n".join(lines)
    for part in ("over 1 min 0 s ago: it is mended", "SITE ", "(this node)", "LINK ", "PLAYER ", "EVENTS"):
        assert part in text
    assert "evil \\x1b[2J name" in text
    assert "\x1b" not in text


def test_a_long_alarm_is_wrapped_and_not_cut() -> None:
    lines = texts(shown())
    assert all(len(line) <= 80 for line in lines[2:6])
    assert " ".join(" ".join(lines[3:6]).split()).count("give both the same number") == 4


@pytest.mark.parametrize("height", [3, 5, 8, 14, 24, 50])
def test_a_picture_is_never_taller_than_the_terminal(height: int) -> None:
    many = [{**row, "node": f"{number:012}"} for number in range(50) for row in FACTS["clients"]]
    lines = texts(shown({**FACTS, "clients": many}, height))
    assert len(lines) <= height
    assert lines[-1] == FOOT
    if height == 24:
        (rest,) = [line for line in lines if line.startswith("... ")]
        players = [line for line in lines if line.startswith("0000000")]
        assert rest == f"... {50 - len(players)} more"


def test_rates_are_of_the_time_between_two_looks() -> None:
    before = {"name": "a", "packets_in": 10, "packets_out": 5, "drops": {"full": 1}}
    after = {"name": "a", "packets_in": 30, "packets_out": 5, "drops": {"full": 1, "hops": 4}}
    (row, fresh) = with_rates([after, {"name": "b"}], [before], "name", 2.0)
    assert (row["rate_in"], row["rate_out"], row["rate_lost"]) == (10.0, 0.0, 2.0)
    assert "rate_in" not in fresh
    (again,) = with_rates([before], [after], "name", 2.0)
    assert again["rate_in"] == 0.0, "the link was opened anew"
    assert "rate_in" not in with_rates([after], [after], "name", 0.0)[0]


def test_a_dss_shows_itself_and_the_others() -> None:
    status = {
        "name": "first",
        "role": "secondary",
        "primary": {"identity": "02"},
        "peers": [{"name": "second", "identity": "02", "lag": 61.0, "last_heard": 1.0, "address": "a:1"}],
    }
    lines = texts(shown({"node": NODE, "dss-status": status}))
    first, second = lines[lines.index(next(line for line in lines if line.startswith("DSS "))) + 1 :][:2]
    assert first.split()[:3] == ["first", "secondary,", "here"]
    assert second.split() == ["second", "primary", "1", "min", "1", "s", "1.0", "s", "a:1"]


@pytest.mark.parametrize(
    "nonsense", [None, 3, "x", [3], [{"drops": 4, "is_over": 3, "time": 1e30}], {"peers": 3}]
)
def test_nonsense_from_a_node_of_another_version_does_no_harm(nonsense: object) -> None:
    assert shown(dict.fromkeys(FACTS, nonsense))[-1].text == FOOT


def test_without_a_terminal_it_is_one_picture(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "socket", {**FACTS, "dss-status": Answer(NO, "no DSS here")}) as node:
        result = node.nwip("watch", "--once", "--interval", "0.2")
        assert result.stdout == node.nwip("watch", "--interval", "0.2").stdout
    assert result.exit_code == 0
    assert "ALARMS: 1" in result.stdout
    assert ("give both the same number " * 4).strip() in result.stdout, "a pipe has room"
    assert FOOT not in result.stdout


def test_as_json_it_is_the_facts_on_a_line(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "socket", {**FACTS, "dss-status": Answer(NO, "no DSS here")}) as node:
        result = node.nwip("watch", "--once", "--json")
    (line,) = result.stdout.splitlines()
    told = json.loads(line)
    assert told.pop("schema") == 1
    assert told.pop("time") > 1e9
    assert told == {name: FACTS[name] for name in ("node", "links", "alarms", "events", "nodes", "clients")}


def test_of_a_crowd_only_the_number_is_asked_for(tmp_path: Path) -> None:
    crowd = {**NODE, "players": 5000, "counts": {"node": 5000}}
    with RunningNode(tmp_path / "socket", {**FACTS, "node": crowd}) as node:
        node.nwip("watch", "--once", "--json")
        assert {question["ask"] for question in node.asked} & {"nodes", "clients"} == set()


def test_where_no_node_runs_it_says_so(tmp_path: Path) -> None:
    for command in (["watch"], ["metrics"], ["events"], ["events", "--follow"]):
        result = nwip(*command, "--control", str(tmp_path / "none"))
        assert result.exit_code == 3
        assert "no nwip node is running here" in result.stderr


def test_metrics_are_printed_as_prometheus_reads_them_and_as_json(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "socket", FACTS) as node:
        text, objects = node.nwip("metrics"), node.nwip("metrics", "--json")
    assert 'nwip_link_packets_total{direction="in",link="dosbox"} 1000.0\n' in text.stdout
    assert 'nwip_alarms{kind="network-number"} 1.0\n' in text.stdout
    found = json.loads(objects.stdout)["metrics"]
    labels = {"link": "dosbox", "direction": "out"}
    assert {"name": "nwip_link_packets_total", "labels": labels, "value": 2000} in found
