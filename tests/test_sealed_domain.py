"""A sealed domain of real processes on loopback, as a person makes it: create, invite, join, revoke."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from sealed_machine import PATIENCE, SealedMachine, until

pytestmark = pytest.mark.timeout(120)

NAME: Final = "sealed.test.nwip"
PORTS: Final = "dss.port = 20396\ndss.peer-port = 22010\n"


class Machine(SealedMachine):
    """One on loopback, with an address of its own."""

    def __init__(self, folder: Path, number: int) -> None:
        pid = os.getpid()
        super().__init__(folder, f"127.{64 + pid % 64}.{1 + pid // 64 % 200}.{number}")

    def members(self) -> dict[object, object]:
        return {row["name"]: row["state"] for row in self.rows("domain-members") if row["role"] != "dss"}


@contextlib.contextmanager
def domain(folder: Path) -> Iterator[tuple[Machine, Machine]]:
    """Give the machine of a sealed domain's DSS, and another one that has joined; both run."""
    first = Machine(folder / "first", 1)
    first.write(f'dss.listen = ["{first.address}"]\n{PORTS}')
    museum = Machine(folder / "museum", 2)
    try:
        first.does("domain", "create", NAME)
        first.up()
        museum.does("join", first.invite())
        museum.up()
        yield first, museum
    finally:
        first.end()
        museum.end()


def test_a_domain_is_made_joined_and_left_by_whoever_is_revoked(tmp_path: Path) -> None:
    with domain(tmp_path) as (first, museum):
        until(lambda: first.sees() == museum.sees() == {"first", "museum"})
        numbers = {str(row["node"])[:4] for row in first.rows("nodes")}
        assert numbers == {"7E06"}, "addresses are nobody's business"
        first.does("ping", "museum", "--count", "1")
        museum.does("ping", "first", "--count", "1")
        assert first.members() == {"first": "here", "museum": "up"}
        assert museum.members() == {"first": "up", "museum": "here"}

        first.does("domain", "revoke", "museum")
        assert museum.process is not None
        assert museum.process.wait(PATIENCE) == 2, "it ends by itself"
        took = until(lambda: first.sees() == {"first"})
        assert took < 3.0, "a second, and what a loaded machine needs"
        assert first.members() == {"first": "here", "museum": "revoked"}
        said = museum.log.read_text()
        assert "trying again" not in said
        assert "revoked" in said.splitlines()[-1]
        assert "nwip join --anew TOKEN" in said.splitlines()[-1]
        museum.end()
        again = museum.nwip("up")
        assert (again.returncode, again.stdout) == (2, "")
        assert "nwip join --anew TOKEN" in again.stderr

        museum.does("join", "--anew", first.invite())
        museum.up()
        until(lambda: "museum" in first.sees())
        assert {row["state"] for row in first.rows("domain-members") if row["name"] == "museum"} == {
            "up",
            "revoked",
        }


def test_who_was_revoked_while_it_was_down_is_told_so_when_it_starts(tmp_path: Path) -> None:
    with domain(tmp_path) as (first, museum):
        until(lambda: first.sees() == museum.sees() == {"first", "museum"})
        museum.end()
        first.does("domain", "revoke", "museum")
        for _ in range(2):  # the second time its own files say so
            ended = museum.nwip("up")
            assert (ended.returncode, ended.stdout) == (2, "")
            (sentence,) = [line for line in ended.stderr.splitlines() if "revoked" in line]
            assert sentence.startswith("nwip: ")
            assert "nwip join --anew TOKEN" in sentence
            assert "Traceback" not in ended.stderr


def test_members_ask_a_dss_over_udp_and_strangers_are_not_answered(tmp_path: Path) -> None:
    with domain(tmp_path) as (first, museum):
        until(lambda: first.sees() == museum.sees() == {"first", "museum"})
        dss = f"{first.address}:20396"
        asked = museum.nwip("dss", "ask", dss, "--type", "7777")
        assert asked.returncode == 1, asked.stderr
        assert "knows of no such services" in asked.stderr
        stranger = Machine(tmp_path / "stranger", 3)
        silent = stranger.nwip("dss", "ask", dss, "--type", "7777")
        assert silent.returncode == 3, "nobody answers a stranger"


def test_an_invitation_lets_one_machine_in_also_after_a_crash_of_the_dss(tmp_path: Path) -> None:
    with domain(tmp_path) as (first, _):
        used, fresh = first.invite("--name", "guest"), first.invite()
        guest, other = Machine(tmp_path / "third", 3), Machine(tmp_path / "other", 4)
        guest.does("join", used)
        first.end(signal.SIGKILL)
        down = other.nwip("join", fresh)
        assert down.returncode == 3
        assert first.address in down.stderr
        first.up()
        assert first.members()["guest"] == ""
        late = other.nwip("join", used)
        assert late.returncode == 1
        assert "has been used" in late.stderr
        typed = other.nwip("join", "-", text=f"nwip join {fresh[:50]}\n{fresh[50:]}\n")
        assert typed.returncode == 0, typed.stderr
        guest.up()
        try:
            until(lambda: "third" in first.sees())
        finally:
            guest.end()


def test_a_node_that_slept_through_changes_of_the_secret_comes_back(tmp_path: Path) -> None:
    with domain(tmp_path) as (first, museum):
        museum.end()
        for _ in range(3):
            first.does("domain", "rotate")
        first.end()
        first.up()
        museum.up()
        until(lambda: "museum" in first.sees())
        until(lambda: (museum.state / "domain-secrets").read_text().splitlines()[-1].startswith("4 "))
        assert (museum.state / "domain-secrets").read_text().splitlines()[-1] == (
            (first.state / "domain-secrets").read_text().splitlines()[-1]
        )


def test_a_further_dss_joins_and_serves_members_while_the_first_is_away(tmp_path: Path) -> None:
    with domain(tmp_path) as (first, museum):
        second = Machine(tmp_path / "second", 5)
        second.write(f'dss.listen = ["{second.address}"]\n{PORTS}')
        second.does("join", first.invite("--role", "dss"))
        second.up()
        try:
            until(lambda: first.sees() == second.sees() == museum.sees() == {"first", "museum", "second"})
            both = [f"{each.address}:20396" for each in (first, second)]
            until(lambda: museum.nwip("dss", "diff", *both).returncode == 0)
            assert "second" in museum.does("nodes", "--dss", both[0])
            first.end()
            until(lambda: {"museum", "second"} <= museum.sees())
            until(lambda: "museum" in second.sees())
            no = second.nwip("domain", "invite")
            assert no.returncode == 1
            assert "where the domain was created" in no.stderr
        finally:
            second.end()


def test_a_plain_node_is_refused_and_a_member_never_runs_plain(tmp_path: Path) -> None:
    with domain(tmp_path) as (first, museum):
        stranger = Machine(tmp_path / "stranger", 6)
        plain = stranger.nwip("services", "--dss", f"{first.address}:20396")
        assert plain.returncode == 1
        assert "sealed" in plain.stderr
        museum.end()
        (museum.state / "membership").write_text("{")
        refused = museum.nwip("up")
        assert refused.returncode == 2
        assert "damaged" in refused.stderr
        (museum.state / "membership").unlink()
        museum.write("domain.sealed = true\n")
        insisting = museum.nwip("up")
        assert insisting.returncode == 2
        assert "domain.sealed" in insisting.stderr
