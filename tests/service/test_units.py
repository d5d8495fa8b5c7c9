"""The units for systemd: how little they leave open, and that a node runs with no more than they leave."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nwip.privileges import CAP_NET_RAW
from real.namespaces import two_hosts
from service.another_user import USER, Python, open_folder, readable_python
from service.passing import TCP, UDP, bound, is_served, started
from service.started import NotifySocket, end, first_line, nwip_up, write_configuration
from service.test_privileges import nwip, status
from service.unit_files import UNITS, settings

MOST_EXPOSED = 20  # tenths of what `systemd-analyze security` calls exposure
HERE = "127.44.1.3"
TESTS = Path(__file__).resolve().parents[1]
SERVED = """
[domain]
data-port = 20998
[dss]
peer-port = 20997
[[link]]
kind = "dosbox"
[[link]]
kind = "websocket"
listen = ["127.44.1.3"]
port = 20996
"""
LAN = '[[link]]\nkind = "ethernet"\ninterface = "eth0"\nnetwork = "C0FFEE"\n'


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as made:
        yield made


@pytest.mark.real("systemd-analyze")
@pytest.mark.parametrize("more", [[], ["lan.conf"], ["ports.conf"], ["lan.conf", "ports.conf"]])
def test_a_unit_leaves_little_open(tmp_path: Path, more: list[str]) -> None:
    shutil.copy(UNITS / "nwip.service", tmp_path)
    for name in more:
        (tmp_path / "nwip.service.d").mkdir(exist_ok=True)
        shutil.copy(UNITS / "drop-ins" / name, tmp_path / "nwip.service.d")
    command = ["systemd-analyze", "--no-pager", "security", "--offline=yes", f"--threshold={MOST_EXPOSED}"]
    judged = subprocess.run(
        [*command, "./nwip.service"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert judged.returncode == 0, judged.stdout[-200:] + judged.stderr


@pytest.mark.real("systemd-analyze")
def test_the_units_are_what_systemd_understands(tmp_path: Path) -> None:
    for file in UNITS.glob("nwip*.s*"):
        if file.is_file():
            (tmp_path / file.name).write_text(file.read_text().replace("/opt/nwip/bin/nwip", "/bin/true"))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["nwip-dosbox.socket", "nwip.service", "nwip.socket"]
    read = subprocess.run(
        ["systemd-analyze", "--no-pager", "verify", *(str(tmp_path / name) for name in names)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (read.returncode, read.stderr) == (0, "")


def test_only_the_drop_ins_give_capabilities_and_packet_sockets() -> None:
    alone = settings("nwip.service")
    assert alone["CapabilityBoundingSet"] == alone["AmbientCapabilities"] == []
    assert "AF_PACKET" not in " ".join(alone["RestrictAddressFamilies"])
    assert settings("drop-ins/lan.conf")["AmbientCapabilities"] == ["CAP_NET_RAW"]
    assert settings("drop-ins/ports.conf")["AmbientCapabilities"] == ["CAP_NET_BIND_SERVICE"]


def confinement(folder: Path, python: Python, *files: str) -> list[str]:
    writable = ",".join(str(folder / name) for name in ("state", "run"))
    return [python.program, str(TESTS / "service" / "confined.py"), writable, ",".join(files)]


def environment(python: Python) -> dict[str, str]:
    paths = [str(TESTS), *python.environment.get("PYTHONPATH", "").split(os.pathsep)]
    ours = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {"PYTHONPATH": os.pathsep.join([*filter(None, paths), *map(os.path.abspath, ours)])}


def own_directories(folder: Path) -> None:
    for name in ("state", "run"):
        (folder / name).mkdir(mode=0o700)
        shutil.chown(folder / name, USER, USER)


@pytest.mark.real("root", "netns", "systemd-analyze", "gcc")
def test_a_node_serves_under_the_restrictions_of_its_unit(folder: Path) -> None:
    python = readable_python()
    own_directories(folder)
    file = write_configuration(folder, SERVED)
    ports = [(TCP, "dss", 396), (UDP, "dss", 396), (UDP, "dosbox", 213)]
    sockets = [(name, bound(kind, HERE, port)) for kind, name, port in ports]
    confined = confinement(folder, python, "nwip.service")
    with NotifySocket(str(folder / "notify")) as manager:
        told_of = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "200000", **environment(python)}
        with started(file, sockets, confined, told_of, python.program) as process:
            assert json.loads(first_line(process))["dss"] == [f"{HERE}:396"]
            assert is_served(213, HERE)
            manager.heard_until("READY=1")
            assert manager.heard() == ["WATCHDOG=1"]
            found = status(process)
            assert (found["Seccomp"], found["NoNewPrivs"]) == ("2", "1")
            assert {found[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
            assert nwip(folder, "links").returncode == 0
            code, log = end(process)
    assert code == 0, log
    assert "cannot" not in log
    assert (folder / "state" / "directory.db").exists()


@pytest.mark.real("root", "netns", "systemd-analyze", "gcc")
def test_a_node_hears_a_lan_under_the_restrictions_of_the_drop_in(folder: Path) -> None:
    python = readable_python()
    own_directories(folder)
    file = write_configuration(
        folder, SERVED.replace('kind = "dosbox"', 'kind = "dosbox"\nport = 20995') + LAN
    )
    confined = confinement(folder, python, "nwip.service", "drop-ins/lan.conf")
    with (
        two_hosts("192.0.2.1/24", "192.0.2.2/24") as (name, _),
        nwip_up(
            file,
            environment(python),
            before=["ip", "netns", "exec", name, *confined],
            python=python.program,
        ) as process,
    ):
        assert "eth0" in first_line(process)
        found = status(process)
        assert found["Seccomp"] == "2"
        assert int(found["CapEff"], 16) == 1 << CAP_NET_RAW
        assert end(process)[0] == 0


ATTEMPTS = """
import errno, mmap, os, socket, sys

