"""The wheel in an empty environment: nwip runs from it; pages, completions and units are in their places."""

import os
import re
import select
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest

from manuals.files import files
from nwip import __version__
from nwip.cli.contents import COMMANDS

ROOT = Path(__file__).parent.parent
UNITS = ROOT / "packaging" / "systemd"
PATIENCE = 30.0
PROMPT = "ready> "
BASH = f"""
PS1='{PROMPT}'
bind 'set enable-bracketed-paste off'
"""
ZSH = f"""
PS1='{PROMPT}'
unsetopt zle_bracketed_paste prompt_sp
fpath=("$PREFIX/share/zsh/site-functions" $fpath)
autoload -Uz compinit
compinit -u -D
"""

pytestmark = pytest.mark.timeout(300)  # the wheel is built and installed within the first test


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and install it in an environment that has nothing else of its own.

    What nwip depends on is that of the tests: named in a file of paths, which comes after what is installed.
    """
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--wheel-dir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, timeout=100)
    (wheel,) = folder.glob("*.whl")
    place = folder / "place"
    venv.create(place, with_pip=False)
    python = str(place / "bin" / "python")
    install = [*pip, "--python", python, "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, timeout=100)
    packages = next((place / "lib").glob("python*")) / "site-packages"
    (packages / "rest.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return place


def environment(prefix: Path, **more: str) -> dict[str, str]:
    """Return what a user of this environment has, with neither PYTHONPATH nor this tree."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    path = f"{prefix / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1", "TERM": "dumb", **more}


def run(prefix: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment(prefix, **more),
        cwd=prefix,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_what_runs_is_what_the_wheel_brought(prefix: Path) -> None:
    where = run(prefix, "python", "-c", "import nwip; print(nwip.__file__)").stdout
    assert Path(where.strip()).is_relative_to(prefix)
    for command in (["nwip", "--version"], ["python", "-m", "nwip", "--version"]):
        assert run(prefix, *command).stdout == f"nwip {__version__}\n"


def test_the_demo_runs_from_the_wheel(prefix: Path) -> None:
    done = run(prefix, "nwip", "demo")
    assert done.returncode == 0, done.stderr
    assert "0 lost" in done.stdout


def test_what_is_made_from_the_code_is_in_its_place(prefix: Path) -> None:
    for place, text in files(__version__):
        assert (prefix / place).read_text("utf-8") == text


def test_the_units_are_in_their_places(prefix: Path) -> None:
    units = prefix / "lib" / "systemd" / "system"
    assert {path.name for path in units.iterdir()} == {path.name for path in UNITS.glob("nwip*.s*")}
    copies = {unit: UNITS / unit.name for unit in units.iterdir()}
    copies |= {path: UNITS / "drop-ins" / path.name for path in (prefix / "share/nwip/drop-ins").iterdir()}
    copies[prefix / "lib/sysusers.d/nwip.conf"] = ROOT / "packaging/sysusers.d/nwip.conf"
    assert len(copies) == 6
    for copy, source in copies.items():
        assert copy.read_bytes() == source.read_bytes()


def test_nothing_of_how_it_was_built_is_in_the_wheel(prefix: Path) -> None:
    with ZipFile(next(prefix.parent.glob("*.whl"))) as wheel:
        tops = {name.partition("/")[0] for name in wheel.namelist()}
        assert tops == {"nwip", f"nwip-{__version__}.data", f"nwip-{__version__}.dist-info"}
        for name in wheel.namelist():
            assert str(ROOT).encode() not in wheel.read(name), name


@pytest.mark.real("man")
def test_man_finds_every_page_and_has_nothing_to_say_against_it(prefix: Path) -> None:
    for page in ["nwip", "nwip.toml", *(f"nwip-{name}" for name in COMMANDS)]:
        shown = run(prefix, "man", "--warnings=w", page, MANPATH=str(prefix / "share" / "man"), MANWIDTH="80")
        assert (shown.returncode, shown.stderr) == (0, ""), page
        assert page.partition(".")[0] in shown.stdout


def completed(command: list[str], typed: str, wanted: str, env: Mapping[str, str]) -> str:
    """Type on a terminal, in a shell that has said its prompt; return what is there once `wanted` is."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
    )
    os.close(theirs)
    seen, expected = "", [PROMPT, wanted]
    end = time.monotonic() + PATIENCE
    try:
        while expected:
            ready, _, _ = select.select([ours], [], [], max(end - time.monotonic(), 0))
            assert ready, f"no {expected[0]!r} in {seen!r}"
            seen += os.read(ours, 4096).decode()
            if expected[0] in seen:
                del expected[0]
                if expected:
                    seen = ""
                    os.write(ours, typed.encode())
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return seen


@pytest.mark.real("pty", "bash-completion")
@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("nwip dom\t", "nwip domain "),
        ("nwip joi\t", "nwip join "),
        ("nwip dss par\t", "nwip dss parameters "),
        ("nwip up --po\t", "nwip up --portable "),
    ],
)
def test_bash_completes_commands_and_options(prefix: Path, tmp_path: Path, typed: str, wanted: str) -> None:
    start = tmp_path / "bashrc"
    start.write_text(f"{BASH}. /usr/share/bash-completion/bash_completion\n", "utf-8")
    env = environment(prefix, XDG_DATA_DIRS=str(prefix / "share"))
    completed(["bash", "--noprofile", "--rcfile", str(start), "-i"], typed, wanted, env)


@pytest.mark.real("pty")
def test_bash_completes_with_the_line_of_the_readme(prefix: Path, tmp_path: Path) -> None:
    (line,) = re.findall(r"`(\. ~/nwip/share/bash-completion/\S+)`", (ROOT / "README.md").read_text("utf-8"))
    start = tmp_path / "bashrc"
    start.write_text(BASH + line.replace("~/nwip", str(prefix)) + "\n", "utf-8")
    shell = ["bash", "--noprofile", "--rcfile", str(start), "-i"]
    completed(shell, "nwip dom\t", "nwip domain ", environment(prefix))


@pytest.mark.real("pty", "zsh")
@pytest.mark.parametrize(("typed", "wanted"), [("nwip dom\t", "ain"), ("nwip dss par\t", "ameters")])
def test_zsh_completes_commands(prefix: Path, tmp_path: Path, typed: str, wanted: str) -> None:
    (tmp_path / ".zshrc").write_text(ZSH, "utf-8")
    env = environment(prefix, ZDOTDIR=str(tmp_path), PREFIX=str(prefix))
    seen = completed(["zsh", "-d", "-i"], typed, wanted, env)
    assert wanted in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|.\x08", "", seen)


@pytest.mark.real("fish")
def test_fish_completes_commands_with_what_they_do(prefix: Path, tmp_path: Path) -> None:
    homes = {name: str(tmp_path) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    done = run(prefix, "fish", "-c", "complete -C 'nwip dom'", XDG_DATA_DIRS=str(prefix / "share"), **homes)
    name, says = done.stdout.split(maxsplit=1)
    assert name == "domain", done.stderr
    # click's script for fish takes a comma for the end of the text
    assert says.strip() == COMMANDS["domain"].sentence.partition(",")[0]
