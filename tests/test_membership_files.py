"""What a member has stored outlives restarts, kill -9, a full disk and damage to a file."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nwip.charter import Charter
from nwip.config import ConfigError
from nwip.membership_files import MembershipFiles, roster_text, secrets_text
from nwip.security.domain_secrets import DomainSecrets
from nwip.security.invitations import GOOD_FOR, mark_of
from nwip.security.membership import Membership, NotAdmitted
from nwip.security.roster import Roster
from nwip.state import State
from security.membership_parts import AUTHORITY, DOMAIN, key, member, signed

CHARTER = Charter(domain=DOMAIN, authority=AUTHORITY.public.hex(), role="dss")
DAY = GOOD_FOR


class Clock:
    """A count of seconds since some start, and the time of day."""

    def __init__(self) -> None:
        self.now = 50.0
        self.wall = 1e9


def founded(home: Path) -> State:
    """Return the state directory of the DSS that holds the authority's key."""
    state = State(home)
    state.write("authority", AUTHORITY._private.private_bytes_raw().hex())
    roster = Roster(AUTHORITY.public, DOMAIN)
    for serial, (name, role) in enumerate((("dss-key", "dss"), ("key", "node")), 1):
        state.write(name, key(name)._private.private_bytes_raw().hex())
        roster.merge(signed(member(name, serial, role)))  # type: ignore[arg-type]
    state.write("roster", roster_text(roster))
    state.write("domain-secrets", secrets_text(DomainSecrets([(1, b"1" * 32)])))
    state.write("membership", CHARTER.text())
    return state


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(tmp_path: Path) -> State:
    return founded(tmp_path)


@pytest.fixture
def started(state: State, clock: Clock) -> Callable[[], MembershipFiles]:
    """Give a new start of the program."""

    def start() -> MembershipFiles:
        state.unlock()  # as the end of a program does, however it comes
        return MembershipFiles(state, CHARTER, "nwip.toml", clock=lambda: clock.now, wall=lambda: clock.wall)

    return start


Start = Callable[[], MembershipFiles]


def dss_of(files: MembershipFiles) -> Membership:
    assert files.dss is not None
    return files.dss


def invite(files: MembershipFiles, now: float = 50.0) -> bytes:
    invitations = dss_of(files).invitations
    assert invitations is not None
    return mark_of(invitations.issue("node", "museum", (), now))


def admit(files: MembershipFiles, name: str, now: float = 50.0) -> bytes:
    invitations = dss_of(files).invitations
    assert invitations is not None
    pending = invitations.find(invite(files, now), now)
    assert pending is not None
    return dss_of(files).admit(key(name).public, pending, now)


def test_node_and_dss_have_keys_of_their_own_and_one_roster(started: Start) -> None:
    files = started()
    dss = dss_of(files)
    assert (files.node.identity, dss.identity) == (key("key").identity, key("dss-key").identity)
    assert files.node.roster is dss.roster
    assert files.node.secrets is dss.secrets
    assert dss.is_dss(dss.key.public)
    assert not dss.is_dss(files.node.key.public)
    assert dss.signer is not None
    assert files.node.signer is None
    assert files.node.invitations is None


def test_a_node_has_no_dss_and_without_its_key_there_is_no_authority(state: State, started: Start) -> None:
    state.put_aside("authority", "is elsewhere")
    dss = dss_of(started())
    assert (dss.signer, dss.invitations) == (None, None)
    node = Charter(domain=DOMAIN, authority=AUTHORITY.public.hex(), role="node")
    assert MembershipFiles(state, node, keeping=False).dss is None


def test_one_program_at_a_time_keeps_the_files_and_others_may_read_them(state: State, started: Start) -> None:
    files = started()
    with pytest.raises(ConfigError, match="another nwip runs with it"):
        MembershipFiles(State(state.directory), CHARTER)
    admit(files, "guest")
    text = state.read("roster") or ""
    state.append("roster", text[:77])
    before = state.read("roster")
    reader = MembershipFiles(State(state.directory), CHARTER, keeping=False)
    assert reader.node.is_member(key("guest").public)
    reader.roster.merge(signed(member("other", 99)))
    assert state.read("roster") == before
    files.close()
    assert MembershipFiles(State(state.directory), CHARTER).node.is_member(key("guest").public)