def refused(what, *numbers):
    try:
        what()
    except OSError as error:
        assert error.errno in numbers, error
    else:
        raise SystemExit("possible")

refused(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC), errno.EPERM)
refused(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW), errno.EAFNOSUPPORT)
refused(lambda: socket.socket().bind(("127.44.1.3", 399)), errno.EACCES)
refused(lambda: open("/etc/nwip-was-here", "w"), errno.EROFS, errno.EACCES)
refused(lambda: os.listdir("/root"), errno.EACCES)
refused(lambda: os.stat("/dev/mem"), errno.ENOENT)
refused(lambda: os.stat("/proc/1"), errno.ENOENT)
refused(lambda: os.stat("/proc/sys"), errno.ENOENT)
refused(lambda: os.chroot("/"), errno.EPERM)
refused(lambda: os.sched_setaffinity(0, {0}), errno.EPERM)
assert os.umask(0) == 0o077
"""

SEALED = """
import ctypes, sqlite3, ssl
from nwip.security.keys import KeyPair
from nwip.security.noise import Initiator, Responder
ours, theirs, psk = KeyPair.generate(), KeyPair.generate(), bytes(32)
first = Initiator(ours, theirs.public, psk, b"here")
second = Responder(theirs, b"here")
assert second.first(first.first(b"hello")) == b"hello"
"""


@pytest.mark.real("root", "netns", "systemd-analyze", "gcc")
@pytest.mark.parametrize("script", [ATTEMPTS, SEALED], ids=["what is closed", "what must work"])
def test_the_restrictions_hold_and_leave_cryptography_alone(folder: Path, script: str) -> None:
    python = readable_python()
    own_directories(folder)
    command = [*confinement(folder, python, "nwip.service"), python.program, "-W", "ignore", "-c", script]
    done = subprocess.run(
        command,
        env={**os.environ, **environment(python)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
