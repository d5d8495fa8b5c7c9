"""Players at nodes of a sealed domain, all real processes: what crosses, and what a wire shows of it."""

import contextlib
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from real.namespaces import ip, two_hosts
from real.sealed_machines import DATA_PORT, PlayersMachine
from real.sniffer import Sniffer
from sealed_machine import until

pytestmark = pytest.mark.timeout(120)

NAME: Final = "sealed.test.nwip"
MARK: Final = b"in plain view"
AT_ONCE: Final = 3.0  # seconds: one, and what a loaded machine needs


@contextlib.contextmanager
def domain(first: PlayersMachine, *others: PlayersMachine, server: str | None = None) -> Iterator[None]:
    """Make a sealed domain whose DSS the first machine runs, let the others join, and run all.

    `server` is where others reach it, if not at its own address.
    """
    try:
        first.does("domain", "create", NAME)
        first.up()
        for other in others:
            named = ["--server", server] if server is not None else []
            other.does("join", first.invite("--name", other.name, *named))
            other.up()
        names = {machine.name for machine in (first, *others)}
        for machine in (first, *others):
            until(partial(sees_all, machine, names))
        yield
    finally:
        for machine in (*others, first):
            machine.end()


def sees_all(machine: PlayersMachine, names: set[str]) -> bool:
    return machine.sees() == names


def on_loopback(
    folder: Path, namespace: str | None = None
) -> tuple[PlayersMachine, PlayersMachine, PlayersMachine]:
    """Return a machine for the DSS and two others."""
    net = f"127.{128 + os.getpid() % 64}.{1 + os.getpid() // 64 % 200}"
    dss = f'dss.listen = ["{net}.1"]\ndss.port = 20396\ndss.peer-port = 22010'
    return (
        PlayersMachine(folder / "first", f"{net}.1", namespace, dss),
        PlayersMachine(folder / "west", f"{net}.2", namespace),
        PlayersMachine(folder / "east", f"{net}.3", namespace),
    )


@pytest.mark.real("root", "netns", "tshark")
@pytest.mark.asyncio
async def test_players_of_two_nodes_play_and_the_wire_shows_nothing_of_it(tmp_path: Path) -> None:
    capture = tmp_path / "wire.pcapng"
    with two_hosts("192.0.2.1/24", "192.0.2.2/24") as (alone, _):  # nobody else is on its loopback
        first, west, east = on_loopback(tmp_path, alone)
        with Sniffer(capture, DATA_PORT, "lo", alone) as sniffer, domain(first, west, east):
            anna, ben = west.player(), east.player()
            until(lambda: anna.reaches(ben, MARK))
            assert ben.reaches(anna, MARK * 2)
            assert ben.reaches(anna, MARK * 100), "in parts, or by a large datagram"
            told = west.domain_link()
            assert "tunnels open" in str(told["where"])
            traffic = next(row for row in west.rows("nodes") if row["name"] == "east")
            assert cast_int(traffic["packets_in"]) >= 2
            assert cast_int(traffic["packets_out"]) >= 1
    assert capture.stat().st_size > 2000
    assert MARK not in capture.read_bytes()
    starts = {line[0][:8] for line in await sniffer.fields("udp.payload", display="udp")}
    assert starts == {"01000000", "02000000", "04000000"}


def test_a_revocation_ends_the_traffic_of_whoever_it_was_and_of_nobody_else(tmp_path: Path) -> None:
    first, west, east = on_loopback(tmp_path)
    with domain(first, west, east):
        anna, ben, carla = west.player(), east.player(), first.player()
        until(lambda: anna.reaches(ben, b"hello"))
        until(lambda: carla.reaches(ben, b"hello"))
        first.does("domain", "revoke", "east")
        until(lambda: not anna.reaches(ben, b"after") and not carla.reaches(ben, b"after"), AT_ONCE)
        assert not ben.reaches(anna, b"from outside")
        assert not ben.reaches(carla, b"from outside")
        assert anna.reaches(carla, b"we go on")


def test_no_packet_is_lost_by_a_change_of_the_secret_nor_for_long_by_a_crash(tmp_path: Path) -> None:
    first, west, east = on_loopback(tmp_path)
    with domain(first, west, east):
        anna, ben = west.player(), east.player()
        until(lambda: anna.reaches(ben, b"hello"))
        first.does("domain", "rotate")
        assert all(anna.reaches(ben, bytes((number,))) for number in range(10))
        east.end(signal.SIGKILL)
        east.up()
        again = east.player()
        until(lambda: anna.reaches(again, b"hello"))
        assert again.reaches(anna, b"hello")
        carla = first.player()
        until(lambda: carla.reaches(again, b"under the new secret"))


@pytest.mark.real("root", "netns", "tshark")
@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("left", "right"), [("192.0.2.1/24", "192.0.2.2/24"), ("2001:db8::1/64", "2001:db8::2/64")]
)
async def test_large_packets_cross_a_path_of_1280_octets_in_no_fragment_of_ip(
    left: str, right: str, tmp_path: Path
) -> None:
    here, there = (address.partition("/")[0] for address in (left, right))
    with two_hosts("192.0.2.1/24", "192.0.2.2/24", mtu=1500) as (one, other):
        # one end is not told what the path carries: what is larger is lost; the other end's own card says it
        ip("-n", other, "link", "set", "eth0", "mtu", "1280")
        for name, address in ((one, left), (other, right)):
            if ":" in address:
                ip("-n", name, "address", "replace", address, "dev", "eth0", "nodad")
        first = PlayersMachine(tmp_path / "first", here, one, more=f'dss.listen = ["{here}"]')
        east = PlayersMachine(tmp_path / "east", there, other)
        with Sniffer(tmp_path / "cable", None, "eth0", other, outgoing=True) as sniffer, domain(first, east):
            anna, ben = first.player(), east.player()
            until(lambda: anna.reaches(ben, b"hello"))
            assert anna.reaches(ben, MARK * 107)
            assert ben.reaches(anna, MARK * 107)
    assert MARK not in (tmp_path / "cable").read_bytes()
    kind = "ipv6.fraghdr" if ":" in left else "ip.flags.mf == 1 or ip.frag_offset > 0"
    assert await sniffer.fields("frame.len", display=kind) == []


def cast_int(value: object) -> int:
    assert isinstance(value, int)
    return value
