"""Real DOSBoxes without a screen: two of them as the demonstration's players; the tests use them too."""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from nwip.demo.domain import DemoDomain, DemoError
from nwip.directory.records import Endpoint

WITHIN: Final = 15.0  # seconds for a DOSBox of the demonstration
PINGS: Final = 4  # tries to see the other one, which may start a moment later

_CONFIGURATION: Final = """\
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


class DosBox:
    """One DOSBox that runs some commands with `folder` as its drive C:, ended when its block is left.

    Without an `exit` among the commands it stays at the prompt and goes on answering pings.
    """

    def __init__(self, folder: Path, commands: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._configuration = folder / "dosbox.conf"
        text = _CONFIGURATION.format(folder=folder, commands="\n".join(commands))
        self._configuration.write_text(text, encoding="ascii")
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        environment = {**os.environ, "HOME": str(self._folder)}
        environment |= {"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"}
        with (self._folder / "dosbox.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *("dosbox", "-conf", str(self._configuration), "-noconsole"),
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
        if self._process is None:
            raise RuntimeError("use a DosBox inside `async with`")
        async with asyncio.timeout(within):
            await self._process.wait()

    def text(self, name: str) -> str:
        """Return what a file in its folder says; empty when there is none."""
        path = self._folder / name
        return path.read_text(encoding="cp437") if path.exists() else ""


async def two_dosboxes(domain: DemoDomain) -> dict[str, str]:
    """Run one DOSBox at each gateway, both at once; return what each said of its connection and pings.

    Raises `DemoError` when one does not end.
    """
    with tempfile.TemporaryDirectory(prefix="nwip-demo-dosbox-") as name:
        said = await asyncio.gather(
            *(_ping_everyone(Path(name) / site, at) for site, at in domain.players_at.items())
        )
    return dict(zip(domain.players_at, said, strict=True))


async def _ping_everyone(folder: Path, at: Endpoint) -> str:
    pings = [f"ipxnet ping > ping{number}.txt" for number in range(PINGS)]
    async with DosBox(folder, ["ipxnet connect {} {} > conn.txt".format(*at), *pings, "exit"]) as box:
        try:
            await box.finished(WITHIN)
        except TimeoutError:
            raise DemoError(f"the DOSBox at {at[0]}:{at[1]} did not end within {WITHIN:.0f} s") from None
        answers = [box.text(f"PING{number}.TXT") for number in range(PINGS)]
        return box.text("CONN.TXT") + next((text for text in answers if "Response from" in text), "")
