"""Queries with --dss: a real DSS on loopback, with a node's records in it."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from cli.running_node import nwip
from nwip.directory.parameters import Parameters
from nwip.directory.records import Host, Node, Record, Route, Service, Value
from nwip.directory.table import Directory
from nwip.dss.server import DssServer

OWNER = bytes(range(16))
NODE = bytes.fromhex("7E017F000001")
VALUES: tuple[Value, ...] = (
    Node(NODE, "museum", [("127.0.0.1", 43981), ("2001:db8::1", 43981)]),
    Service(4, "MUSEUM", 0xABCD01, b"\0\0\0\0\0\1", 0x451, 1),
    Service(0x47, "DR\xdcCKER", 0xABCD01, b"\0\0\0\0\0\1", 0x8060, 0),
    Route(0xABCD01, 0, 1),
    Host(bytes.fromhex("02005E000107"), 1),
)


async def _serve(started: threading.Event, stop: asyncio.Event, found: dict[str, int]) -> None:
    now, directory = asyncio.get_running_loop().time(), Directory()
    directory.heard(OWNER, incarnation=1, renewal=1, lease=600.0, age=120.0, now=now)
    for counter, value in enumerate(VALUES, 1):
        assert directory.merge(Record(OWNER, 1, counter, value), now)
    server = DssServer(
        Parameters(domain="nwip.example.org"),
        identity=bytes(16),
        boot=b"b" * 16,
        admit=lambda _: True,
        directory=directory,
    )
    await server.start([("127.0.0.1", 0)])
    found["port"] = server.endpoints[0][1]
    started.set()
    await stop.wait()
    await server.close()


@pytest.fixture(scope="module")
def dss() -> Iterator[str]:
    """A DSS on a free port, in a thread; its HOST:PORT."""
    started, stop, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()
    found: dict[str, int] = {}
    thread = threading.Thread(target=loop.run_until_complete, args=(_serve(started, stop, found),))
    thread.start()
    assert started.wait(30)
    yield f"127.0.0.1:{found['port']}"
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)
    loop.close()


def rows(command: str, *arguments: str) -> list[dict[str, object]]:
    result = nwip(command, *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["schema"] == 1
    found: list[dict[str, object]] = answer[command]
    for row in found:
        age = row.pop("age", 120.0)
        assert isinstance(age, float)
        assert 120.0 <= age < 180.0
    return found


def test_services_of_a_dss(dss: str) -> None:
    museum = {
        "type": 4,
        "type_name": "file server",
        "name": "MUSEUM",
        "address": "00ABCD01.000000000001.0451",
        "hops": 1,
        "owner": "museum",
    }
    assert rows("services", "--dss", dss, "--type", "file server") == [museum]
    assert [row["name"] for row in rows("services", "--dss", dss)] == ["MUSEUM", "DR\xdcCKER"]


def test_routes_of_a_dss(dss: str) -> None:
    assert rows("routes", "--dss", dss) == [
        {"network": "00ABCD01", "hops": 0, "ticks": 1, "owner": "museum", "next": "7E017F000001"}
    ]


def test_nodes_of_a_dss(dss: str) -> None:
    assert rows("nodes", "--dss", dss) == [
        {
            "name": "museum",
            "node": "7E017F000001",
            "endpoints": ["127.0.0.1:43981", "[2001:db8::1]:43981"],
            "hosts": 1,
            "self": False,
        }
    ]


def test_resolve_at_a_dss_finds_services_and_nodes_in_any_case(dss: str) -> None:
    assert rows("resolve", "mUseum", "--dss", dss) == [
        {"kind": "service", "name": "MUSEUM", "address": "00ABCD01.000000000001.0451"},
        {"kind": "node", "name": "museum", "address": "4E574950.7E017F000001"},
    ]


def test_a_name_that_a_dss_does_not_know_is_exit_code_1(dss: str) -> None:
    result = nwip("resolve", "barn", "--dss", dss)
    assert (result.exit_code, result.stderr) == (1, "nwip: nothing here is called barn\n")


def test_a_port_where_nothing_listens_is_exit_code_3() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        result = nwip("services", "--dss", f"127.0.0.1:{held.getsockname()[1]}")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("nwip: 127.0.0.1:")
    assert result.stderr.count("\n") == 1


def test_a_name_that_does_not_resolve_is_exit_code_3() -> None:
    result = nwip("nodes", "--dss", "nwip.invalid:396")
    assert result.exit_code == 3
    assert "nwip.invalid:396 cannot be resolved" in result.stderr


@pytest.mark.parametrize("server", ["", ":396", "host:0", "host:http", "a..b", "host:99999", "x" * 64])
def test_what_is_no_server_is_a_usage_error(server: str) -> None:
    result = nwip("routes", "--dss", server)
    assert result.exit_code == 2
    assert "--dss" in result.stderr
