"""`nwip watch` in a terminal of 80 columns and 24 lines, at a domain with two gateways and a player.

NWIP_SCREENSHOTS=1 writes what is seen into docs/watch.txt.
"""

import asyncio
import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nwip.links.dosbox.player import DosboxPlayer
from real.free_port import free_udp_port

pytestmark = [pytest.mark.asyncio, pytest.mark.real("tmux")]

DOCS = Path(__file__).parent.parent.parent / "docs"
WIDTH, HEIGHT = 80, 24


class Site:
    """A node in a process of its own."""

    def __init__(self, folder: Path, name: str, address: str, more: str, dss: str) -> None:
        self.control = folder / f"{name}.sock"
        self.file = folder / f"{name}.toml"
        self.player_port = free_udp_port()
        self.file.write_text(
            f"""
            [domain]
            name = "nwip.example.org"
            {more}
            [node]
            name = "{name}"
            address = "{address}"
            state = "{folder}/{name}"
            control = "{self.control}"
            [dss]
            {dss}
            [[link]]
            kind = "dosbox"
            listen = ["{address}"]
            port = {self.player_port}
            """
        )
        self.address = address
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "nwip", "--config", str(self.file), "up", "--json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            assert b"{" in await self.process.stdout.readline()

    async def end(self, how: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(how)
            await self.process.wait()


@asynccontextmanager
async def domain(folder: Path) -> AsyncIterator[tuple[Site, Site]]:
    port, data, peers = free_udp_port(), free_udp_port(), free_udp_port()
    ageing = f"data-port = {data}\nlease = 2\nrenewal = 0.5\nsynchronisation = 1"
    museum = Site(
        folder,
        "museum",
        "127.0.0.5",
        ageing,
        f'serve = true\nlisten = ["127.0.0.5"]\nport = {port}\npeer-port = {peers}',
    )
    barn = Site(folder, "barn", "127.0.0.6", "", f'servers = ["127.0.0.5:{port}"]')
    try:
        for site in (museum, barn):
            await site.start()
        yield museum, barn
    finally:
        for site in (barn, museum):
            await site.end(signal.SIGTERM)


class Terminal:
    """A tmux server of its own, with one window; no other that is still on its way out has its name."""

    _numbers = itertools.count()

    def __init__(self, folder: Path, *command: str, **environment: str) -> None:
        self._name = f"nwip-{next(self._numbers)}"
        self._folder = folder
        self._environment = {**os.environ, "TMUX_TMPDIR": str(folder), "LANG": "C.UTF-8", **environment}
        self._environment.pop("TMUX", None)
        line = " ".join(command) + "; echo ended with $?; sleep 60"
        self.tmux("new-session", "-d", "-x", str(WIDTH), "-y", str(HEIGHT), line)

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-f", "/dev/null", "-L", self._name, *arguments]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=True, timeout=20
        )
        return done.stdout

    async def shows(self, what: Callable[[str], object], within: float = 30.0) -> str:
        """Wait until the screen is as it should be, and return it."""
        screen = ""
        try:
            async with asyncio.timeout(within):
                while not what(screen := await asyncio.to_thread(self.tmux, "capture-pane", "-p")):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"the screen stays at:\n{screen}")
        return screen

    def close(self) -> None:
        self.tmux("kill-server")


@asynccontextmanager
async def watching(folder: Path, site: Site, *options: str, **environment: str) -> AsyncIterator[Terminal]:
    words = [sys.executable, "-m", "nwip", "watch", "--control", str(site.control), *options]
    terminal = Terminal(folder, *words, **environment)
    try:
        yield terminal
    finally:
        terminal.close()


async def play(player: DosboxPlayer) -> None:
    """Make traffic: ping whoever listens, again and again."""
    while True:
        await player.ping(timeout=0.05)


def lines_of(screen: str, heading: str) -> list[str]:
    """Return the lines of a section: those behind its heading, up to the next."""
    *_, behind = re.split(rf"(?m)^{heading}.*$", screen, maxsplit=1)
    return re.split(r"(?m)^(?:[A-Z]{3,}|q ends)", behind)[0].strip("\n").splitlines()


