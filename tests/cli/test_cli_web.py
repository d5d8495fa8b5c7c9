"""`nwip web`: what it refuses, what it says, and how it ends; the page of a node and of none."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from cli.running_node import EVERYTHING, RunningNode, nwip
from nwip.bench.domain import free_port
from nwip.bench.processes import line

TOKEN = "a-token-of-enough-signs"  # noqa: S105 - of these tests alone


@contextmanager
def serving(
    folder: Path, *arguments: str, **environment: str
) -> Iterator[tuple["subprocess.Popen[bytes]", int, str]]:
    port = free_port("127.0.0.1")
    command = [sys.executable, "-m", "nwip", "web", "--port", str(port), "--control", str(folder / "control")]
    with (folder / "log").open("wb") as log, subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=log, bufsize=0, env=os.environ | environment
    ) as process:  # fmt: skip
        try:
            yield process, port, line(process, folder / "log")
        finally:
            process.kill()


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "::"])
def test_an_address_that_others_reach_is_refused_without_a_token(address: str) -> None:
    result = nwip("web", "--listen", address)
    assert result.exit_code == 2
    assert result.stderr == (
        "nwip: nwip without a configuration file: key 'web.token' is missing, and others than this machine"
        f" can reach {address}; write one, or listen on 127.0.0.1 alone\n"
    )


def test_the_same_is_said_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "nwip.toml"
    file.write_text('[web]\nlisten = ["127.0.0.1", "0.0.0.0"]\n')
    result = nwip("--config", str(file), "web")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"nwip: {file}: key 'web.token' is missing")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "everywhere"], "key 'web.listen' is \"everywhere\"; write a list of addresses"),
        (["--token-file", "short"], "key 'web.token' is"),
        (["--token-file", "nothing"], "does not exist"),
        (["--port", "0"], "Invalid value for '--port'"),
    ],
)
def test_bad_options_give_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short").write_text("short\n")
    result = nwip("web", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, port, _said):
        result = nwip("web", "--port", str(port))
    assert result.exit_code == 2
    assert f"the page cannot be at 127.0.0.1, TCP port {port}: Address already in use" in result.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_ends_at_once_when_it_is_told_to_even_while_somebody_follows(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with (
        serving(tmp_path) as (process, port, said),
        httpx2.stream("GET", f"http://127.0.0.1:{port}/events") as news,
    ):
        assert said == f"The page is at http://127.0.0.1:{port}/"
        lines = news.iter_lines()
        assert next(lines).startswith("retry: ")
        process.send_signal(number)
        assert process.wait(5) == code
    assert (tmp_path / "log").read_text() == ""


def test_without_a_node_the_page_says_so_and_shows_it_when_it_comes(tmp_path: Path) -> None:
    with serving(tmp_path, "--json") as (_, port, said):
        assert json.loads(said) == {"schema": 1, "web": [f"http://127.0.0.1:{port}/"], "token": False}
        url = f"http://127.0.0.1:{port}/services"
        with httpx2.stream("GET", f"http://127.0.0.1:{port}/events", timeout=20) as news:
            lines = (text for text in news.iter_lines() if text.startswith("data: "))
            assert "has not" in next(lines)
            assert "does not answer" in httpx2.get(url).text
            with RunningNode(tmp_path / "control", EVERYTHING | {"about": {"name": "museum"}}) as node:
                assert any('"state":"warn"' in text for text in lines)
                assert "MUSEUM" in httpx2.get(url).text
                assert {str(question["ask"]) for question in node.asked} <= EVERYTHING.keys() | {"about"}


def test_the_token_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    for arguments, environment in (
        (["--token-file", str(tmp_path / "token")], {}),
        ([], {"NWIP_WEB_TOKEN": TOKEN}),
    ):
        with serving(tmp_path, *arguments, **environment) as (_, port, _said):
            assert httpx2.get(f"http://127.0.0.1:{port}/").status_code == 401
            known = {"Authorization": f"Bearer {TOKEN}"}
            assert httpx2.get(f"http://127.0.0.1:{port}/", headers=known).status_code == 200
        assert TOKEN not in (tmp_path / "log").read_text()
