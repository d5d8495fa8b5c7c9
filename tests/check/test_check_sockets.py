"""The sockets of this machine, and what the system lets be seen of them."""

# ruff: noqa: S108 - directories for temporary files are what it is about

import os
import shutil
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from check.recorded import LSOF, MACOS_NETSTAT, WINDOWS_NETSTAT
from nwip.check import sockets
from nwip.check.findings import Held
from nwip.check.processes import is_temporary, process_behind, process_of, runs_nwip
from nwip.check.sockets import held_sockets, try_to_bind


def test_a_listener_of_ours_is_seen_and_its_taken_connections_are_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            assert held_sockets({port}).sockets == [Held(port, "tcp", "127.0.0.1", os.getpid())]
            assert try_to_bind(port, "tcp") == "taken"
    assert try_to_bind(port, "tcp") == "ok"


def test_a_port_of_an_outgoing_connection_is_told_as_such() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        port = client.getsockname()[1]
        assert held_sockets({port}).sockets == [Held(port, "tcp", "127.0.0.1", os.getpid(), outgoing=True)]


def test_a_udp_socket_is_seen() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        assert held_sockets({port}).sockets == [Held(port, "udp", "127.0.0.1", os.getpid())]
        assert try_to_bind(port, "udp") == "taken"


def refuse(_kind: str) -> list[object]:
    raise psutil.AccessDenied


def printing(monkeypatch: pytest.MonkeyPatch, texts: dict[tuple[str, ...], str]) -> None:
    monkeypatch.setattr(psutil, "net_connections", refuse)
    monkeypatch.setattr(sockets, "_output", lambda *command: texts.get(command, ""))


def test_where_the_system_tells_root_only_lsof_and_netstat_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    printing(monkeypatch, {("lsof", "-nP", "-i"): LSOF, ("netstat", "-an"): MACOS_NETSTAT})
    seen = held_sockets({396, 213, 43981})
    assert Held(396, "tcp", "0.0.0.0", 4242, False, "python3.1", "anna") in seen.sockets
    assert Held(213, "udp", "0.0.0.0") in seen.sockets
    assert Held(43981, "udp", "192.168.1.20", 4321, True, "Google Ch", "anna") in seen.sockets
    assert any("lsof and netstat" in note for note in seen.notes)


def test_on_windows_netstat_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    printing(monkeypatch, {("netstat", "-ano"): WINDOWS_NETSTAT})
    monkeypatch.setattr(sockets, "os", SimpleNamespace(name="nt", geteuid=lambda: 0))
    assert held_sockets({396, 2010}).sockets == [
        Held(396, "tcp", "127.0.0.1", 4321),
        Held(2010, "tcp", "::", 992),
        Held(396, "udp", "fe80::1", 1044),
    ]


def test_a_process_is_told_with_all_the_system_knows() -> None:
    process = process_of(Held(396, "tcp", "0.0.0.0", os.getpid()))
    assert process is not None
    assert Path(process.executable).samefile(sys.executable)
    assert process.command[0] == psutil.Process().cmdline()[0]
    assert process.parent.endswith(f"({os.getppid()})")
    assert process.started.endswith("+00:00")
    assert not process.deleted
    assert (process.package is None) == (not any(map(shutil.which, ("dpkg", "rpm", "pacman"))))


def test_a_process_that_has_gone_or_is_not_told_is_what_a_listing_said() -> None:
    gone = process_of(Held(396, "tcp", "0.0.0.0", 2**22 + 1, False, "python3.1", "anna"))
    assert gone is not None
    assert (gone.name, gone.user) == ("python3.1", "anna")
    assert process_of(Held(396, "tcp", "0.0.0.0")) is None


def test_a_node_is_known_by_its_number_or_its_command_line() -> None:
    held = Held(396, "tcp", "0.0.0.0", os.getpid())
    known = process_of(held, {os.getpid()})
    assert known is not None
    assert known.is_nwip
    assert runs_nwip(["/usr/bin/python3", "/opt/nwip/bin/nwip", "up"])
    assert runs_nwip(["/usr/bin/python3", "-m", "nwip", "up"])
    assert runs_nwip(["/usr/local/bin/nwip", "up"])
    assert not runs_nwip(["/usr/bin/vim", "nwip"])
    assert not runs_nwip(["/usr/bin/python3", "-m", "http.server", "nwip"])
    assert not runs_nwip([])


@pytest.mark.parametrize(
    ("path", "is_so"),
    [
        ("/tmp/x", True),
        ("/dev/shm/x", True),
        ("/var/tmp/a/b", True),
        ("/usr/bin/x", False),
        ("/tmpx/x", False),
    ],
)
def test_directories_for_temporary_files_are_known(path: str, is_so: bool) -> None:
    assert is_temporary(path) is is_so


def test_the_process_behind_a_control_socket_is_the_one_that_listens(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "c"))
        sock.listen()
        assert process_behind(tmp_path / "c") == os.getpid()
    assert process_behind(tmp_path / "none") is None
