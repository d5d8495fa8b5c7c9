"""`nwip init`: four questions on a terminal or a pipe, options in their place, a file that can be used."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from nwip.cli.main import cli
from nwip.config import load
from nwip.config.choices import ATTACHED
from real.mistaken import HERE, Place, environment
from sealed_machine import until

QUESTIONS: Final = (
    "1. The domain's name",
    "2. Where is its DSS",
    "3. What shall be attached?",
    "4. Who may join?",
)


@pytest.fixture(autouse=True)
def in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def init(*arguments: str, answers: str = "") -> Result:
    return CliRunner().invoke(
        cli, ["init", *arguments], prog_name="nwip", catch_exceptions=False, input=answers
    )


def test_what_is_suggested_is_a_domain_that_others_can_join() -> None:
    done = init("--yes")
    assert done.exit_code == 0
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "nwip.toml is written: domain nwip.local, local, serves its DSS; links: dosbox",
        "Next:",
        "  nwip --config nwip.toml up",
        "  nwip --config nwip.toml doctor",
    ]
    config = load(Path("nwip.toml"))
    assert (config.domain.name, config.dss.serves, config.dss.listen) == ("nwip.local", True, ("0.0.0.0",))
    assert [link.kind for link in config.links] == ["dosbox"]
    assert config.dss.admit == ("loopback", "private")
    assert Path("nwip.toml").stat().st_mode & 0o777 == 0o644


def test_the_file_says_of_each_key_what_the_example_says() -> None:
    assert init("--yes", "--attach", "ethernet:eth0", "--reach", "sealed").exit_code == 0
    text = Path("nwip.toml").read_text("utf-8")
    assert "# All nodes of a domain name it alike;" in text
    assert "# A LAN, by a network interface of this machine: docs/links/ethernet.md." in text
    assert "For example:" not in text
    lines = text.splitlines()
    assert lines[lines.index("sealed = true") - 1].startswith(
        "# the key the state directory says which it is."
    )
    assert lines[lines.index("[[link]]") + 1] == 'kind = "ethernet"'


def test_answers_from_a_pipe_are_taken_in_order_and_wrong_ones_asked_again() -> None:
    names, servers = "no name!\ngames.example.org\n", "192.0.2.1:70000\n192.0.2.1\n"
    answers = f"{names}{servers}something\ndosbox, ethernet:eth0\nall\nsealed\n"
    done = init("site.toml", answers=answers)
    assert done.exit_code == 0
    for question in QUESTIONS:
        assert done.stderr.count(question) == 2
    config = load(Path("site.toml"))
    assert (config.domain.name, config.domain.sealed) == ("games.example.org", True)
    assert (config.dss.serves, config.dss.servers) == (False, ("192.0.2.1",))
    assert [link.kind for link in config.links] == ["dosbox", "ethernet"]
    assert "  nwip --config site.toml join TOKEN\n" in done.stdout


def test_a_pipe_that_ends_too_early_is_one_sentence() -> None:
    done = init(answers="games.example.org\n")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == (
        "nwip: no answer came: give it by option, or take what is suggested with --yes"
    )
    assert not Path("nwip.toml").exists()


@pytest.mark.parametrize("form", ATTACHED)
def test_everything_that_can_be_attached_makes_a_file_that_can_be_used(form: str) -> None:
    kind, _, where = form.partition(":")
    given = f"{kind}:{'127.0.0.1:10086' if kind == 'qemu' else 'some0'}" if where else kind
    done = init("--yes", "--domain", "find", "--dss", "find", "--attach", given, "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["schema"], told["file"], told["domain"]) == (1, "nwip.toml", None)
    config = load(Path("nwip.toml"))
    assert ([link.kind for link in config.links], config.dss.serves) == ([kind], False)


def test_nothing_attached_and_open_to_all() -> None:
    assert init("--yes", "--attach", "none", "--reach", "open").exit_code == 0
    config = load(Path("nwip.toml"))
    assert (config.links, config.dss.admit) == ((), ("any",))


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--domain", "no name!", "is no name of a domain"),
        ("--dss", "a b", "is neither here, find, nor HOST[:PORT]"),
        ("--attach", "floppy", "is none of dosbox, ethernet:INTERFACE"),
        ("--attach", "ethernet", "is none of"),
        ("--attach", "dosbox:x", "is none of"),
        ("--reach", "moon", "'moon' is not one of"),
    ],
)
def test_an_option_that_makes_no_sense_is_a_sentence(option: str, value: str, says: str) -> None:
    done = init("--yes", option, value)
    assert done.exit_code == 2
    assert says in done.stderr
    assert not Path("nwip.toml").exists()


def test_a_sealed_domain_that_is_made_here_needs_a_name() -> None:
    done = init("--yes", "--domain", "find", "--dss", "here", "--reach", "sealed")
    assert done.exit_code == 2
    assert "--domain NAME" in done.stderr


def test_a_file_that_is_there_stays_unless_one_says_otherwise() -> None:
    file = Path("nwip.toml")
    file.write_text("# mine\n")
    for done in (init("--yes"), init(answers="no\n"), init(answers="\n")):
        assert done.exit_code == 1
        assert "nwip.toml is there already: name another file, or write over it with --force" in done.stderr
        assert file.read_text() == "# mine\n"
    assert init(answers="yes\n\n\n\n\n").exit_code == 0
    assert file.read_text() != "# mine\n"
    file.write_text("# mine\n")
    assert init("--yes", "--force").exit_code == 0
    assert file.read_text() != "# mine\n"


def test_a_place_where_nothing_can_be_written_is_a_sentence() -> None:
    done = init("--yes", "no/such/folder/nwip.toml")
    assert done.exit_code == 2
    assert done.stderr == "nwip: no/such/folder/nwip.toml cannot be written: No such file or directory\n"


@pytest.mark.real("pty")
def test_on_a_terminal_it_asks_and_waits_for_each_answer(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "nwip", "init"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs
    ) as asking:
        os.close(theirs)
        said = b""
        for question, answer in zip(QUESTIONS, ("pub.example.org", "here", "none", "local"), strict=True):
            while question.encode() not in said or not said.rstrip().endswith(b"]:"):
                said += os.read(ours, 4096)
            os.write(ours, f"{answer}\n".encode())
            said = said.replace(b"]:", b"]")
        assert asking.wait(20) == 0
    os.close(ours)
    assert load(tmp_path / "nwip.toml").domain.name == "pub.example.org"


@pytest.mark.parametrize("reach", ["local", "sealed"])
def test_what_was_written_runs(tmp_path: Path, reach: str) -> None:
    place = Place(tmp_path / "here", "")
    assert place.nwip("init", "--yes", "--force", "--attach", "none", "--reach", reach).returncode == 0
    text = place.file.read_text().replace("0.0.0.0", HERE)
    more = f'port = 10396\n[node]\naddress = "{HERE}"\nstate = "state"\ncontrol = "c.sock"\n'
    place.file.write_text(text + more)
    assert place.nwip("config", "check", "nwip.toml").returncode == 0
    if reach == "sealed":
        assert place.nwip("domain", "create", "nwip.local").returncode == 0
    with place.up():
        until(lambda: place.nwip("nodes").returncode == 0)
        assert ("(sealed)" in place.logged()) is (reach == "sealed")
