"""A user whom every Debian has and who owns nothing, and a Python that this user may read."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import pytest

import nwip

USER: Final = "daemon"
SYSTEM_PYTHON: Final = "/usr/bin/python3"


class Python(NamedTuple):
    """A program that runs nwip, and what its environment must say for that."""

    program: str
    environment: dict[str, str]


@cache
def readable_python() -> Python:
    """Return a Python that goes on when it has become `USER`; skips the test where there is none."""
    ours = [nwip.__file__, msgspec.__file__]
    if _may_read([*ours, os.__file__]):
        return Python(sys.executable, {})
    library = f"/usr/lib/python{sys.version_info.major}.{sys.version_info.minor}/os.py"
    if shutil.which(SYSTEM_PYTHON) and _may_read([*ours, library]):
        places = [str(Path(file).parent.parent) for file in ours]
        return Python(SYSTEM_PYTHON, {"PYTHONPATH": os.pathsep.join(places)})
    pytest.skip("another user may not read nwip and its Python here")


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a directory that others may go through, as pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="nwip-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def _may_read(files: list[str]) -> bool:
    who = [f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    return all(
        subprocess.run(["setpriv", *who, "test", "-r", file], timeout=10, check=False).returncode == 0
        for file in files
    )
