import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.security import bans as module
from nwip.security.bans import Bans, subject
from nwip.wire import WireError


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("02a0c9123456", "02A0C9123456"),
    ],
)
def test_what_is_banned_has_one_form(text: str, what: str) -> None:
    assert subject(text) == what
    bans = Bans(Clock())
    assert bans.add(text).what == what
    assert bans.lift(what)
    assert not bans.lift(text)


@pytest.mark.parametrize("text", ["", "player", "203.0.113.7/24", "203.0.113", "FFFFFFFFFFFFFF", "1.2.3.4.5"])
def test_what_cannot_be_banned_is_said_to_be_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Bans(Clock()).add(text)


def test_addresses_networks_and_node_numbers_are_kept_out_and_counted() -> None:
    bans = Bans(Clock())
    assert not bans.keeps_out_address("203.0.113.7")
    for what in ("203.0.113.7", "198.51.100.0/24", "2001:db8::1", "02A0C9123456"):
        bans.add(what)
    kept = ["203.0.113.7", "198.51.100.200", "::ffff:198.51.100.1", "2001:db8::ffff:2", "fe80::1%eth0"]
    assert [bans.keeps_out_address(ip) for ip in kept] == [True, True, True, True, False]
    assert not bans.keeps_out_address("203.0.113.8")
    assert bans.keeps_out_node(bytes.fromhex("02A0C9123456"))
    assert not bans.keeps_out_node(bytes.fromhex("02A0C9123457"))
    assert bans.covers("198.51.100.1", bytes(6))
    assert bans.covers("192.0.2.1", bytes.fromhex("02A0C9123456"))
    assert not bans.covers("192.0.2.1", bytes(6))
    assert [(ban.what, ban.kept_out) for ban in bans.all()] == [
        ("203.0.113.7", 1),
        ("198.51.100.0/24", 2),
        ("2001:db8::/64", 1),
        ("02A0C9123456", 1),
    ]


def test_a_ban_ends_by_itself_and_a_newer_one_takes_its_place() -> None:
    clock = Clock()
    bans = Bans(clock)
    bans.add("203.0.113.7", 60)
    bans.add("203.0.113.0/24", 30)
    clock.now += 29
    assert bans.keeps_out_address("203.0.113.8")
    clock.now += 1
    assert not bans.keeps_out_address("203.0.113.8")
    assert bans.keeps_out_address("203.0.113.7")
    bans.add("203.0.113.7", 60, "swears")
    clock.now += 59
    assert bans.keeps_out_address("203.0.113.7")
    assert [ban.why for ban in bans.all()] == ["swears"]
    clock.now += 1
    assert not bans.keeps_out_address("203.0.113.7")
    assert bans.all() == []


def test_bans_outlive_the_program() -> None:
    clock = Clock()
    before = Bans(clock)
    before.add("203.0.113.0/24", None, "ünfair")
    before.add("203.0.113.7", 60)
    before.add("02A0C9123456", 600)
    kept = before.encode()
    assert kept.isascii()
    clock.now += 100
    after = Bans(clock)
    after.restore(kept)
    assert [(ban.what, ban.until) for ban in after.all()] == [
        ("203.0.113.0/24", None),
        ("02A0C9123456", 1600.0),
    ]
    assert after.keeps_out_address("203.0.113.99")


@given(st.text())
def test_a_damaged_list_changes_nothing(text: str) -> None:
    bans = Bans(Clock())
    bans.add("203.0.113.7")
    try:
        bans.restore(text)
    except WireError:
        assert [ban.what for ban in bans.all()] == ["203.0.113.7"]


@pytest.mark.parametrize("text", ['[{"what":"nobody","since":1}]', "[1]", "{", '[{"since":1}]'])
def test_a_list_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(WireError, match="no list of bans"):
        Bans(Clock()).restore(text)


def test_bans_are_bounded_and_none_is_forgotten_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    clock = Clock()
    bans = Bans(clock)
    bans.add("203.0.113.1", 10)
    bans.add("203.0.113.2")
    with pytest.raises(ValueError, match="there are 2 bans already"):
        bans.add("203.0.113.3")
    bans.add("203.0.113.2", 5)
    clock.now += 10
    bans.add("203.0.113.3")
    assert [ban.what for ban in bans.all()] == ["203.0.113.3"]
