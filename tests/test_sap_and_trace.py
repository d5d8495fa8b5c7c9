"""`nwip sap advertise`, `sap find`, `trace` and `ping` on two real nodes, as programs of their own."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import nwip
from nodes import two_nodes
from nwip.ipx.address import format_node
from nwip.links.dosbox.player import DosboxPlayer

pytestmark = pytest.mark.asyncio


@contextlib.asynccontextmanager
async def command(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `nwip` and see that it ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nwip", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(30):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def answer(*arguments: str) -> tuple[int | None, dict[str, object]]:
    """Run `nwip ... --json`; return its exit code and its object."""
    async with command(*arguments, "--json") as process:
        output, _ = await process.communicate()
        found: dict[str, object] = json.loads(output)
        return process.returncode, found


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
async def test_a_service_is_advertised_until_the_command_is_stopped(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    async with two_nodes(tmp_path) as site, nwip.open_socket(control=site.at_east) as ben:
        where = ("--control", str(site.at_west))
        async with command("sap", "advertise", "HALL", "print queue", "--socket", "4545", *where) as process:
            assert await line(process) == (
                "HALL (type 0003) is advertised at 00C0FFEE.7E017F000005.4545; Ctrl-C withdraws it\n"
            )
            async with asyncio.timeout(10):
                while not await ben.find(3):
                    pass
            exit_code, found = await answer("sap", "find", "3", "--control", str(site.at_east))
            assert exit_code == 0
            services = found["services"]
            assert isinstance(services, list)
            assert [(row["name"], row["hops"]) for row in services] == [("HALL", 1)]
            await ben.send(b"print this", nwip.Address.parse(services[0]["address"]), 4)
            assert await line(process) == f"10 octets of type 4 from {ben.address}\n"
            process.send_signal(number)
            assert await line(process) == "HALL is withdrawn\n"
            assert await process.wait() == code
        async with asyncio.timeout(10):
            while await ben.find(3):
                pass


async def test_advertising_speaks_json_and_says_when_the_node_has_gone(tmp_path: Path) -> None:
    async with (
        two_nodes(tmp_path) as site,
        nwip.open_socket(control=site.at_west) as anna,
        command("sap", "advertise", "ECHO", "9000", "--json", "--control", str(site.at_west)) as process,
    ):
        facts = json.loads(await line(process))["advertised"]
        assert (facts["name"], facts["type"]) == ("ECHO", 0x9000)
        await anna.send(b"\1\2", nwip.Address.parse(facts["address"]))
        assert json.loads(await line(process))["packet"] == {
            "from": str(anna.address),
            "type": 0,
            "octets": "0102",
        }
        async with command("sap", "advertise", "ECHO", "9000", "--control", str(site.at_west)) as second:
            _, error = await second.communicate()
            assert error == b"nwip: another program here advertises 'ECHO' of type 9000\n"
            assert second.returncode == 1
        await site.west.stop()
        _, error = await process.communicate()
        assert b"has stopped" in error
        assert process.returncode == 3


async def test_a_way_through_two_nodes_to_a_player_is_traced_and_measured(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as site, DosboxPlayer(("127.0.0.6", 20213)) as carl:
        await carl.register()
        await carl.ping(timeout=0.05)
        node = format_node(carl.address.node)
        where = ("--control", str(site.at_west))
        async with asyncio.timeout(20):
            while True:  # until west knows the host
                code, found = await answer("trace", node, *where)
                if not found["gap"]:
                    break
        assert (code, found["reached"]) == (0, True)
        steps = found["trace"]
        assert isinstance(steps, list)
        assert [(step["what"], step["address"]) for step in steps] == [
            ("node", "00C0FFEE.7E017F000005"),
            ("link", "00C0FFEE"),
            ("node", "00C0FFEE.7E017F000006"),
            ("host", f"00C0FFEE.{node}"),
        ]
        assert [step["answered"] for step in steps] == [True, None, True, True]
        assert all(0 < step["seconds"] < 1 for step in steps[2:])
        code, found = await answer("trace", "7E017F000005", *where)
        assert (code, found["reached"]) == (0, True)
        code, found = await answer("trace", "00000BAD.1", *where)
        assert (code, found["gap"]) == (1, "no way to this network is known")
        async with command("trace", "FFFFFFFFFFFF", *where) as process:
            _, error = await process.communicate()
            assert (process.returncode, error) == (2, b"nwip: a broadcast goes many ways: name one host\n")
        code, found = await answer("ping", node, "--count", "1", *where)
        assert (code, found["sent"]) == (0, 1)