def test_members_revocations_and_secrets_are_there_after_a_restart_without_a_farewell(
    started: Start,
) -> None:
    files = started()
    admit(files, "guest")
    admit(files, "gone")
    dss_of(files).revoke(key("gone").identity)
    files.secrets.rotate(b"2" * 32, 0.0)
    again = started()
    assert set(again.roster.signed()) == set(files.roster.signed())
    assert again.node.is_member(key("guest").public)
    assert again.roster.is_revoked(key("gone").identity)
    assert again.secrets.kept() == [(1, b"1" * 32), (2, b"2" * 32)]


def test_every_file_is_for_its_owner_only(state: State, started: Start) -> None:
    before = os.umask(0)
    try:
        files = started()
        admit(files, "guest")
        files.secrets.rotate(b"2" * 32, 0.0)
        files.close()
    finally:
        os.umask(before)
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in state.directory.iterdir()} == (
        dict.fromkeys(
            ("authority", "dss-key", "domain-secrets", "invitations", "key", "membership", "roster"), 0o600
        )
    )


def test_an_invitation_is_good_for_24_hours_over_a_restart(started: Start, clock: Clock) -> None:
    mark = invite(started())
    clock.now, clock.wall = 7.0, clock.wall + DAY - 10.0
    again = dss_of(started()).invitations
    assert again is not None
    assert again.find(mark, 16.9) is not None
    assert again.find(mark, 17.1) is None


def test_a_clock_that_was_set_back_before_the_restart_makes_no_invitation_last(
    started: Start, clock: Clock
) -> None:
    mark = invite(started())
    clock.wall -= 1.0
    again = dss_of(started()).invitations
    assert again is not None
    assert again.find(mark, clock.now) is None


def test_a_clock_that_was_set_back_while_it_ran_makes_no_invitation_last_longer_than_it_was_old(
    started: Start, clock: Clock
) -> None:
    files = started()
    mark = invite(files)
    clock.now += DAY - 10.0
    clock.wall -= 3600.0
    files.note_ages()
    clock.now = 0.0
    again = dss_of(started()).invitations
    assert again is not None
    assert again.find(mark, 9.9) is not None
    assert again.find(mark, 10.1) is None


def test_a_spent_invitation_stays_spent_over_a_restart(started: Start) -> None:
    files = started()
    mark = invite(files)
    invitations = dss_of(files).invitations
    assert invitations is not None
    invitations.spend(mark, 50.0, key("guest").public)
    again = dss_of(started()).invitations
    assert again is not None
    assert again.find(mark, 50.0, key("other").public) is None
    assert again.find(mark, 50.0, key("guest").public) is not None


def test_the_key_of_another_authority_signs_nothing_here(
    state: State, started: Start, caplog: pytest.LogCaptureFixture
) -> None:
    state.write("authority", "77" * 32)
    assert dss_of(started()).signer is None
    assert "authority.damaged" in caplog.text


