"""Two real DOSBoxes as the demonstration's players."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Final

from nwip.demo.domain import DemoDomain, DemoError
from nwip.directory.records import Endpoint

WITHIN: Final = 15.0  # seconds

_CONFIGURATION: Final = """\
[sdl]
output=surface
[mixer]
nosound=true
[ipx]
ipx=true
[autoexec]
@echo off
mount c "{folder}"
c:
ipxnet connect {host} {port} > conn.txt
{commands}
exit
"""


async def two_dosboxes(domain: DemoDomain) -> dict[str, str]:
    """Run one DOSBox at each gateway at a time, while the other one is there; return what each saw."""
    with tempfile.TemporaryDirectory(prefix="nwip-demo-dosbox-") as name:
        seen = await asyncio.gather(
            *(_run(Path(name) / site, at) for site, at in domain.players_at.items()),
        )
    return dict(zip(domain.players_at, seen, strict=True))


async def _run(folder: Path, at: Endpoint) -> str:
    folder.mkdir()
    pings = "\n".join(f"ipxnet ping > ping{number}.txt" for number in range(4))
    configuration = folder / "dosbox.conf"
    text = _CONFIGURATION.format(folder=folder, host=at[0], port=at[1], commands=pings)
    configuration.write_text(text, "utf-8")
    process = await asyncio.create_subprocess_exec(
        "dosbox",
        "-conf",
        str(configuration),
        "-noconsole",
        env={**os.environ, "HOME": str(folder), "SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(WITHIN):
            await process.wait()
    except TimeoutError:
        raise DemoError(f"the DOSBox at {at[0]}:{at[1]} did not end within {WITHIN:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    files = sorted(folder.glob("*.TXT"))
    texts = [file.read_text("ascii", "replace") for file in files]
    best = next((text for text in texts[1:] if "Response from" in text), "")
    return (texts[0] if texts else "") + best
