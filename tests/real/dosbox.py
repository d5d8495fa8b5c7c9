"""Runs real DOSBoxes without a screen, each on a folder of its own; builds the programs of `tests/dos`."""

import asyncio
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

DOS_SOURCES: Final = Path(__file__).parent.parent / "dos"

CONFIGURATION: Final = """\
[sdl]
output=surface
[mixer]
nosound=true
[ipx]
ipx=true
[cpu]
core=normal
cycles=fixed 6000
[autoexec]
@echo off
mount c "{folder}"
c:
{commands}
"""


def build_program(source: str, folder: Path) -> Path:
    """Assemble `tests/dos/SOURCE.asm` into a .COM program in a folder, and return its path."""
    program = folder / f"{source.upper()}.COM"
    command = ["nasm", "-f", "bin", "-Werror", "-o", str(program), str(DOS_SOURCES / f"{source}.asm")]
    subprocess.run(command, check=True, timeout=30)
    return program


class DosBox:
    """One DOSBox that runs some commands with `folder` as its drive C:, ended when its block is left.

    Without an `exit` among the commands it stays at the prompt and goes on answering pings.
    """

    def __init__(self, folder: Path, commands: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._configuration = folder / "dosbox.conf"
        text = CONFIGURATION.format(folder=folder, commands="\n".join(commands))
        self._configuration.write_text(text, encoding="ascii")
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        environment = {**os.environ, "HOME": str(self._folder)}
        environment |= {"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"}
        with (self._folder / "dosbox.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                "dosbox",
                "-conf",
                str(self._configuration),
                "-noconsole",
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def finished(self, within: float) -> None:
        """Wait until it has exited by itself; `TimeoutError` after so many seconds."""
        assert self._process is not None
        async with asyncio.timeout(within):
            await self._process.wait()

    def text(self, name: str) -> str:
        """Return what a file in its folder says; empty when there is none."""
        path = self._folder / name
        return path.read_text(encoding="cp437") if path.exists() else ""