def test_what_is_answered_is_on_the_disk(
    state: State, started: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    files = started()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    admit(files, "guest")
    invitations, roster = ((state.directory / name).stat().st_ino for name in ("invitations", "roster"))
    assert invitations in synced
    assert synced[-2] == roster, "and after it only the directory"
    synced.clear()
    dss_of(files).revoke(key("guest").identity)
    assert roster in synced


def test_behind_an_addition_that_was_torn_nothing_is_added(
    state: State, started: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    files = started()
    append = State.append

    def torn(where: State, name: str, text: str) -> None:
        append(where, name, text[:77])
        raise OSError(28, "No space left on device", name)

    with monkeypatch.context() as patch:
        patch.setattr(State, "append", torn)
        files.roster.merge(signed(member("one", 3)))
    files.roster.merge(signed(member("two", 4)))
    caplog.clear()
    again = started()
    assert {each.name for each in again.roster.members()} >= {"one", "two"}
    assert not caplog.records


def test_a_damaged_line_of_the_roster_costs_that_line_and_the_file_is_kept(
    state: State, started: Start, caplog: pytest.LogCaptureFixture
) -> None:
    files = started()
    admit(files, "guest")
    admit(files, "other")
    text = state.read("roster") or ""
    lines = text.splitlines()
    lines[2] = lines[2][:50] + ("0" if lines[2][50] != "0" else "1") + lines[2][51:]
    state.write("roster", "\n".join(lines) + "\n")
    again = started()
    assert not again.node.is_member(key("guest").public)
    assert again.node.is_member(key("other").public)
    assert "1 damaged lines of 4" in caplog.text
    assert "roster.damaged" in caplog.text
    assert (state.directory / "roster.damaged").read_text() == "\n".join(lines) + "\n"
    assert (state.read("roster") or "").count("\n") == 3


def test_a_line_that_a_crash_has_torn_is_dropped_and_no_damage(
    state: State, started: Start, caplog: pytest.LogCaptureFixture
) -> None:
    admit(started(), "guest")
    text = state.read("roster") or ""
    state.write("roster", text + text[:77])
    again = started()
    assert again.node.is_member(key("guest").public)
    assert not caplog.records
    assert state.read("roster") == roster_text(again.roster)
    admit(again, "other")
    assert started().node.is_member(key("other").public)


def test_the_roster_is_written_anew_when_much_of_it_has_been_overtaken(state: State, started: Start) -> None:
    files = started()
    admit(files, "guest")
    dss_of(files).revoke(key("guest").identity)
    assert (state.read("roster") or "").count("\n") == 4
    started()
    assert (state.read("roster") or "").count("\n") == 3


def test_a_damaged_line_of_the_secrets_costs_that_epoch(
    state: State, started: Start, caplog: pytest.LogCaptureFixture
) -> None:
    started().secrets.rotate(b"2" * 32, 0.0)
    text = state.read("domain-secrets") or ""
    state.write("domain-secrets", text.replace("1 31", "1 30", 1))
    assert started().secrets.kept() == [(2, b"2" * 32)]
    assert "domain-secrets.damaged" in caplog.text


def test_damaged_invitations_are_put_aside(
    state: State, started: Start, caplog: pytest.LogCaptureFixture
) -> None:
    invite(started())
    state.write("invitations", "[")
    assert dss_of(started()).invitations is not None
    assert "invitations.damaged" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("key", "00", "holds no key any more"),
        ("dss-key", "", "holds no key any more"),
        ("key", "77" * 32, "no member of"),
        ("domain-secrets", "1 00 00\n", "no secret"),
        ("roster", "", "no member of"),
    ],
)
def test_what_makes_no_member_is_one_sentence_with_the_mend(
    state: State, started: Start, name: str, content: str, problem: str
) -> None:
    state.write(name, content)
    with pytest.raises(ConfigError, match=problem) as caught:
        started()
    assert "nwip join --anew TOKEN" in caught.value.mend
    assert caught.value.file == "nwip.toml"


def test_a_node_that_was_revoked_says_so_at_its_next_start(started: Start) -> None:
    dss_of(started()).revoke(key("key").identity)
    with pytest.raises(ConfigError, match="was revoked"):
        started()


def test_a_full_disk_admits_nobody_and_what_was_refused_is_written_when_there_is_room(
    state: State, started: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    files = started()
    revoked = admit(files, "gone")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "roster")

    with monkeypatch.context() as patch:
        patch.setattr(State, "append", full)
        patch.setattr(State, "write", full)
        with pytest.raises(NotAdmitted, match="No space left"):
            admit(files, "guest")
        with pytest.raises(OSError, match="No space left"):
            dss_of(files).revoke(key("gone").identity)
        assert "make room" in caplog.text
    assert revoked.hex() in (state.read("roster") or "")
    files.note_ages()
    again = started()
    assert again.roster.is_revoked(key("gone").identity)


MEMBERS_UNTIL_KILLED = """
import sys
from pathlib import Path
from nwip.membership_files import MembershipFiles
from nwip.security.keys import KeyPair
from nwip.state import State
from test_membership_files import CHARTER

files = MembershipFiles(State(Path(sys.argv[1])), CHARTER)
while True:
    guest, dss = KeyPair.generate(), files.dss
    secret = dss.invitations.issue("node", "", (), 0.0)
    pending = list(dss.invitations._pending.values())[-1]
    dss.admit(guest.public, pending, 0.0)
    dss.revoke(guest.identity)
    print(guest.identity.hex(), flush=True)
"""


@pytest.mark.parametrize("lines", [1, 4, 9])
def test_what_was_answered_is_there_after_a_kill(state: State, started: Start, lines: int) -> None:
    script = [sys.executable, "-c", MEMBERS_UNTIL_KILLED, str(state.directory)]
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    with subprocess.Popen(
        script, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read().split("\n")[:-1]
    again = started()
    assert len(told) >= lines
    for identity in told:
        assert again.roster.is_revoked(bytes.fromhex(identity))
    invitations = dss_of(again).invitations
    assert invitations is not None
    assert len(invitations) >= len(told)
    assert list(state.directory.glob("*.damaged*")) == []
