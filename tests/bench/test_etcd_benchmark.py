"""The benchmark of the directory on etcd runs, loses nothing, tells its figures, and sees what is lost."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nwip.bench import registering
from nwip.bench.registering import Ear, Trial, load_of, longest
from nwip.directory.records import Change, Kind, Record, Route

BENCHMARK = Path(__file__).parent.parent.parent / "benchmarks" / "etcd.py"
OF_BOTH = [
    "registered, one at a time",
    "registered, 64 under way",
    "visible everywhere, 64 under way",
    "visible everywhere p50",
    "visible everywhere p99",
    "full load: all DSSs have it",
    "full load: all of it is kept",
    "full load on the wire",
    "kept on disk",
    "kept on disk, with logs",
    "memory of a DSS",
    "restarted DSS has it",
    "restarted DSS has told it",
    "gap: DSS of the node killed",
]
OF_ETCD = ["memory of an etcd node", "gap: etcd's leader killed", "gap: leader killed, until kept"]


def run(*options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(BENCHMARK), *options]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=110, check=False, env={**os.environ, **environment}
    )


@pytest.mark.real("etcd")
def test_etcd_and_sqlite_stand_beside_each_other() -> None:
    done = run("--services", "2000", "--rounds", "1", "--seconds", "0.1", "--json")
    assert done.returncode == 0, done.stderr
    assert "round 1" not in done.stderr, "progress is for terminals"
    told = json.loads(done.stdout)
    assert told.keys() == {"schema", "rounds", "services", "seconds", "nodes", "figures", "lost"}
    assert (told["schema"], told["rounds"], told["services"], told["seconds"]) == (1, 1, 2000, 0.1)
    assert told["lost"] == {"sqlite": 0, "etcd": 0}
    figures = {figure["of"]: figure for figure in told["figures"]}
    assert sorted(figures) == sorted(OF_BOTH + OF_ETCD)
    assert min(figures[of][store] for of in OF_BOTH for store in ("sqlite", "etcd")) > 0
    assert [figures[of]["sqlite"] for of in OF_ETCD] == [None, None, None]
    assert min(figures[of]["etcd"] for of in OF_ETCD) > 0


def test_what_was_found_is_printed_as_a_table_of_the_page(tmp_path: Path) -> None:
    figures = [
        {"of": "visible everywhere p50", "unit": "ms", "sqlite": 2.0, "etcd": 5.0},
        {"of": "gap: etcd's leader killed", "unit": "ms", "sqlite": None, "etcd": 1234.5},
    ]
    file = tmp_path / "etcd.json"
    file.write_text(json.dumps({"figures": figures}), "utf-8")
    done = run("--of", str(file))
    assert done.returncode == 0, done.stderr
    header, rule, *rows = [[cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines()]
    assert header == ["", "", "SQLite", "etcd", "etcd/SQLite", "", ""]
    assert all(set(cell) <= {"-", ":"} for cell in rule)
    assert rows == [
        ["", "visible everywhere p50", "2", "5", "2.50", "ms", ""],
        ["", "gap: etcd's leader killed", "-", "1,234", "", "ms", ""],
    ]


def test_without_etcd_it_says_how_to_get_it() -> None:
    done = run("--only", "etcd", "--services", "20", PATH="/nonexistent")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "etcd: there is no etcd on this machine: install it with 'make system-packages'\n"


def test_its_options_have_limits_and_an_example() -> None:
    done = run("--services", "3")
    assert done.returncode == 2
    assert "--services 20 to 150000" in done.stderr
    assert "benchmarks/etcd.py --json" in run("--help").stdout


def test_the_longest_time_without_anything_is_found_in_any_order() -> None:
    assert longest([4.0, 0.5, 1.0, 9.0, 4.5]) == 4.5
    assert longest([3.0]) == registering.PATIENCE


def heard(ear: Ear, network: int, *, removed: bool = False) -> None:
    ear.directory_changed([Change(Record(bytes(16), 1, 1, Route(network, 1, 2)), removed=removed)])


def test_an_ear_notes_each_network_once_and_none_that_goes() -> None:
    ear = Ear([("127.0.0.1", 1)], asyncio.Event())
    heard(ear, 7)
    first = ear.seen[7]
    heard(ear, 7)
    heard(ear, 8, removed=True)
    assert ear.seen == {7: first}
    assert ear.latest >= first


@pytest.mark.asyncio
async def test_what_an_ear_does_not_hear_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registering, "PATIENCE", 0.05)
    monkeypatch.setattr(registering, "CALM", 0.02)
    changed = asyncio.Event()
    ears = [Ear([("127.0.0.1", 1)], changed) for _ in range(3)]
    writer = ears[0]
    offered: list[int] = []

    def offer(value: object) -> None:
        """Let the first two ears hear of it, and the third of every other one."""
        assert isinstance(value, Route)
        offered.append(value.network)
        for ear in ears[: 2 + len(offered) % 2]:
            heard(ear, value.network)

    monkeypatch.setattr(writer.client, "offer", offer)
    trial = Trial(writer, ears, changed)
    assert await trial.rate(4, 0.01, ears[:2]) > 0
    assert trial.lost == 0
    await trial.rate(4, 0.01, ears)
    assert trial.lost > 0
    before = trial.lost
    await trial.delays(0.01, 20)
    assert trial.lost > before
    before, struck = trial.lost, asyncio.Event()

    async def blow() -> None:
        struck.set()

    assert await trial.gap(blow, ears) > 0
    assert struck.is_set()
    assert trial.lost > before


@pytest.mark.asyncio
async def test_what_was_registered_before_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = asyncio.Event()
    prompt, late = ears = [Ear([("127.0.0.1", 1)], changed) for _ in range(2)]
    loop = asyncio.get_running_loop()
    rounds: list[int] = []

    def offer(value: object) -> None:
        """Let the second ear hear of it after a while, the earlier ones sooner."""
        assert isinstance(value, Route)
        rounds.append(value.network)
        loop.call_soon(heard, prompt, value.network)
        loop.call_later(0.05, heard, late, value.network)

    monkeypatch.setattr(prompt.client, "offer", offer)
    trial = Trial(prompt, ears, changed)
    await trial.rate(64, 0.02, [prompt])
    behind = len(prompt.seen) - len(late.seen)
    assert behind > 0, "the next one has to wait for these"
    before = len(rounds)
    begin = loop.time()
    rate = await trial.rate(1, 0.1, [late])
    assert trial.lost == 0
    assert rate <= (len(rounds) - before) / 0.1
    assert loop.time() - begin >= 0.1


def test_a_load_is_shared_out_among_nodes_and_servers() -> None:
    servers = [("127.0.0.1", 1), ("127.0.0.1", 2)]
    clients = load_of(50, 20, servers)
    records = [record for client in clients for record in client._engine.registration.records()]
    assert len({record.key for record in records if record.key[0] is Kind.SERVICE}) == 50
    assert [client._servers[0] for client in clients[:3]] == [servers[0], servers[1], servers[0]]
