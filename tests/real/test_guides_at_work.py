"""What the guides tell to type is typed, page by page, from top to bottom, and does what they say.

Each page has two machines of its own (`guide_machines.py`) and stand-ins for what it is about. A file of a
guide is saved, and counts when the guide starts nwip with it. A command must end with exit code 0, unless
`SAYS_NO` knows why not, and print the headings that the guide shows; it is tried again for a while, since
things are learned one after the other.
"""

import asyncio
import contextlib
import re
import shlex
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack
from pathlib import Path
from typing import Final

import pytest

from fixtures import netware_server as museum
from guide_pages import Block, Command, blocks, pages
from nwip.capture.pcapng import LinkType, PcapngWriter
from real.dosbox import DosBox
from real.guide_machines import PATIENCE, Machine, Machines, machines
from real.namespaces import inside
from real.old_machines import (
    client,
    in_a_qemu,
    in_a_qemu_that_serves,
    old_player,
    on_a_lan,
    on_the_switch,
    sending,
    server,
    windows,
)

Standing = Callable[[Machines], list[AbstractContextManager[None]]]

CAPTURES: Final = ("lan.pcapng", "lan.pcap.gz", "lan.pcap", "site.pcapng")
SHORTENED: Final = re.compile(r"nwip1:\S+")
HEADING: Final = re.compile(r"[A-Z][A-Z ,]+\Z")
ENDLESS: Final = re.compile(
    r"nwip capture (?!.*--count)|tshark -i|nwip sap advertise|nwip events --follow|nwip watch --json"
)

# Pages that do not begin with a file of their own: what runs there is this.
ALREADY_UP: Final = {
    "capture.md": """
        [[link]]
        kind = "dosbox"
        [[link]]
        kind = "ethernet"
        interface = "eth1"
        network = "AB12"
    """,
    "policy.md": "",
    "open-port.md": """
        [node]
        address = "192.0.2.1"
        [dss]
        listen = ["192.0.2.1"]
    """,
    "watching.md": "",
}

# Whom a page needs besides: from when a node runs, and from when a QEMU has been there.
WITH_A_NODE: Final[Mapping[str, Standing]] = {
    "86box.md": lambda them: [sending(client(), on_the_switch(them.second.namespace, "192.0.2.2"))],
    "capture.md": lambda them: [sending(server(), on_a_lan(*them.lans[0]))],
    "dos-pc.md": lambda them: [sending(client() + old_player(), on_a_lan(*them.lans[0]))],
    "ipx-only-machine.md": lambda them: [sending(client(), on_a_lan(*them.lans[0]))],
    "netware-server.md": lambda them: [
        sending(server(), on_a_lan(*them.lans[0])),
        sending(server(), in_a_qemu(them.first.namespace, 10086)),
    ],
    "two-sites.md": lambda them: [sending(server("000000B2"), on_a_lan(*them.lans[1]))],
    "win9x.md": lambda them: [sending(windows(), on_a_lan(*them.lans[0]))],
}
WITH_A_QEMU: Final[Mapping[str, Standing]] = {
    "ipx-only-machine.md": lambda them: [
        sending(server(), in_a_qemu_that_serves(them.first.folder / "netware.sock"))
    ],
}
PLAYERS: Final = {"dosbox-x.md": "192.0.2.1 213", "two-sites.md": "192.0.2.2 213"}

