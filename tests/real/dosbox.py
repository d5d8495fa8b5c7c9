"""Real DOSBoxes for tests, and the DOS programs of `tests/dos` built for them."""

import subprocess
from pathlib import Path
from typing import Final

from nwip.demo.dosbox import DosBox

DOS_SOURCES: Final = Path(__file__).parent.parent / "dos"


def build_program(source: str, folder: Path) -> Path:
    """Assemble `tests/dos/SOURCE.asm` into a .COM program in a folder, and return its path."""
    program = folder / f"{source.upper()}.COM"
    command = ["nasm", "-f", "bin", "-Werror", "-o", str(program), str(DOS_SOURCES / f"{source}.asm")]
    subprocess.run(command, check=True, timeout=30)
    return program


__all__ = ["DosBox", "build_program"]
