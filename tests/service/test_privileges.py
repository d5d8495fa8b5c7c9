"""A node that root starts binds its ports, then is another user for good, with what its links need."""

import json
import os
import pwd
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nwip import privileges
from nwip.config import ConfigError
from nwip.config.reading import parse
from nwip.dataplane.passed import PassedSockets
from nwip.prebinding import bind_ports
from real.namespaces import two_hosts
from service.another_user import USER, open_folder, readable_python
from service.started import end, first_line, nwip_up, write_configuration

HERE = "127.44.1.2"  # of this machine, as all that begins with 127, and nobody else's
LOW_PORTS = f"""
[domain]
data-port = 20798
[dss]
listen = ["{HERE}"]
port = 696
peer-port = 697
[[link]]
kind = "dosbox"
listen = ["{HERE}"]
port = 698
"""
LAN = '[[link]]\nkind = "ethernet"\ninterface = "eth0"\nnetwork = "C0FFEE"\n'
BECOME = f'user = "{USER}"'


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


def status(process: "subprocess.Popen[str]") -> dict[str, str]:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def nwip(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "nwip", *words, "--control", str(folder / "run" / "control.sock")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def owners(folder: Path) -> dict[str, tuple[int, int]]:
    """Return user and permissions of each file and directory below a folder."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_uid, path.lstat().st_mode & 0o777)
        for path in folder.rglob("*")
    }


@pytest.mark.real("root")
def test_a_node_binds_low_ports_and_is_another_user(folder: Path) -> None:
    python = readable_python()
    them = pwd.getpwnam(USER)
    file = write_configuration(folder, LOW_PORTS, BECOME)
    with nwip_up(
        file, python.environment, python=python.program, prepare=lambda: os.setgroups([0, 4])
    ) as process:
        told = json.loads(first_line(process))
        assert told["dss"] == [f"{HERE}:696"]
        assert f"{HERE}:698" in json.dumps(told["links"])
        for port in (696, 697):
            socket.create_connection((HERE, port), 5).close()
        found = status(process)
        assert set(found["Uid"].split()) == {str(them.pw_uid)}
        assert set(found["Gid"].split()) == {str(them.pw_gid)}
        assert found["Groups"].split() == [str(them.pw_gid)]
        assert {found[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
        assert found["NoNewPrivs"] == "1"
        below = owners(folder)
        del below["nwip.toml"]
        assert {owner for owner, _ in below.values()} == {them.pw_uid}
        assert all(mode & 0o077 == 0 for _, mode in below.values()), below
        assert nwip(folder, "links").returncode == 0
        removed = nwip(folder, "link", "remove", "dosbox")
        assert removed.returncode == 0, removed.stderr
        again = nwip(folder, "link", "add", "dosbox", f'listen=["{HERE}"]', "port=698")
        assert again.returncode == 0, again.stderr
        refused = nwip(folder, "link", "add", "dosbox", "name=more", f'listen=["{HERE}"]', "port=699")
        assert refused.returncode == 2
        assert "key 'link.port' means port 699, which needs privilege" in refused.stderr
        assert f"restart nwip, which has become the user {USER} and cannot go back" in refused.stderr
        refused = nwip(folder, "link", "add", "ethernet", "interface=lo")
        assert refused.returncode == 2
        assert f"restart nwip, which has become the user {USER} and cannot go back" in refused.stderr
        assert end(process)[0] == 0


@pytest.mark.real("netns")
def test_a_node_with_a_lan_keeps_what_opens_the_card_again(folder: Path) -> None:
    python = readable_python()
    file = write_configuration(folder, LOW_PORTS + LAN, BECOME)
    with (
        two_hosts("192.0.2.1/24", "192.0.2.2/24") as (name, _),
        nwip_up(
            file, python.environment, python=python.program, before=("ip", "netns", "exec", name)
        ) as process,
    ):
        assert "eth0" in first_line(process)
        found = status(process)
        kept = f"{1 << privileges.CAP_NET_RAW:016x}"
        assert (found["CapPrm"], found["CapEff"]) == (kept, kept)
        assert {found[f"Cap{name}"] for name in ("Inh", "Bnd", "Amb")} == {"0" * 16}
        assert end(process)[0] == 0


@pytest.mark.real("root")
def test_what_root_has_left_in_the_directories_is_handed_over(folder: Path) -> None:
    python = readable_python()
    secrets = []
    for keys in ("", BECOME):
        file = write_configuration(folder, LOW_PORTS, keys)
        with nwip_up(file, python.environment, python=python.program) as process:
            first_line(process)
            assert end(process)[0] == 0
        secrets.append((folder / "state" / "identity").read_text())
    assert secrets[0] == secrets[1]
    below = owners(folder / "state")
    assert set(below.values()) == {(pwd.getpwnam(USER).pw_uid, 0o600)}, below


@pytest.mark.real("root")
def test_a_sealed_domain_that_root_has_made_is_served_by_another_user(folder: Path) -> None:
    python = readable_python()
    sealed = f"[domain]\ndata-port = 20798\nsealed = true\n[dss]\nlisten = ['{HERE}']\nport = 696\n"
    file = write_configuration(folder, sealed, BECOME)
    command = [sys.executable, "-m", "nwip", "--config", str(file), "domain", "create", "games.example.org"]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert made.returncode == 0, made.stderr
    for _ in range(2):
        with nwip_up(file, python.environment, python=python.program) as process:
            assert json.loads(first_line(process))["domain"] == "games.example.org"
            invited = nwip(folder, "domain", "invite")
            assert invited.returncode == 0, invited.stderr
            assert "nwip join nwip1:" in invited.stdout
            assert end(process)[0] == 0
    below = owners(folder / "state")
    assert "authority" in below
    assert set(below.values()) == {(pwd.getpwnam(USER).pw_uid, 0o600)}, below


@pytest.mark.real("root")
def test_files_elsewhere_are_not_handed_over(folder: Path) -> None:
    outside, state = folder / "outside", folder / "state"
    state.mkdir(mode=0o700)
    for file in (outside, state / "ours"):
        file.touch(mode=0o600)
    (state / "hard").hardlink_to(outside)
    (state / "soft").symlink_to(outside)
    them = pwd.getpwnam(USER)
    privileges._hand_over(state, privileges.User(USER, them.pw_uid, them.pw_gid))
    assert (state.stat().st_uid, (state / "ours").stat().st_uid) == (them.pw_uid, them.pw_uid)
    assert outside.stat().st_uid == 0


@pytest.mark.real("root")
def test_there_is_no_way_back(folder: Path) -> None:
    script = f"""
import os, pwd, socket
from nwip.privileges import User, give_up_root
them = pwd.getpwnam("{USER}")
give_up_root(User("{USER}", them.pw_uid, them.pw_gid))
for attempt in (
    lambda: os.setresuid(0, 0, 0),
    lambda: os.setgroups([0]),
    lambda: open("/etc/shadow"),
    lambda: socket.socket().bind(("{HERE}", 699)),
    lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
):
    try:
        attempt()
    except PermissionError:
        continue
    raise SystemExit("possible")
"""
    python = readable_python()
    environment = {**os.environ, **python.environment}
    subprocess.run([python.program, "-W", "ignore", "-c", script], env=environment, timeout=30, check=True)


@pytest.mark.real("root")
def test_a_directory_of_others_is_not_taken_and_one_sentence_says_so(folder: Path) -> None:
    python = readable_python()
    (folder / "state").mkdir(mode=0o755)
    file = write_configuration(folder, LOW_PORTS, BECOME)
    with nwip_up(file, python.environment, python=python.program) as process:
        _, log = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "key 'node.state' means" in log
    assert f"install -d -m 0700 -o {USER}" in log
    assert log.count("\n") == 1
    assert (folder / "state").stat().st_uid == 0


@pytest.mark.parametrize(
    ("name", "euid", "sentence"),
    [
        ("nobody-at-all", 0, 'is "nobody-at-all", whom this machine does not know'),
        ("root", 0, 'is "root", which is root; name another user'),
        (USER, 4711, f'is "{USER}", and only root can become that user; start nwip as root'),
    ],
)
def test_a_user_who_cannot_be_had_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, euid: int, sentence: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: euid)
    config = parse(f'node.user = "{name}"', "nwip.toml")
    with pytest.raises(ConfigError, match=f"nwip.toml: key 'node.user' {sentence}"):
        privileges.user_of(config)


def test_a_node_that_is_that_user_already_or_names_none_stays_who_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: pwd.getpwnam(USER).pw_uid)
    assert privileges.user_of(parse(f'node.user = "{USER}"', "nwip.toml")) is None
    assert privileges.user_of(parse("", "nwip.toml")) is None


def test_a_port_that_somebody_has_is_one_sentence_before_anything_is_given_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 0))
        port = other.getsockname()[1]
        text = f'[dss]\nservers = ["{HERE}"]\n[[link]]\nkind = "dosbox"\nlisten = ["{HERE}"]\nport = {port}\n'
        config = parse(text, "nwip.toml")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("nwip.prebinding.FIRST_FREE_PORT", 1 << 16)
            with pytest.raises(
                ConfigError, match=f"'link.port' means port {port} at {HERE}, which is in use"
            ):
                bind_ports(config, PassedSockets())
