"""Every benchmark runs, loses nothing, and tells what it promises to; how fast it was is not judged."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def test_the_tunnel_benchmark_tells_its_figures_and_loses_nothing() -> None:
    command = [sys.executable, str(BENCHMARKS / "tunnel.py"), "--rounds", "1", "--seconds", "0.2", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.keys() == {"schema", "rounds", "seconds", "window", "figures", "packets", "lost"}
    assert (told["schema"], told["rounds"], told["seconds"]) == (1, 1, 0.2)
    assert told["lost"] == {"nwip": 0, "bare": 0}
    assert all(packets > 3 * told["window"] for packets in told["packets"].values())
    assert [(figure["of"], figure["octets"]) for figure in told["figures"]] == [
        ("round trip p50", 100),
        ("round trip p99", 100),
        *((f"CPU {site}", size) for size in (100, 576, 1400) for site in ("west", "east")),
    ]
    for figure in told["figures"]:
        assert figure.keys() == {"of", "octets", "ratio", "nwip", "bare"}
        assert min(figure["ratio"], figure["nwip"], figure["bare"]) > 0


def test_the_directory_benchmark_tells_its_figures() -> None:
    command = [sys.executable, str(BENCHMARKS / "dss.py"), "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.keys() >= {
        "sync_seconds", "overhead_octets", "visible_p50_ms", "visible_p99_ms", "query_cpu_to_echo",
        "record_octets", "steady_to_sap", "sync_added_p99_ms",
    }  # fmt: skip
    assert told["records"] == 1500
    assert told.pop("sync_lost") == 0
    del told["sync_added_p99_ms"]  # a difference: of a small directory it may be below zero
    assert min(told.values()) > 0


@pytest.mark.real("shared", "gcc")
def test_the_comparison_with_c_tells_its_figures_and_loses_nothing() -> None:
    command = [sys.executable, str(BENCHMARKS / "relay.py"), "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    keys = {
        "relay_to_c", "tunnel_to_c", "broadcast_to_c", "table_100k_to_c", "octets_per_peer", "lan_to_c",
        "mixed_to_clean", "latency_added_us",
    }  # fmt: skip
    assert set(told["skipped"]) <= {"lan_to_c"}  # which takes root
    assert told.keys() >= keys - set(told["skipped"])
    assert told["burst_to_c"].keys() == {"from_gso", "from_plain"}
    assert min(told["start"].values()) > 0
    assert told["lost"] == 0


def test_the_comparison_with_c_knows_its_keys() -> None:
    command = [sys.executable, str(BENCHMARKS / "relay.py"), "--only", "nonsense"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "knows no nonsense" in done.stderr


def test_plots_are_drawn_of_what_was_found(tmp_path: Path) -> None:
    row = {"of": "p50", "octets": 40, "nwip": 3.0, "yardstick": 2.0}
    found = {
        "relay_to_c": 1.2,
        "burst_to_c": {"from_gso": 0.8, "from_plain": 1.0},
        "details": {"relay": [row | {"peers": 1}], "table": [row | {"peers": peers} for peers in (10, 1000)]},
    }
    figures = tmp_path / "figures.json"
    figures.write_text(json.dumps(found), "utf-8")
    command = [sys.executable, str(BENCHMARKS / "plots.py"), str(figures), "--into", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    texts = {path.name: texts_of(path) for path in tmp_path.glob("*.svg")}
    assert texts.keys() == {"bars.svg", "relay.svg", "growth.svg"}
    assert {"one gateway", "1.20", "bursts, GSO sender", "0.80", "1.00"} <= texts["bars.svg"]
    assert {"40 octets, to 1", "3", "2"} <= texts["relay.svg"]
    assert {"10", "1,000"} <= texts["growth.svg"]


def texts_of(picture: Path) -> set[str]:
    """Return all texts of an SVG."""
    root = ET.parse(picture).getroot()  # noqa: S314 - it is our own
    return {element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")}


def test_without_figures_nothing_is_drawn(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(BENCHMARKS / "plots.py"),
        str(tmp_path / "none.json"),
        "--into",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [])
    assert "relay.py --json" in done.stdout


@pytest.mark.real("shared", "gcc", "dosbox")
def test_a_real_dosbox_carries_the_same_load() -> None:
    command = [sys.executable, str(BENCHMARKS / "relay.py"), "--quick", "--json", "--only", "dosbox"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["dosbox"]["packets"] > 0
    assert min(told["dosbox"]["packets_per_second"], told["dosbox"]["cpu_ns"], told["dosbox"]["p50_us"]) > 0


def test_the_flood_benchmark_tells_its_figures() -> None:
    command = [sys.executable, str(BENCHMARKS / "flood.py"), "--seconds", "1", "--rate", "20000", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode in {0, 1}, done.stderr
    told = json.loads(done.stdout)
    assert told.keys() == {
        "schema", "seconds", "rate", "sources", "flood_rate", "flood_packets", "kept_out",
        "players", "packets", "lost", "loss", "peace_packets", "peace_lost", "cpu", "peace_cpu",
        "rss_kib", "rss_peak_kib",
    }  # fmt: skip
    assert told["players"] == 50
    assert told["peace_lost"] == 0
    assert min(told["flood_packets"], told["kept_out"], told["packets"], told["cpu"]) > 0
    assert told["rss_peak_kib"] - told["rss_kib"] < 32 << 10


def test_nobody_gets_more_than_was_sent_in_his_name() -> None:
    command = [sys.executable, str(BENCHMARKS / "amplification.py"), "--seconds", "3", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr or done.stdout
    told = json.loads(done.stdout)
    assert told.keys() == {
        "schema", "seconds", "services", "ratios", "registrations", "together", "kinds", "worst",
        "worst_registration", "dosbox", "group",
    }  # fmt: skip
    assert len(told["ratios"]) == 7
    assert told["group"]["answered_octets"] > 0, "hosts of a LAN are answered, to all"
    switch = [kind for kind in told["kinds"] if kind["port"].startswith("86Box")]
    assert sum(kind["answered_octets"] for kind in switch) == 0, "and no address is"
    assert max(told["ratios"].values()) <= told["worst"] <= 1.0
    assert 1.0 < max(told["registrations"].values()) <= told["worst_registration"] <= 2.0
    assert min(kind["datagrams"] for kind in told["kinds"]) > 50
    answered = {kind["port"].split(" (")[0] for kind in told["kinds"] if kind["answers"]}
    assert answered == {"DOSBox", "data", "questions", "broadcast address"}
    assert told["dosbox"].keys() in ({"skipped"}, {"ratios", "registrations", "together", "kinds"})
