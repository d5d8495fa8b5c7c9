"""Runs the demonstration and shows what happens, step by step."""

import asyncio
import json
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from nwip.demo.domain import DOMAIN, NETWORK, SITES, DemoDomain, DemoError
from nwip.demo.dosbox import two_dosboxes
from nwip.demo.story import ROUND_TRIPS, Told, play
from nwip.ipx.address import format_node
from nwip.links.dosbox.player import DosboxPlayer

NEXT_STEPS: Final = """\
Next steps
  nwip up                     a domain on this machine; it prints the line to type in DOSBox
  nwip config example         everything that can be set, and how to join a second gateway
  nwip services | routes | nodes | links | clients       what a running node knows"""


INTERRUPTED: Final = 130

Table = Callable[[str, Sequence[Mapping[str, object]]], None]


def run(table: Table, *, keep: bool = False, dosbox: bool = False, as_json: bool = False) -> int:
    """Show a whole domain; return the exit code: 0 when everything that was promised happened.

    `table` prints rows of "nodes", "clients" or "services". `keep` leaves the domain running until Ctrl-C;
    `dosbox` uses two real DOSBoxes as players; `as_json` prints one object instead of the story.
    """
    show = Show(table, quiet=as_json)
    try:
        return asyncio.run(show.run(keep=keep, dosbox=dosbox))
    except (DemoError, TimeoutError) as error:
        click.echo(f"nwip demo: {error or 'no answer in time'}", err=True)
        return 1
    except asyncio.CancelledError:
        return INTERRUPTED


class Show:
    """One run; collects its facts for `--json`."""

    def __init__(self, table: Table, *, quiet: bool) -> None:
        self._print_table = table
        self._quiet = quiet
        self._facts: dict[str, object] = {"schema": 1}

    async def run(self, *, keep: bool, dosbox: bool) -> int:
        """Show everything; return the exit code."""
        if dosbox and shutil.which("dosbox") is None:
            raise DemoError("DOSBox is not installed: on Debian, apt-get install dosbox")
        this = asyncio.current_task()
        if this is not None:  # its nodes end with it, by SIGTERM as by Ctrl-C
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
        start = time.monotonic()
        self._say(f"A NetWare/IP domain on loopback: {DOMAIN}, virtual network {NETWORK}\n")
        async with DemoDomain() as domain:
            self._found(domain, time.monotonic() - start)
            ok = await (self._dosboxes(domain) if dosbox else self._players(domain))
            self._say(f"Done in {time.monotonic() - start:.1f} s.\n\n{NEXT_STEPS}")
            if self._quiet:
                click.echo(json.dumps(self._facts, indent=2))
            if keep:
                await self._stay(domain)
        return 0 if ok else 1

    def _found(self, domain: DemoDomain, seconds: float) -> None:
        nodes = domain.sites["west"].ask("nodes")
        self._facts |= {"domain": DOMAIN, "network": NETWORK, "ready_seconds": seconds, "nodes": nodes}
        self._say(f"1. Three nodes have found the DSS at {domain.dss[0]}:{domain.dss[1]} and each other:")
        self._table("nodes", nodes)

    async def _players(self, domain: DemoDomain) -> bool:
        west, east = (domain.players_at[name] for name in SITES)
        async with DosboxPlayer(west) as anna, DosboxPlayer(east) as ben:
            for player, name in ((anna, "west"), (ben, "east")):
                await player.register()
                await player.ping(timeout=0.05)  # using its number proves that a player receives
                await domain.sites[name].until("clients", 1)
            self._clients(domain)
            told = await play(anna, ben)
            self._tell(told)
            services = await domain.sites["west"].until("services", 1)
            self._facts["services"] = services
            self._table("services", services)
        return told.lost == 0 and bool(told.pings) and told.found is not None

    def _clients(self, domain: DemoDomain) -> None:
        clients = [{**row, "link": name} for name in SITES for row in domain.sites[name].ask("clients")]
        self._facts["clients"] = clients
        self._say("2. Anna has connected to the gateway west, Ben to east; both are on the virtual network:")
        self._table("clients", clients)

    def _tell(self, told: Told) -> None:
        best, worst = min(told.round_trips, default=0.0), max(told.round_trips, default=0.0)
        self._facts |= {
            "ping": [{"from": format_node(node), "seconds": seconds} for node, seconds in told.pings],
            "round_trips": {
                "sent": ROUND_TRIPS,
                "lost": told.lost,
                "seconds": {"least": best, "median": told.median, "most": worst},
            },
            "nearest": str(told.found.address) if told.found else None,
        }
        self._say("3. Anna pings everyone, as `ipxnet ping` does:")
        for node, seconds in told.pings:
            self._say(f"   answer from {format_node(node)} in {_ms(seconds)}")
        self._say(f"\n4. Anna broadcasts; Ben hears: {told.broadcast.payload.decode()!r}")
        self._say(f"\n5. {ROUND_TRIPS} packets to Ben and back: {told.lost} lost,")
        self._say(f"   round trip {_ms(best)} least, {_ms(told.median)} median, {_ms(worst)} most")
        self._say(
            "\n6. Ben announces a service by SAP; Anna's nearest-server query is answered by her gateway:"
        )
        if told.found:
            self._say(f"   {told.found.name} at {told.found.address}\n   What `nwip services` shows at west:")

    async def _dosboxes(self, domain: DemoDomain) -> bool:
        self._say("2. Two headless DOSBoxes connect, one to each gateway, and ping everyone:")
        outputs = await two_dosboxes(domain)
        self._facts["dosbox"] = outputs
        for name, text in outputs.items():
            self._say(f"   {name}:")
            self._say("\n".join("     " + line for line in text.splitlines() if line.strip()))
        return all("Response from" in text for text in outputs.values())

    async def _stay(self, domain: DemoDomain) -> None:
        self._say("\nStill running; end it with Ctrl-C. In DOSBox, type one of:")
        for address, port in domain.players_at.values():
            self._say(f"  ipxnet connect {address} {port}")
        self._say("Ask it with:")
        for site in domain.sites.values():
            self._say(f"  nwip nodes --control {Path(site.folder) / 'control.sock'}")
        await asyncio.Event().wait()

    def _say(self, text: str) -> None:
        if not self._quiet:
            click.echo(text)

    def _table(self, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        if not self._quiet:
            self._print_table(name, rows)
            click.echo()


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
