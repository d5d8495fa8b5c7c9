import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nwip.security.audit import AUDIT, AuditLog, audit
from nwip.security.audit_file import AuditFile


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()


@pytest.fixture
def lines() -> Iterator[list[str]]:
    handler = Lines()
    log = AuditLog(handler, CLOCK)
    yield handler.lines
    log.close()


def test_a_line_names_the_event_and_its_facts(lines: list[str]) -> None:
    audit("joined", "203.0.113.7", link="dosbox", node="02A0C9123456", address="203.0.113.7:40213", why=None)
    assert lines == ["joined link=dosbox node=02A0C9123456 address=203.0.113.7:40213"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("two words", '"two words"'),
        ('a "b" \\', r'"a \"b\" \\"'),
        ("x\nbanned link=dosbox", r'"x\nbanned link=dosbox"'),
        ("\x1b[2J\u202e", r'"\u001b[2J\u202e"'),
        ("k=v", '"k=v"'),
        ("", '""'),
        (7, "7"),
    ],
)
def test_no_value_can_make_a_line_or_a_fact_of_its_own(value: object, written: str, lines: list[str]) -> None:
    audit("joined", "203.0.113.7", who=value)
    assert lines == [f"joined who={written}"]


def test_what_repeats_is_left_out_and_told(lines: list[str]) -> None:
    CLOCK.now += 1000
    for _ in range(15):
        audit("refused", "203.0.113.8", why="full")
    audit("joined", "203.0.113.8")
    audit("refused", "203.0.113.9", why="full")
    assert lines == ["refused why=full"] * 10 + ["joined left-out=5", "refused why=full"]
    CLOCK.now += 6
    audit("refused", "203.0.113.8", why="full")
    assert lines[-1] == "refused why=full"


def test_many_sources_together_are_bounded_too(lines: list[str]) -> None:
    CLOCK.now += 1000
    for number in range(3000):
        audit("refused", f"10.0.{number >> 8}.{number & 255}")
    assert len(lines) == 1000


def test_nothing_is_written_unless_it_is_wanted(caplog: pytest.LogCaptureFixture) -> None:
    audit("joined", "203.0.113.7")
    assert not caplog.messages
    log = AuditLog()
    caplog.set_level(logging.INFO, "nwip.audit")
    audit("joined", "203.0.113.7")
    assert caplog.messages == ["joined"]
    log.close()
    log.close()
    audit("joined", "203.0.113.7")
    assert caplog.messages == ["joined"]
    assert not AUDIT.filters


def test_a_file_is_private_has_the_time_and_may_be_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "audit.log"
    log = AuditLog(AuditFile(path))
    audit("joined", "203.0.113.7", who="münchen")
    assert path.stat().st_mode & 0o777 == 0o600
    path.rename(tmp_path / "old")
    audit("left", "203.0.113.7")
    log.close()
    (old,), (new,) = (name.read_text().splitlines() for name in (tmp_path / "old", path))
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ joined who="m\\u00fcnchen"', old)
    assert new.endswith("Z left")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_had_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        AuditFile(tmp_path)


def test_a_full_disk_is_complained_of_once(caplog: pytest.LogCaptureFixture) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    log = AuditLog(AuditFile(Path("/dev/full")))
    audit("joined", "203.0.113.7")
    audit("left", "203.0.113.7")
    log.close()
    assert [message for message in caplog.messages if "gap" in message] == [
        "/dev/full cannot be written: the audit log has a gap"
    ]


def test_a_folder_that_may_not_be_looked_into_any_more_raises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def locked(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    log = AuditLog(AuditFile(tmp_path / "audit.log"))
    with monkeypatch.context() as patch:
        patch.setattr("logging.handlers.os.stat", locked)
        audit("joined", "203.0.113.7")
    log.close()
    assert "the audit log has a gap" in caplog.text
