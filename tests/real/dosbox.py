"""Real DOSBoxes for tests, and the DOS programs of `tests/dos` built for them."""

import contextlib
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from nwip.demo.dosbox import DosBox
from real.namespaces import inside

DOS_SOURCES: Final = Path(__file__).parent.parent / "dos"


def build_program(source: str, folder: Path) -> Path:
    """Assemble `tests/dos/SOURCE.asm` into a .COM program in a folder, and return its path."""
    program = folder / f"{source.upper()}.COM"
    command = ["nasm", "-f", "bin", "-Werror", "-o", str(program), str(DOS_SOURCES / f"{source}.asm")]
    subprocess.run(command, check=True, timeout=30)
    return program


@contextlib.asynccontextmanager
async def dosbox_in(namespace: str, folder: Path, commands: Sequence[str]) -> AsyncIterator[DosBox]:
    """Run a DOSBox in a network namespace."""
    box = DosBox(folder, commands)
    with inside(namespace):
        await box.__aenter__()
    try:
        yield box
    finally:
        await box.__aexit__(None, None, None)


__all__ = ["DosBox", "build_program", "dosbox_in"]