SAYS_NO: Final = {
    "nwip trace 0080C7A1B2C3": "the stand-in for a DOS PC answers no ping, as DOS would not",
    "nwip trace 0000C0C0.0080C7A1B2C3": "likewise",
    "nwip trace 2E5A0001.000000000001": "NetWare answers no ping",
    "nwip decode game.pcapng": "nobody plays while it is captured",
    "nwip dss forget museum": "nobody here has that name",
    "nwip dss forget 3f0a51": "nobody here has that identity",
    "nwip dss diff dss1 dss2": "something may change meanwhile",
}
SAYS: Final = {
    ("win9x.md", "nwip decode lan.pcapng --filter rip"): "request all networks",
    ("dos-pc.md", "nwip decode lan.pcapng"): "out lan      4E574950.0080C7A1B2C4",
    ("dos-pc.md", "nwip trace 0080C7A1B2C3"): "on lan",
    ("ipx-only-machine.md", "nwip decode machine.pcapng --filter '!hello'"): "nearest",
    ("ipx-only-machine.md", "nwip services --type 4"): "MUSEUM",
    ("ipx-only-machine.md", "nwip trace 0000C0C0.0080C7A1B2C3"): "machine",
    ("netware-server.md", "nwip services --type 4"): "MUSEUM",
    ("open-port.md", "nwip check 192.0.2.1"): "nwip/NetWare/IP",
    ("open-port.md", "nwip check 192.0.2.0/28 --timeout 0.3"): "192.0.2.1  396/tcp",
    ("netware-server.md", "nwip trace 2E5A0001.000000000001"): "server",
    ("two-sites.md", "nwip services"): "MUSEUM",
}
WORD_BY_WORD: Final = ("nwip dhcp-options", "nwip dss parameters set --filters filters.toml")
ELSEWHERE: Final = {
    "nwip demo": (
        "../test_demo.py",
        "test_it_shows_a_domain_and_ends_by_itself_within_twenty_seconds",
    ),
    "nwip discover lab.test --explain": (
        "test_discovery.py",
        "test_a_lame_delegation_is_recognised_and_leads_to_the_dss_all_the_same",
    ),
    "nwip web": ("test_web_in_chromium.py", "test_three_gateways_are_in_the_picture_and_their_traffic_moves"),
    "nwip web --listen 0.0.0.0 --token-file web-token": (
        "../cli/test_cli_web.py",
        "test_the_token_comes_from_a_file_or_the_environment",
    ),
}
NOT_STARTED: Final = {
    "discovery.md": "it leads to a domain of nobody's; tests/real/test_discovery.py has whole sites",
    "web.md": "it is a table of 'nwip web', which tests/cli/test_cli_web.py starts",
}
OTHER_MACHINES: Final = {
    "large-domain.md": "it has three machines, on which test_large_domain_guide.py types it",
}


class Reader:
    """Somebody who does what a page says."""

    def __init__(self, page: str, them: Machines, stack: AsyncExitStack) -> None:
        self.page = page
        self.them = them
        self._stack = stack
        self._waiting = {"up": WITH_A_NODE, "qemu": WITH_A_QEMU}
        self._in_dosbox: list[str] = []
        self._invitation = ""
        self.saved: set[Machine] = set()

    async def follow(self, block: Block) -> None:
        match block.kind:
            case "toml":
                self._save(block)
            case "console":
                for command in block.commands:
                    await self._type(command, block)
            case "dosbox":
                await self._play(block.text.splitlines())

    def _save(self, block: Block) -> None:
        machine = self.them.second if block.machine in {"site B", "dss2"} else self.them.first
        (machine.folder / block.file_name).write_text(machine.local(block.text), "utf-8")
        if block.file_name == "nwip.toml":
            assert machine not in self.saved, f"{block.where}: the file before it was never used"
            self.saved.add(machine)

    async def _type(self, command: Command, block: Block) -> None:
        if command.line in ELSEWHERE:
            return
        machine = self.them.of(command)
        words = command.parts[0]
        if words[0] == "nwip" and "up" in words:
            await asyncio.to_thread(self.start, machine, words)
        elif words[0].startswith("qemu"):
            outcome = await asyncio.to_thread(machine.run_qemu, command.line)
            assert outcome.code == 0, outcome.output
            self._meet("qemu")
        elif ENDLESS.search(command.line):
            file = machine.folder / (words[-1] if words[-1].endswith(".pcapng") else "none")
            outcome = await asyncio.to_thread(machine.run_until_it_works, command.line, file)
            assert outcome.code in {0, 130}, f"{command.line}: {outcome.output}"
        else:
            await asyncio.to_thread(self._run, machine, command, block)

    def start(self, machine: Machine, words: list[str]) -> None:
        machine.start(words)
        self.saved.discard(machine)
        machine.wait_for_node()
        self._meet("up")

    def _meet(self, occasion: str) -> None:
        standing = self._waiting.pop(occasion, {}).get(self.page)
        for each in standing(self.them) if standing else ():
            self._stack.enter_context(each)

    def _run(self, machine: Machine, command: Command, block: Block) -> None:
        end = time.monotonic() + PATIENCE
        allowed = {0, 1} if command.line in SAYS_NO else {0}
        line = command.line
        if line.startswith("nwip join"):  # the guide cannot know the line, and says to stop nwip there
            machine.stop()
            line = SHORTENED.sub(self._invitation, line)
        while True:
            outcome = machine.run(line)
            if line.startswith("nwip domain invite"):
                self._invitation = outcome.output.split()[2]
            assert outcome.code != 2, f"{block.where}: {command.line}\n{outcome.output}"
            lacking = self._lacking(command, outcome.output)
            if outcome.code in allowed and not lacking:
                return
            assert time.monotonic() < end, (
                f"{block.where}: {command.line}\nexit code {outcome.code}, lacks {lacking} in\n"
                f"{outcome.output}\n{machine.log if machine.node else ''}"
            )
            time.sleep(0.3)

    def _lacking(self, command: Command, output: str) -> list[str]:
        """Return what the guide shows and is not there, spaces aside."""
        there = {" ".join(line.split()) for line in output.splitlines()}
        shown = [" ".join(line.split()) for line in command.prints]
        if not command.line.startswith(WORD_BY_WORD):
            shown = [line for line in shown if HEADING.match(line)]
        text = SAYS.get((self.page, command.line), "")
        return [line for line in shown if line not in there] + ([] if text in output else [text])

    async def player(self, where: str, folder: Path) -> None:
        """Let somebody be there whom the page does not speak of."""
        with inside(self.them.second.namespace):
            await self._stack.enter_async_context(DosBox(folder, [f"ipxnet connect {where}"]))

    async def _play(self, lines: list[str]) -> None:
        """Type in one more DOSBox what this block and the ones before it say; it stays at its prompt."""
        self._in_dosbox += lines
        async with asyncio.timeout(PATIENCE * 2):
            for attempt in range(5):
                box = await self._box(self.them.second.folder / f"dosbox{len(self._in_dosbox)}-{attempt}")
                if not lacking_in(box, self._in_dosbox):
                    return
        raise AssertionError(lacking_in(box, self._in_dosbox))

    async def _box(self, folder: Path) -> DosBox:
        typed = [f"{line} > {number}.txt" for number, line in enumerate(self._in_dosbox)]
        box = DosBox(folder, [*typed, "echo over > over.txt"])
        configuration = folder / "dosbox.conf"
        configuration.write_text(configuration.read_text("ascii").replace("ipx=true", "ipx=false"), "ascii")
        with inside(self.them.second.namespace):
            await self._stack.enter_async_context(box)
        while not box.text("OVER.TXT"):
            await asyncio.sleep(0.1)
        return box


