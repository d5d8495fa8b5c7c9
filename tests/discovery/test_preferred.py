import asyncio
import socket
from collections.abc import Sequence

import pytest

from nwip.discovery.preferred import preferred_servers, split_server

USUAL = [396, 10396]
NAMES = {
    "one.test": ["192.0.2.1"],
    "two.test": ["192.0.2.2", "2001:db8::2", "192.0.2.2"],
    "again.test": ["192.0.2.1"],
}


@pytest.mark.parametrize(
    ("text", "host", "ports"),
    [
        ("dss.test", "dss.test", USUAL),
        ("dss.test:1", "dss.test", [1]),
        ("192.0.2.1", "192.0.2.1", USUAL),
        ("192.0.2.1:65535", "192.0.2.1", [65535]),
        ("2001:db8::1", "2001:db8::1", USUAL),
        ("::1", "::1", USUAL),
        ("[2001:db8::1]", "2001:db8::1", USUAL),
        ("[::1]:396", "::1", [396]),
    ],
)
def test_host_and_ports_are_split_and_without_a_port_both_usual_ones_are_meant(
    text: str, host: str, ports: list[int]
) -> None:
    assert split_server(text) == (host, ports)


@pytest.mark.parametrize(
    "text", ["dss:0", "dss:65536", "dss:", "dss:http", "dss:-1", "dss:1.5", "[::1]:", "[::1]:x"]
)
def test_a_port_that_is_none_is_a_mistake_that_names_it(text: str) -> None:
    with pytest.raises(ValueError, match=f"^'{text.rpartition(':')[2]}' is not a port number"):
        split_server(text)


def resolve(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[tuple[str, int]]:
    """Resolve names on a machine whose resolver knows `NAMES`."""

    async def resolver(
        host: str,
        port: int,
        *,
        type: int = 0,  # noqa: A002 - as asyncio has it
    ) -> Sequence[tuple[int, int, int, str, tuple[str, int]]]:
        assert type == socket.SOCK_STREAM  # else every address comes once for each kind of socket
        if host not in NAMES:
            raise socket.gaierror(socket.EAI_NONAME, f"{host} is unknown")
        return [(0, type, 0, "", (address, port)) for address in NAMES[host]]

    async def ask() -> list[tuple[str, int]]:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolver)
        return await preferred_servers(names)

    return asyncio.run(ask())


def test_servers_come_in_the_order_they_were_named_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve(monkeypatch, "two.test:5", "one.test:5", "again.test:5", "two.test:5") == [
        ("192.0.2.2", 5),
        ("2001:db8::2", 5),
        ("192.0.2.1", 5),
    ]


def test_a_server_without_a_port_is_asked_for_on_the_usual_port_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert resolve(monkeypatch, "two.test", "one.test:10396") == [
        ("192.0.2.2", 396),
        ("2001:db8::2", 396),
        ("192.0.2.2", 10396),
        ("2001:db8::2", 10396),
        ("192.0.2.1", 10396),
    ]


def test_names_that_do_not_resolve_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve(monkeypatch, "gone.test", "one.test:5", "lost.test") == [("192.0.2.1", 5)]


def test_if_no_name_resolves_there_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match=r"lost\.test"):
        resolve(monkeypatch, "gone.test", "lost.test")
    assert resolve(monkeypatch) == []


def test_addresses_need_no_resolver() -> None:
    assert asyncio.run(preferred_servers(["127.0.0.1:7", "127.0.0.2"])) == [
        ("127.0.0.1", 7),
        ("127.0.0.2", 396),
        ("127.0.0.2", 10396),
    ]
