"""What others have written is there as they published it, with its licence, version and checksum."""

import hashlib
import re
from pathlib import Path

import pytest

import nwip.web

VENDOR = Path(nwip.web.__file__).parent / "static" / "vendor"
AXE = Path(__file__).parent / "axe"


@pytest.mark.parametrize("folder", [VENDOR, AXE], ids=["shipped", "of tests"])
def test_every_vendored_file_is_what_its_checksum_says(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text("ascii").splitlines()
    sums = {name: wanted for wanted, name in (line.split("  ", 1) for line in lines)}
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert files.keys() - {"SHA256SUMS", "README.md"} == sums.keys()
    for name, wanted in sums.items():
        assert hashlib.sha256(files[name].read_bytes()).hexdigest() == wanted, name


@pytest.mark.parametrize("folder", [VENDOR, AXE], ids=["shipped", "of tests"])
def test_every_vendored_package_has_its_licence_and_its_version(folder: Path) -> None:
    table = (folder / "README.md").read_text("utf-8")
    packages = [path.name for path in folder.iterdir() if path.is_dir()] or [folder.name]
    for name in packages:
        row = next(line for line in table.splitlines() if line.startswith(f"| {name} "))
        version = re.search(r"\d+\.\d+\.\d+", row)
        assert version
        place = folder / name if (folder / name).is_dir() else folder
        assert (place / "LICENSE").is_file()
        said = "".join(path.read_text("utf-8") for path in place.glob("*.js"))
        assert version[0] in said or name == "uplot", f"{name} says no {version[0]} of itself"
