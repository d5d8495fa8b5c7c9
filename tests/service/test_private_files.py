"""What nwip writes is for its user alone, whatever the umask of whoever starts it."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nwip.private_files import open_private
from nwip.state import State
from service.another_user import USER
from service.started import end, first_line, nwip_up, write_configuration

WITH_A_LIST = """
[domain]
data-port = 20898
[dss]
port = 20896
peer-port = 20897
[[link]]
kind = "dosbox"
listen = ["127.0.0.1"]
port = 20895
[[link]]
kind = "rfc1234"
network = "1F20"
listen = "127.0.0.1"
port = 20894
peer-list = "{list}"
"""


def test_files_and_directories_are_for_their_owner_alone(tmp_path: Path) -> None:
    peers = tmp_path / "peers.txt"
    peers.write_text("127.0.0.9\n")
    file = write_configuration(tmp_path, WITH_A_LIST.format(list=peers))
    written = tmp_path / "written"
    written.mkdir()
    with nwip_up(file, prepare=wide_open) as process:
        first_line(process)
        at = ["--control", str(tmp_path / "run" / "control.sock")]
        for words in (
            ["dss", "export", *at, str(written / "backup.jsonl")],
            ["capture", *at, "--seconds", "0.1", str(written / "traffic.pcapng")],
        ):
            command = [sys.executable, "-m", "nwip", *words]
            done = subprocess.run(
                command, preexec_fn=wide_open, timeout=60, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
        modes = {
            str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777
            for folder in (tmp_path / "state", tmp_path / "run", written)
            for path in (folder, *folder.rglob("*"))
            if path != written
        }
        end(process)
    for name in (
        "state",
        "state/identity",
        "state/directory.db",
        "state/directory.db-wal",
        "run/control.sock",
    ):
        assert name in modes
    assert {"written/backup.jsonl", "written/traffic.pcapng"} < modes.keys()
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


@pytest.mark.real("root")
def test_what_root_keeps_belongs_to_whom_the_directory_does(tmp_path: Path) -> None:
    shutil.chown(tmp_path, USER, USER)
    State(tmp_path).secret("identity", 16)
    kept = tmp_path / "identity"
    them = pwd.getpwnam(USER)
    assert (kept.stat().st_uid, kept.stat().st_gid, kept.stat().st_mode & 0o777) == (
        them.pw_uid,
        them.pw_gid,
        0o600,
    )


@pytest.mark.real("root")
def test_root_writes_through_no_link_that_the_user_has_put_there(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    ours.write_text("root's\n")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "soft").symlink_to(ours)
    (theirs / "hard").hardlink_to(ours)
    shutil.chown(theirs, USER, USER)
    for name, reason in (("soft", "symbolic"), ("hard", "Too many links")):
        with pytest.raises(OSError, match=reason):
            open_private(theirs / name, os.O_WRONLY | os.O_APPEND)
    assert (ours.stat().st_uid, ours.read_text()) == (0, "root's\n")
    (theirs / f"identity.{os.getpid()}").symlink_to(ours)
    State(theirs).secret("identity", 16)
    assert ours.read_text() == "root's\n"


def wide_open() -> None:
    os.umask(0)
