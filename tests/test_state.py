import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from nwip.state import State


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """Let files be as open as they may: 0600 must come from the state itself."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "a" / "state"


def left_in(home: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in home.iterdir()}


def test_a_secret_is_kept_from_one_start_to_the_next(home: Path) -> None:
    secret = State(home).secret("identity", 16)
    assert len(secret) == 16
    assert State(home).secret("identity", 16) == secret
    assert left_in(home) == {"identity": secret.hex() + "\n"}


def test_every_name_and_every_node_has_a_secret_of_its_own(home: Path, tmp_path: Path) -> None:
    state = State(home)
    secrets = [state.secret("identity", 16), state.secret("key", 16), State(tmp_path).secret("key", 16)]
    assert len(set(secrets)) == 3
    assert len(state.secret("long", 32)) == 32


def test_only_the_owner_may_read_a_secret_and_enter_its_directory(home: Path) -> None:
    State(home).secret("identity", 16)
    assert stat.S_IMODE((home / "identity").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_secret_is_never_open_to_others_even_while_it_is_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []

    def look(descriptor: int) -> None:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            modes.append(stat.S_IMODE(mode))

    monkeypatch.setattr(os, "fsync", look)
    State(home).secret("identity", 16)
    assert modes == [0o600]


def test_a_secret_that_a_person_wrote_is_taken_however_it_is_spelt(home: Path) -> None:
    home.mkdir(parents=True)
    (home / "identity").write_text("  00FFab 12\n\n")
    assert State(home).secret("identity", 4) == bytes.fromhex("00ffab12")


@pytest.mark.parametrize("content", [b"", b"00ff", b"00" * 17, b"not hexadecimal", b"\xff\xfe\x00" * 8])
def test_a_damaged_file_is_put_aside_and_said(
    home: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    home.mkdir(parents=True)
    (home / "identity").write_bytes(content)
    secret = State(home).secret("identity", 16)
    assert (home / "identity.damaged").read_bytes() == content
    assert State(home).secret("identity", 16) == secret
    (warning,) = caplog.records
    assert "does not hold 16 octets" in warning.getMessage()
    assert "identity.damaged" in warning.getMessage()


def test_nothing_that_was_put_aside_is_overwritten_by_further_damage(home: Path) -> None:
    home.mkdir(parents=True)
    for content in ("first", "second", "third"):
        (home / "identity").write_text(content)
        secret = State(home).secret("identity", 16)
    assert left_in(home) == {
        "identity.damaged": "first",
        "identity.damaged-2": "second",
        "identity.damaged-3": "third",
        "identity": secret.hex() + "\n",
    }


def test_where_nothing_can_be_written_the_secret_lasts_as_long_as_the_program_and_it_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file in the place of the directory stops even root."""
    blocked = tmp_path / "state"
    blocked.write_text("in the way")
    state = State(blocked)
    secret = state.secret("identity", 16)
    assert len(secret) == 16
    assert state.secret("identity", 16) == secret
    assert state.secret("key", 16) != secret
    assert State(blocked).secret("identity", 16) != secret
    assert blocked.read_text() == "in the way"
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert len(caplog.records) == 3
    assert "identity cannot be kept" in caplog.messages[0]


def test_a_secret_that_cannot_be_read_is_left_where_it_is(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = State(home).secret("identity", 16)

    def refuse(path: Path, encoding: str, errors: str) -> str:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", refuse)
        assert State(home).secret("identity", 16) != kept
    assert "Permission denied" in caplog.text
    assert State(home).secret("identity", 16) == kept


class Crash(BaseException):
    """Nothing that was to come after it happens."""


@pytest.mark.parametrize(("where", "step"), [(os, "fsync"), (Path, "replace")])
def test_a_crash_before_a_secret_is_in_its_place_leaves_none(
    home: Path, monkeypatch: pytest.MonkeyPatch, where: object, step: str
) -> None:
    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(where, step, crash)
        with pytest.raises(Crash):
            State(home).secret("identity", 16)
    assert not (home / "identity").exists()
    secret = State(home).secret("identity", 16)
    assert State(home).secret("identity", 16) == secret


def test_a_secret_is_on_the_disk_before_it_takes_its_place(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    replace = Path.replace

    def sync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        steps.append("named" if stat.S_ISDIR(found.st_mode) else f"{found.st_size} octets on the disk")

    def rename(path: Path, target: Path) -> Path:
        steps.append("in its place")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", rename)
    State(home).secret("identity", 16)
    assert steps == ["33 octets on the disk", "in its place", "named"]
    assert list(left_in(home)) == ["identity"]


def test_a_secret_that_must_last_is_none_where_it_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(OSError, match="state"):
        State(tmp_path / "state").lasting_secret("key", 32)


def test_what_is_added_to_a_file_stands_behind_what_was_there_for_its_owner_only(home: Path) -> None:
    state = State(home)
    assert state.read("roster") is None
    state.append("roster", "one\n")
    state.append("roster", "two\n")
    state.sync("roster")
    assert state.read("roster") == "one\ntwo\n"
    assert stat.S_IMODE((home / "roster").stat().st_mode) == 0o600


def test_an_addition_that_finds_no_room_is_an_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda _, data: len(data) - 1)
    with pytest.raises(OSError, match="No space left"):
        State(home).append("roster", "one\n")


def test_a_file_is_written_as_a_whole_or_not_at_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = State(home)
    state.write("roster", "before")

    def crash(_: int) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", crash)
        with pytest.raises(Crash):
            state.write("roster", "after")
    assert state.read("roster") == "before"
