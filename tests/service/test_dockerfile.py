"""The Dockerfile, as far as it can be tried without Docker: what it copies, as whom it runs, what it calls.

Its image is not built here.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec

from nwip.ipx.numbers import (
    IPX_TUNNEL_PORT,
    NETWARE_IP_DATA_PORT,
    NETWARE_IP_PEER_PORT,
    NETWARE_IP_PORT,
)
from service.started import end, first_line, nwip_up

REPOSITORY = Path(__file__).resolve().parents[2]
FILE = "[domain]\ndata-port = 21098\n[dss]\nport = 21096\npeer-port = 21097\n"


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage: the word in capitals, and what is behind it."""
    text = (REPOSITORY / "packaging" / "Dockerfile").read_text("utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found: list[list[tuple[str, str]]] = []
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest.strip()))
    return found


def only(stage: list[tuple[str, str]], word: str) -> str:
    (rest,) = (rest for each, rest in stage if each == word)
    return rest


def words(listed: str) -> list[str]:
    """Return the words of the form that is a JSON list, which no shell reads."""
    return msgspec.json.decode(listed[listed.index("[") :], type=list[str])


def test_what_is_copied_is_all_that_nwip_needs(tmp_path: Path) -> None:
    build, _ = stages()
    for rest in (rest for word, rest in build if word == "COPY"):
        *sources, target = rest.split()
        for source in sources:
            path = REPOSITORY / source
            if path.is_dir():
                shutil.copytree(path, tmp_path / target)
            else:
                shutil.copy(path, tmp_path)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    assert {project["readme"], *project["license-files"]} <= {path.name for path in tmp_path.iterdir()}
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (tmp_path / "constraints.txt").read_text(), re.MULTILINE))
    assert {re.split(r"[<>=]", wanted)[0] for wanted in project["dependencies"]} <= pinned
    done = subprocess.run(
        [sys.executable, "-m", "nwip", "config", "example"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    without_a_network = ["--no-build-isolation", "--no-deps", "--no-index", "--quiet"]
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *without_a_network, "--wheel-dir", "wheels", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert len(list((tmp_path / "wheels").glob("nwip-*.whl"))) == 1


def test_the_image_has_no_tools_that_build_and_runs_as_nobody_special() -> None:
    _, image = stages()
    runs = [rest for word, rest in image if word == "RUN"]
    assert not any(re.search(r"\b(apt-get|apt|pip install|gcc|make)\b", run) for run in runs)
    assert "python -m pip uninstall --yes pip setuptools wheel" in runs
    assert only(image, "USER") == "nwip"
    assert image.index(("USER", "nwip")) > max(image.index(("RUN", run)) for run in runs)
    (user,) = (shlex.split(part) for run in runs for part in run.split("&&") if "useradd" in part)
    assert "--system" in user
    assert user[user.index("--shell") + 1] == "/usr/sbin/nologin"


def test_its_ports_are_those_of_nwip() -> None:
    _, image = stages()
    assert set(only(image, "EXPOSE").split()) == {
        f"{NETWARE_IP_PORT}/tcp",
        f"{NETWARE_IP_PORT}/udp",
        f"{NETWARE_IP_PEER_PORT}/tcp",
        f"{NETWARE_IP_DATA_PORT}/udp",
        f"{IPX_TUNNEL_PORT}/udp",
    }


def test_its_check_of_health_says_yes_while_a_node_runs_and_no_after(tmp_path: Path) -> None:
    _, image = stages()
    told = dict(pair.split("=", 1) for pair in only(image, "ENV").split())
    environment = {name: f"{tmp_path}{told[name]}" for name in ("STATE_DIRECTORY", "NWIP_CONTROL")}
    for place in environment.values():
        Path(place).parent.mkdir(parents=True, exist_ok=True)
    assert [*words(only(image, "ENTRYPOINT")), *words(only(image, "CMD"))] == ["nwip", "up"]
    program, *question = words(only(image, "HEALTHCHECK"))
    assert program == "nwip"
    file = tmp_path / "nwip.toml"
    file.write_text(FILE)

    def healthy() -> int:
        return subprocess.run(
            [sys.executable, "-m", "nwip", *question],
            env={**os.environ, **environment},
            capture_output=True,
            timeout=60,
            check=False,
        ).returncode

    with nwip_up(file, environment) as process:
        first_line(process)
        assert healthy() == 0
        assert end(process)[0] == 0
    assert healthy() == 3
    assert (Path(environment["STATE_DIRECTORY"]) / "identity").exists()
