"""Machines on which somebody makes a mistake: a directory, a file, real nodes, and what they say."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import nwip
from guide_pages import GUIDES
from sealed_machine import PATIENCE, until

HERE: Final = "127.44.0.1"
THERE: Final = "127.44.0.2"
ON_THE_PAGE: Final = {HERE: "192.0.2.1", THERE: "192.0.2.2"}
PAGE: Final = "mistakes.md"


def promises() -> dict[str, list[str]]:
    """Return what the page shows literally, by the title of each mistake; lines of each output block."""
    text = (GUIDES / PAGE).read_text("utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {
        section.partition("\n")[0]: [
            line
            for block in re.findall(r"^```output\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
            for line in block.splitlines()
        ]
        for section in sections
    }


def as_on_the_page(text: str) -> str:
    """Return what was said here with the addresses that the page has."""
    for ours, theirs in ON_THE_PAGE.items():
        text = text.replace(ours, theirs)
    return text


def environment() -> dict[str, str]:
    """Return the environment in which a program elsewhere finds the nwip that is tested."""
    ours = str(Path(nwip.__file__).parent.parent)  # where it runs, a relative path leads nowhere
    return {**os.environ, "PYTHONPATH": ours}


class Place:
    """A directory with `nwip.toml`, and the programs that run there; paths in what they say are short."""

    def __init__(
        self,
        folder: Path,
        text: str,
        before: Sequence[str] = (),
        *,
        program: str = sys.executable,
        more: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.file = folder / "nwip.toml"
        self.log = folder / "log"
        self.file.write_text(text)
        self._before = [*before, program]
        self._environment = {**environment(), **(more or {})}

    def nwip(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self._command(*arguments),
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command, and leave it to itself."""
        return subprocess.Popen(
            self._command(*arguments),
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    def says(self, *arguments: str) -> str:
        """Run a command to its end and return all that it says, as on the page."""
        done = self.nwip(*arguments)
        return as_on_the_page(done.stdout + done.stderr)

    def logged(self) -> str:
        """Return what the node has said so far, as on the page."""
        return as_on_the_page(self.log.read_text("utf-8"))

    @contextlib.contextmanager
    def up(self, *, ready: bool = True) -> Iterator[None]:
        """Run a node, from when it is ready or, where it cannot be, from its start."""
        with self.log.open("ab") as log:
            former = log.tell()  # what was said in former lives is no sign of this one
            process = subprocess.Popen(
                self._command("up"), cwd=self.folder, env=self._environment, stdout=log, stderr=log
            )
        try:
            if ready:
                until(
                    lambda: b"virtual network" in self.log.read_bytes()[former:] or process.poll() is not None
                )
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)

    def _command(self, *arguments: str) -> list[str]:
        return [*self._before, "-m", "nwip", "--config", "nwip.toml", *arguments]
