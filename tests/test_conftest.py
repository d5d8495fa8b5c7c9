"""A missing part skips a test with a way to get it, and fails it where NWIP_REQUIRE names the part."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")

NEEDS_DOSBOX = """
import pytest

@pytest.mark.real("dosbox")
def test_plays():
    pass
"""


def run_pytest(
    directory: Path, test: str, *, require: str = "", programs: tuple[str, ...] = ()
) -> tuple[int, str]:
    """Run one test file beside a copy of the conftest, on a machine that has just these programs."""
    search_path = directory / "bin"
    search_path.mkdir()
    for program in programs:
        (search_path / program).touch(mode=0o755)
    (directory / "conftest.py").write_text(CONFTEST.read_text())
    (directory / "test_it.py").write_text(test)
    (directory / "pytest.ini").write_text("[pytest]\nmarkers = real(part): needs parts\n")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", "test_it.py"],
        cwd=directory,
        env={
            **os.environ,
            "PATH": str(search_path),
            "NWIP_REQUIRE": require,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "",
            "COLUMNS": "200",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return result.returncode, result.stdout + result.stderr


def test_a_missing_part_skips_and_the_reason_says_how_to_get_it(tmp_path: Path) -> None:
    code, output = run_pytest(tmp_path, NEEDS_DOSBOX)
    assert code == 0
    assert "1 skipped" in output
    assert "needs dosbox: install it with 'make system-packages'" in output


def test_a_missing_part_that_is_required_fails_by_name(tmp_path: Path) -> None:
    code, output = run_pytest(tmp_path, NEEDS_DOSBOX, require="tshark, dosbox")
    assert code == 1
    assert "NWIP_REQUIRE names dosbox, but: needs dosbox" in output


def test_requiring_another_part_leaves_the_skip_a_skip(tmp_path: Path) -> None:
    code, output = run_pytest(tmp_path, NEEDS_DOSBOX, require="tshark")
    assert code == 0
    assert "1 skipped" in output


def test_a_part_that_is_there_runs_the_test(tmp_path: Path) -> None:
    code, output = run_pytest(tmp_path, NEEDS_DOSBOX, require="dosbox", programs=("dosbox",))
    assert code == 0
    assert "1 passed" in output


@pytest.mark.parametrize(
    ("marker", "require"), [("dosbocks", ""), ("dosbox", "dosbocks")], ids=["marker", "NWIP_REQUIRE"]
)
def test_a_misspelt_part_stops_the_run(tmp_path: Path, marker: str, require: str) -> None:
    code, output = run_pytest(tmp_path, NEEDS_DOSBOX.replace("dosbox", marker), require=require)
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "unknown real parts: dosbocks" in output
