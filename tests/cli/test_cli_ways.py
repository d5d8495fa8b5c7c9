"""`nwip trace` and `nwip sap find`: tables, JSON, exit codes, with a node of canned answers."""

import json
from pathlib import Path

import pytest

from cli.running_node import RunningNode

STEPS = [
    {
        "what": "node",
        "name": "west",
        "address": "00C0FFEE.7E010A000001",
        "where": "this node",
        "ticks": 0,
        "hops": 0,
        "answered": True,
        "seconds": None,
    },
    {
        "what": "node",
        "name": "ea\x1bst",
        "address": "00C0FFEE.7E010A000002",
        "where": "UDP 10.0.0.2:43981",
        "ticks": 2,
        "hops": None,
        "answered": True,
        "seconds": 0.00042,
    },
    {
        "what": "host",
        "name": "",
        "address": "00ABCD01.000000000001",
        "where": "",
        "ticks": None,
        "hops": None,
        "answered": False,
        "seconds": None,
    },
]
TRACED = {"address": "00ABCD01.000000000001.0000", "gap": "", "reached": False, "steps": STEPS}
FOUND = [
    {
        "type": 4,
        "type_name": "file server",
        "name": "MUSEUM",
        "address": "00ABCD01.000000000001.0451",
        "ticks": 3,
        "hops": 2,
        "owner": "east",
    }
]


def running(path: Path, **answers: object) -> RunningNode:
    return RunningNode(path / "control.sock", answers)


def test_a_way_is_a_table_of_its_steps_and_an_end_that_is_silent_is_exit_code_1(tmp_path: Path) -> None:
    with running(tmp_path, trace=TRACED) as node:
        result = node.nwip("trace", "museum", "--count", "2", "--timeout", "0.5")
    assert node.asked == [{"ask": "trace", "address": "museum", "count": 2, "timeout": 0.5}]
    assert result.stdout == (
        "   WHAT  NAME      ADDRESS                WHERE               TICKS  HOPS   ANSWER\n"
        "1  node  west      00C0FFEE.7E010A000001  this node               0     0        -\n"
        "2  node  ea\\x1bst  00C0FFEE.7E010A000002  UDP 10.0.0.2:43981      2     -  0.42 ms\n"
        "3  host  -         00ABCD01.000000000001  -                       -     -     none\n"
    )
    assert result.stderr == "nwip: no answer to a ping from 00ABCD01.000000000001.0000\n"
    assert result.exit_code == 1


def test_an_end_that_answers_is_exit_code_0_and_json_is_one_object(tmp_path: Path) -> None:
    with running(tmp_path, trace={**TRACED, "reached": True}) as node:
        result = node.nwip("trace", "museum", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    answer = json.loads(result.stdout)
    assert answer["trace"] == STEPS
    assert (answer["schema"], answer["reached"], answer["gap"]) == (1, True, "")


def test_a_gap_is_named_and_exit_code_1(tmp_path: Path) -> None:
    gap = "no way to this network is known"
    with running(tmp_path, trace={**TRACED, "gap": gap, "steps": STEPS[:1]}) as node:
        result = node.nwip("trace", "00ABCD01.1")
    assert result.stderr == f"nwip: 00ABCD01.000000000001.0000: {gap}\n"
    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 2)


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ([], {"type": None, "name": None, "limit": 1000}),
        (["FFFF", "MUS*"], {"type": None, "name": "MUS*", "limit": 1000}),
        (["file-server", "--nearest"], {"type": 4, "name": None, "limit": 1}),
    ],
)
def test_services_are_asked_for_by_type_and_name(
    tmp_path: Path, arguments: list[str], asked: dict[str, object]
) -> None:
    with running(tmp_path, find=FOUND) as node:
        result = node.nwip("sap", "find", *arguments)
    assert node.asked == [{"ask": "find", **asked}]
    assert result.stdout == (
        "TYPE  KIND         NAME    ADDRESS                     TICKS  HOPS  OWNER\n"
        "0004  file server  MUSEUM  00ABCD01.000000000001.0451      3     2  east\n"
    )


def test_no_service_is_exit_code_1_and_still_json(tmp_path: Path) -> None:
    with running(tmp_path, find=[]) as node:
        result = node.nwip("sap", "find", "--json")
    assert json.loads(result.stdout) == {"schema": 1, "services": []}
    assert (result.exit_code, result.stderr) == (1, "nwip: no services found\n")