async def test_a_domain_with_two_gateways_is_seen_at_80_by_24_and_so_is_a_loss(tmp_path: Path) -> None:
    async with (
        domain(tmp_path) as (museum, barn),
        watching(tmp_path, museum) as terminal,
        DosboxPlayer((barn.address, barn.player_port)) as there,
        DosboxPlayer((museum.address, museum.player_port)) as here,
    ):
        await there.register()
        await there.ping(timeout=0.05)
        await here.register()
        playing = asyncio.ensure_future(play(here))
        screen = await terminal.shows(
            lambda text: (
                re.search(r"(?m)^dosbox +[1-9]", text)
                and "nodes 2" in text
                and "PLAYER" in text
                and "barn" in text
                and "ALARMS: none" in text
            )
        )
        keep(screen)
        assert all(len(line) <= WIDTH for line in screen.splitlines())
        head, counts = screen.splitlines()[:2]
        assert head.startswith("nwip.example.org  network 4E574950  node museum")
        assert "players here 1" in counts
        assert "DSSs 1" in counts
        assert [line.split()[0] for line in lines_of(screen, "SITE")] == ["barn", "museum"]
        assert {line.split()[0] for line in lines_of(screen, "LINK")} >= {"dosbox"}
        (dss,) = lines_of(screen, "DSS ")
        assert "primary, here" in dss
        (player,) = lines_of(screen, "PLAYER")
        assert here.address is not None
        assert player.split()[0] == here.address.node.hex().upper()
        assert any("node barn has joined" in line for line in lines_of(screen, "EVENTS"))
        assert screen.rstrip().endswith("q ends")

        await barn.end(signal.SIGKILL)
        screen = await terminal.shows(lambda text: "ALARMS: 1" in text and "nodes 1" in text)
        assert "node barn has gone without a word" in screen
        (age,) = re.findall(r"for ([\d.]+) s: node barn", screen)
        await terminal.shows(
            lambda text: (
                (found := re.findall(r"for ([\d.]+) s: node barn", text))
                and float(found[0]) >= float(age) + 1
            )
        )
        await barn.start()
        await terminal.shows(lambda text: "ALARMS: none" in text and "node barn is back" in text)
        playing.cancel()


async def test_it_follows_the_size_of_the_window_and_ends_at_q(tmp_path: Path) -> None:
    async with domain(tmp_path) as (museum, _), watching(tmp_path, museum, "--interval", "30") as terminal:
        await terminal.shows(lambda text: "EVENTS" in text)
        terminal.tmux("resize-window", "-x", "60", "-y", "14")
        # tmux first shows what is left of the old picture: the new one says that 14 lines do not hold it all
        screen = await terminal.shows(lambda text: len(text.splitlines()) == 14 and "more" in text)
        assert "EVENTS" in screen
        assert "q ends" in screen
        terminal.tmux("send-keys", "q")
        screen = await terminal.shows(lambda text: "ended with 0" in text)
        assert "EVENTS" not in screen, "the screen is as it was before"


async def test_ctrl_c_ends_it_and_no_color_is_heeded(tmp_path: Path) -> None:
    async with domain(tmp_path) as (museum, barn):
        async with watching(tmp_path, museum) as terminal:
            await terminal.shows(lambda text: "nodes 2" in text)
            await barn.end(signal.SIGKILL)
            await terminal.shows(lambda text: "ALARMS: 1" in text)
            assert "\x1b[31m" in terminal.tmux("capture-pane", "-p", "-e"), "alarms are red"
            terminal.tmux("send-keys", "C-c")
            await terminal.shows(lambda text: "ended with 130" in text)
        async with watching(tmp_path, museum, NO_COLOR="1") as terminal:
            await terminal.shows(lambda text: "ALARMS: 1" in text)
            assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", terminal.tmux("capture-pane", "-p", "-e"))


async def test_it_waits_for_a_node_that_goes_away(tmp_path: Path) -> None:
    async with domain(tmp_path) as (_, barn), watching(tmp_path, barn, "--interval", "0.2") as terminal:
        await terminal.shows(lambda text: "EVENTS" in text)
        await barn.end(signal.SIGTERM)
        await terminal.shows(lambda text: "the node does not answer" in text)
        await barn.start()
        await terminal.shows(lambda text: "node barn" in text and "SITE" in text)


def keep(screen: str) -> None:
    """Write the picture into the docs, if that is wanted; what is always another is made the same."""
    if os.environ.get("NWIP_SCREENSHOTS"):
        (DOCS / "watch.txt").write_text(screen.rstrip() + "\n", "utf-8")


async def test_the_picture_in_the_docs_is_one_of_80_by_24() -> None:
    lines = (DOCS / "watch.txt").read_text("utf-8").splitlines()
    assert len(lines) <= HEIGHT
    assert max(map(len, lines)) <= WIDTH
    text = "\n".join(lines)
    for heading in ("ALARMS", "SITE", "LINK", "DSS ", "PLAYER", "EVENTS"):
        assert lines_of(text, heading)