def lacking_in(box: DosBox, lines: list[str]) -> list[str]:
    """Return the output of those lines that did not do what they should."""
    wanted = {"ipxnet connect": "connected to server", "ipxnet ping": "Response from"}
    outputs = [(line, box.text(f"{number}.TXT")) for number, line in enumerate(lines)]
    return [
        f"{line}: {output}"
        for line, output in outputs
        if wanted.get(" ".join(line.split()[:2]), "") not in output
    ]


def captures(machine: Machine) -> None:
    """Put down the captures that a page reads."""
    for name in CAPTURES:
        with (machine.folder / name).open("wb") as file:
            writer = PcapngWriter(file)
            interface = writer.add_interface(LinkType.ETHERNET, "eth1")
            for frame in museum.FRAMES:
                writer.write(interface, 0, frame.replace(museum.LAN.to_bytes(4, "big"), b"\0\xab\xcd\1"))


@contextlib.contextmanager
def surroundings(page: str) -> Iterator[Machines]:
    # a UNIX socket's path is at most 107 octets, which pytest's own folders nearly fill
    with tempfile.TemporaryDirectory(prefix="nwip-guide-") as folder, machines(Path(folder)) as them:
        captures(them.first)
        if page in ALREADY_UP:
            (them.first.folder / "already.toml").write_text(ALREADY_UP[page], "utf-8")
        yield them


@pytest.mark.asyncio
@pytest.mark.timeout(300)
@pytest.mark.real("root", "netns", "dosbox", "qemu", "tshark", "nmap")
@pytest.mark.parametrize("page", [page for page in pages() if page not in OTHER_MACHINES])
async def test_what_a_guide_tells_to_type_does_what_it_says(page: str) -> None:
    with surroundings(page) as them:
        async with AsyncExitStack() as stack:
            reader = Reader(page, them, stack)
            if page in ALREADY_UP:
                reader.start(them.first, shlex.split("nwip --config already.toml up"))
            for block in blocks(page):
                if block.untried:
                    continue
                await reader.follow(block)
                if page in PLAYERS and block.kind == "console" and " up" in block.text:
                    await reader.player(PLAYERS[page], Path(them.second.folder) / f"player{block.line}")
            assert not reader.saved or page in NOT_STARTED


def test_what_is_tried_elsewhere_is_there() -> None:
    for file, name in ELSEWHERE.values():
        assert f"def {name}(" in (Path(__file__).parent / file).read_text("utf-8")
