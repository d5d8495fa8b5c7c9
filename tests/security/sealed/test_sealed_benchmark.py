import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "sealed.py"
OF_LINKS = BENCHMARK.with_name("sealed_link.py")


def test_the_benchmark_of_sealing_runs_and_tells_its_figures() -> None:
    command = [sys.executable, str(BENCHMARK), "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["packets_us"].keys() == {"64", "576", "1200"}
    for costs in told["packets_us"].values():
        assert costs.keys() == {"seal", "open", "bare_seal", "bare_open"}
        assert min(costs.values()) > 0
    assert told["handshakes_a_second"] > 0
    assert told["refused_a_second"].keys() == {"plain", "wrong mac1", "under load"}
    assert min(told["refused_a_second"].values()) > 0


def test_the_benchmark_of_sealed_links_runs_and_tells_its_figures() -> None:
    command = [sys.executable, str(OF_LINKS), "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["packets_us"].keys() == {"64", "576", "1200", "1500"}
    for costs in told["packets_us"].values():
        assert costs.keys() == {"plain", "sealed", "aead"}
        assert min(costs.values()) > 0
