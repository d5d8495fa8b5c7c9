"""`nwip simulate`: the same seed gives the same run, and faults heal."""

import json

import pytest
from click.testing import CliRunner

from nwip.cli.main import cli

SMALL = ["simulate", "--gateways", "3", "--leaves", "4", "--services", "30", "--dss", "3", "--json"]


@pytest.mark.parametrize("fault", ["none", "partition", "crash", "loss"])
def test_a_domain_comes_to_agree_whatever_the_fault(fault: str) -> None:
    result = CliRunner().invoke(cli, [*SMALL, "--fault", fault])
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)["simulate"]
    assert row["records"] == 30 + 3 + 4
    assert row["start"] < 10
    assert (row["heal"] is not None) == (fault in {"partition", "crash"})


def test_a_seed_repeats_and_another_differs() -> None:
    runs = [CliRunner().invoke(cli, [*SMALL, "--fault", "loss", "--seed", seed]).stdout for seed in "112"]
    assert runs[0] == runs[1] != runs[2]


def test_people_get_words_and_the_classic_profile_says_less() -> None:
    quiet = []
    for profile in ("default", "classic"):
        result = CliRunner().invoke(cli, [*SMALL[:-1], "--profile", profile])
        assert "until all agreed at the start" in result.output
        quiet.append(int(result.output.split("quiet: ")[1].split()[0]))
    assert quiet[1] < quiet[0] / 10
