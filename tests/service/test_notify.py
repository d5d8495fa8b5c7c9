"""A service manager is told when a node is ready, how it is, that it lives, and that it stops."""

import contextlib
import os
import socket
from pathlib import Path

import pytest

from nwip.notify import ServiceManager, watchdog_pause
from service.started import NotifySocket, end, first_line, nwip_up, write_configuration

ALONE = '[domain]\ndata-port = 20598\n[dss]\nport = 20596\npeer-port = 20597\nstore = "memory"\n'
WITHOUT_DSS = '[domain]\nname = "far.example"\n[dss]\nservers = ["127.0.0.1:9"]\n'


def names(folder: Path) -> list[str]:
    return [str(folder / "notify"), f"@nwip-notify-{os.getpid()}"]


@pytest.mark.parametrize("abstract", [False, True])
def test_a_node_tells_that_it_is_ready_lives_and_stops(tmp_path: Path, *, abstract: bool) -> None:
    file = write_configuration(tmp_path, ALONE)
    with NotifySocket(names(tmp_path)[abstract]) as manager:
        told = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "100000"}
        with nwip_up(file, told) as process:
            (first,) = manager.heard_until("READY=1")
            assert first[1].startswith("STATUS=node 7E017F000001 of the domain nwip.local, data on UDP 127.")
            assert "7E017F000001" in first_line(process)
            assert [manager.heard() for _ in range(3)] == [["WATCHDOG=1"]] * 3
            code, log = end(process)
        assert code == 0, log
        lives = manager.heard_until("STOPPING=1")
        assert lives[-1] == ["STOPPING=1", "STATUS=stopping"]
        assert all(lines == ["WATCHDOG=1"] for lines in lives[:-1])


def test_a_node_that_waits_for_its_dss_is_ready_and_says_so(tmp_path: Path) -> None:
    file = write_configuration(tmp_path, WITHOUT_DSS)
    with (
        NotifySocket(names(tmp_path)[0]) as manager,
        nwip_up(file, {"NOTIFY_SOCKET": manager.name}),
    ):
        assert manager.heard() == ["READY=1", "STATUS=waiting for a DSS of the domain"]


def test_a_node_goes_on_where_its_manager_does_not_listen(tmp_path: Path) -> None:
    file = write_configuration(tmp_path, ALONE)
    with nwip_up(file, {"NOTIFY_SOCKET": str(tmp_path / "nobody")}) as process:
        first_line(process)
        assert end(process)[0] == 0


@pytest.mark.timeout(10)
def test_a_full_queue_of_the_manager_holds_nobody_up_for_long(tmp_path: Path) -> None:
    with NotifySocket(names(tmp_path)[0]) as manager:
        filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        filler.setblocking(False)
        with filler, contextlib.suppress(BlockingIOError):
            while True:
                filler.sendto(b"x", manager.name)
        ServiceManager(manager.name).ready("well")


@pytest.mark.parametrize("told", ["", "none", "tcp:1", "@" + "x" * 200])
def test_what_is_no_socket_is_no_manager(told: str) -> None:
    manager = ServiceManager.of({"NOTIFY_SOCKET": told}, 7)
    manager.stopping()
    assert manager._address == b""


def test_signs_of_life_come_twice_as_often_as_they_must() -> None:
    assert watchdog_pause({"WATCHDOG_USEC": "3000000"}, 7) == 1.5
    assert watchdog_pause({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"}, 7) == 1.5
    assert watchdog_pause({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"}, 7) is None
    for nothing in ("", "0", "soon", "-5", "²", "9" * 400):
        assert watchdog_pause({"WATCHDOG_USEC": nothing}, 7) is None
