"""`nwip bench`: real nodes carry a load without loss, and the answer has its form; no time is judged."""

import json
import math
import signal
import subprocess
import sys

import psutil
import pytest

from cli.running_node import nwip
from nwip.bench import overload, relays, scenarios, start
from nwip.bench.error import BenchError
from nwip.bench.sealed import BOTH, NAMES, Side
from nwip.bench.trials import Figure

SHORT = ("--rounds", "1", "--seconds", "0.05", "--json")
FIGURE = Figure("CPU of gateway", "ns", 40, 1, 2.0, 4000.0, 2000.0, 1000, 0, 0)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["relay", "--size", "40", "--peers", "3"], {("CPU of gateway", 40, 3)}),
        (["relay", "--size", "60", "--peers", "2", "--network-zero"], {("CPU of gateway", 60, 2)}),
        (["relay", "--size", "60", "--peers", "1", "--rate", "500"], {("CPU of gateway", 60, 1)}),
        (["relay", "--size", "60", "--bursts"], {("CPU of gateway", 60, 1)}),
        (
            ["tunnel", "--size", "576", "--peers", "3"],
            {(f"CPU of {site}", 576, 3) for site in ("west", "east")},
        ),
        (["broadcast", "--size", "40", "--peers", "5"], {("CPU of gateway", 40, 5)}),
        (
            ["latency", "--size", "50", "--peers", "2"],
            {(f"{of} {pace}", 50, 2) for of in ("p50", "p99") for pace in ("back to back", "1000/s")},
        ),
        (["table", "--most", "120"], {("CPU of gateway", 40, peers) for peers in (10, 100, 120)}),
    ],
    ids=lambda value: " ".join(value[:5]) if isinstance(value, list) else "",
)
def test_real_nodes_carry_the_load_without_loss(
    arguments: list[str], expected: set[tuple[str, int, int]]
) -> None:
    result = nwip("bench", *arguments, *SHORT)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["schema"] == 1
    figures = [Figure(**row) for row in told[arguments[0]]]
    assert {(figure.of, figure.octets, figure.peers) for figure in figures} == expected
    for figure in figures:
        assert min(figure.ratio, figure.nwip, figure.yardstick) > 0
        assert figure.packets > 0
        assert figure.lost == figure.yardstick_lost == 0
    if arguments[0] == "table":
        assert math.isfinite(told["octets_per_peer"])
        assert told["octets_per_record"] >= 0  # of so few it may be none: memory comes in pages


def test_a_sealed_tunnel_is_held_against_a_plain_one_and_the_aead() -> None:
    result = nwip("bench", "sealed", "--size", "1400", "--peers", "3", *SHORT)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["handshakes"] > 0
    west, east, both = (Side(**row) for row in told["sealed"])
    assert (west.of, east.of, both.of) == (*NAMES, BOTH)
    for column in ("sealed", "plain", "aead"):
        parts = [getattr(side, column) for side in (west, east)]
        assert min(parts) > 0
        assert getattr(both, column) == pytest.approx(sum(parts))
    for side in (west, east, both):
        assert side.ratio == pytest.approx(side.sealed / (side.plain + side.aead))
        assert (side.octets, side.peers, side.lost, side.plain_lost) == (1400, 3, 0, 0)
        assert side.packets > 0


def answer(monkeypatch: pytest.MonkeyPatch, *figures: Figure) -> None:
    monkeypatch.setattr(scenarios, "relay", lambda *_, **__: list(figures))


def test_people_get_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, FIGURE)
    result = nwip("bench", "relay")
    assert result.exit_code == 0
    heading, row = result.stdout.splitlines()
    assert heading.split() == [
        "WHAT",
        "OCTETS",
        "PEERS",
        "NWIP/BARE",
        "NWIP",
        "BARE",
        "UNIT",
        "PACKETS",
        "LOST",
    ]
    assert row.split()[3:] == ["40", "1", "2.00", "4000", "2000", "ns", "1000", "0"]


def test_loss_is_a_no_on_either_side(monkeypatch: pytest.MonkeyPatch) -> None:
    for figure in (FIGURE._replace(lost=2), FIGURE._replace(yardstick_lost=2)):
        answer(monkeypatch, figure)
        result = nwip("bench", "relay", "--json")
        assert result.exit_code == 1
        assert "packets were lost: 2" in result.stderr
        assert json.loads(result.stdout)["relay"]


def test_what_cannot_be_measured_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise BenchError("the clients find no room")

    monkeypatch.setattr(relays, "nwip", broken)
    monkeypatch.setattr(scenarios, "nwip", broken)
    result = nwip("bench", "relay")
    assert (result.exit_code, result.stderr) == (3, "nwip: the clients find no room\n")


def test_a_gateway_with_too_much_to_do_keeps_its_lease_and_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "LEAST", 0.5)
    result = nwip("bench", "overload", *SHORT)
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)["overload"]
    assert row["nodes"] == 3
    assert 0 < row["carried"] <= row["offered"]


def test_a_node_that_starts_is_ready_and_its_wakeups_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "SETTLED", 0)
    monkeypatch.setattr(start, "IDLE", 0.1)
    result = nwip("bench", "start", *SHORT)
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)["start"]
    assert min(row["ready_seconds"], row["help_seconds"]) > 0
    assert row["wakeups"] >= 0


HEARS_CTRL_C = """
import signal
from nwip.cli.main import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever runs these tests may have it ignored
main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_whoever_is_stopped_stops_its_nodes(number: signal.Signals, code: int) -> None:
    command = [sys.executable, "-c", HEARS_CTRL_C, "bench", "relay", "--seconds", "10", "--peers", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as process:
        children: list[psutil.Process] = []
        while len(children) < 2 and process.poll() is None:
            children = psutil.Process(process.pid).children()
        process.send_signal(number)
        assert process.wait(30) == code
        psutil.wait_procs(children, timeout=10)
        assert not any(child.is_running() for child in children)


@pytest.mark.parametrize(
    "arguments",
    [
        ["relay", "--size", "30"],
        ["relay", "--size", "1425"],
        ["relay", "--bursts", "--rate", "10"],
        ["relay", "--seconds", "60"],
        ["table", "--most", "10"],
    ],
)
def test_nonsense_is_a_usage_error(arguments: list[str]) -> None:
    assert nwip("bench", *arguments).exit_code == 2
