"""A node uses the sockets that whoever started it has bound: by their names, or by their addresses."""

import json
import os
import socket
from pathlib import Path
from typing import cast

import pytest

from nwip import binding
from nwip.activation import passed_sockets
from nwip.config import ConfigError
from nwip.dataplane.passed import PassedSockets
from nwip.links.websocket.rooms import Room, WebSocketServers
from service.passing import TCP, UDP, bound, is_served, port_of, started
from service.started import end, first_line, write_configuration

BY_ADDRESS = """
[domain]
data-port = 20698
[dss]
listen = ["127.0.0.1"]
port = {tcp}
peer-port = 20697
store = "memory"
[[link]]
kind = "dosbox"
listen = ["127.0.0.1"]
port = {dosbox}
"""


def test_the_sockets_of_dss_and_players_are_used_by_address(tmp_path: Path) -> None:
    tcp, players = bound(TCP), bound(UDP)
    udp = bound(UDP, port=port_of(tcp))
    dss, dosbox = port_of(tcp), port_of(players)
    file = write_configuration(tmp_path, BY_ADDRESS.format(tcp=dss, dosbox=dosbox))
    with started(file, [("", tcp), ("", udp), ("", players)]) as process:
        told = json.loads(first_line(process))
        assert told["dss"] == [f"127.0.0.1:{dss}"]
        assert f"127.0.0.1:{dosbox}" in json.dumps(told["links"])
        assert is_served(dosbox)
        code, log = end(process)
    assert code == 0, log
    assert "used by nothing" not in log


def test_a_name_stands_above_the_addresses_of_the_file(tmp_path: Path) -> None:
    tcp, udp, peers, players = bound(TCP), bound(UDP), bound(TCP), bound(UDP)
    ports = [port_of(sock) for sock in (tcp, udp, peers, players)]
    file = write_configuration(tmp_path, BY_ADDRESS.format(tcp=20696, dosbox=20695))
    named = [("dss", tcp), ("dss", udp), ("peers", peers), ("dosbox", players)]
    with started(file, named) as process:
        told = json.loads(first_line(process))
        assert told["dss"] == [f"127.0.0.1:{ports[1]}"]
        assert is_served(ports[3])
        for port in (ports[0], ports[2]):
            socket.create_connection(("127.0.0.1", port), 5).close()
        for port in (20696, 20697):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), 5)
        assert end(process)[0] == 0


def test_a_socket_that_nothing_asks_for_is_named_in_the_log(tmp_path: Path) -> None:
    tcp, other = bound(TCP), bound(UDP)
    dss, port = port_of(tcp), port_of(other)
    file = write_configuration(tmp_path, BY_ADDRESS.format(tcp=dss, dosbox=20695))
    with started(file, [("", tcp), ("printer", other)]) as process:
        first_line(process)
        code, log = end(process)
    assert code == 0
    assert f"the socket passed for UDP 127.0.0.1:{port} is used by nothing that is configured" in log


def test_the_data_port_of_a_node_can_be_passed_too(tmp_path: Path) -> None:
    data = bound(UDP)
    port = port_of(data)
    text = BY_ADDRESS.format(tcp=20696, dosbox=20695).replace("20698", str(port))
    with started(write_configuration(tmp_path, text), [("", data)]) as process:
        assert json.loads(first_line(process))["data"] == f"127.0.0.1:{port}"
        code, log = end(process)
    assert code == 0
    assert "used by nothing" not in log


def test_a_socket_for_ipv6_and_ipv4_at_once_is_refused_in_one_sentence(tmp_path: Path) -> None:
    both = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    file = write_configuration(tmp_path, BY_ADDRESS.format(tcp=20696, dosbox=20695))
    with started(file, [("dss", both)]) as process:
        _, log = process.communicate(timeout=30)
        assert process.returncode == 2
    assert log.count("\n") == 1
    assert "BindIPv6Only=ipv6-only" in log


@pytest.mark.parametrize(
    "told", [{}, {"LISTEN_FDS": "1"}, {"LISTEN_FDS": "1", "LISTEN_PID": "8"}, {"LISTEN_FDS": "-1"}]
)
def test_sockets_for_another_process_are_left_alone(told: dict[str, str]) -> None:
    environment = {"LISTEN_PID": "9", **told, "HOME": "/"}
    assert passed_sockets(environment, 7).unused() == []
    assert environment == {"HOME": "/"}


@pytest.mark.parametrize("count", ["-1", "x", "", "²", "99999"])
def test_a_count_that_is_none_passes_nothing(count: str) -> None:
    assert passed_sockets({"LISTEN_FDS": count, "LISTEN_PID": "7"}, 7).unused() == []


def test_a_descriptor_that_is_no_socket_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nothing:  # noqa: PTH123 - a descriptor is what is wanted
        monkeypatch.setattr("nwip.activation.FIRST_DESCRIPTOR", nothing.fileno())
        environment = {"LISTEN_FDS": "1", "LISTEN_PID": "7", "LISTEN_FDNAMES": "dss"}
        with pytest.raises(ConfigError, match=r'number 1 \("dss"\), that cannot be used: .*ocket'):
            passed_sockets(environment, 7)


def test_a_socket_is_lent_to_one_at_a_time_and_again_when_it_is_closed() -> None:
    passed = PassedSockets()
    sock = bound(UDP)
    at = ("127.0.0.1", port_of(sock))
    passed.add(sock)
    assert passed.unused() == [f"UDP 127.0.0.1:{at[1]}"]
    assert passed.lend(TCP, at) is None
    first = passed.lend(UDP, at)
    assert first is not None
    assert first.getsockname() == at
    with pytest.raises(OSError, match="in use"):
        passed.lend(UDP, at)
    first.close()
    again = passed.lend(UDP, at)
    assert again is not None
    again.close()
    assert passed.unused() == []
    passed.close()


def test_a_wildcard_that_was_passed_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binding, "local_addresses", lambda: ["192.0.2.1", "127.0.0.1"])
    passed = PassedSockets()
    everywhere = ["0.0.0.0"]
    sock = bound(UDP, "0.0.0.0")
    port = port_of(sock)
    at_each = [("192.0.2.1", port), ("127.0.0.1", port)]
    assert binding.places(passed, UDP, "dss", everywhere, port) == at_each
    passed.add(sock)
    assert binding.places(passed, UDP, "dss", everywhere, port) == [("0.0.0.0", port)]
    assert binding.places(passed, TCP, "dss", everywhere, port) == [("0.0.0.0", port)]
    passed.close()


@pytest.mark.asyncio
async def test_a_room_for_browsers_takes_a_passed_socket() -> None:
    passed = PassedSockets()
    sock = bound(TCP)
    at = ("127.0.0.1", port_of(sock))
    passed.add(sock)
    servers = WebSocketServers(passed)
    assert await servers.enter(at, "doom", cast("Room", object())) == at
    assert passed.unused() == []
    await servers.leave(at, "doom")
    passed.close()


def test_what_cannot_be_served_is_refused() -> None:
    passed = PassedSockets()
    for family, kind, reason in (
        (socket.AF_UNIX, TCP, "neither TCP nor UDP"),
        (socket.AF_INET, TCP, "does not listen"),
        (socket.AF_INET, UDP, "not bound"),
    ):
        with socket.socket(family, kind) as sock, pytest.raises(ValueError, match=reason):
            passed.add(sock)
