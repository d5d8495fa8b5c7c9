"""The log of events: bounded, and whoever is too slow is told how many he has missed."""

import re
from itertools import count
from pathlib import Path

import nwip.event_log
from nwip.audit_events import SOURCE_BURST, AuditEvents, described
from nwip.event_log import KINDS, EventLog


def log(limit: int = 4) -> EventLog:
    ticks = count(1000)
    return EventLog(lambda: float(next(ticks)), limit)


def test_events_are_numbered_dated_and_the_newest_are_kept() -> None:
    events = log()
    for name in "abcdef":
        events.note("link-opened", name, f"link {name} is open")
    assert events.count == 6
    assert [(event.number, event.about) for event in events.last(2)] == [(5, "e"), (6, "f")]
    assert events.last(2)[0].time == 1004.0
    assert [event.number for event in events.last(99)] == [3, 4, 5, 6]
    assert events.last(0) == []


def test_a_reader_goes_on_from_its_place_and_learns_what_it_has_lost() -> None:
    events = log()
    assert events.after(0, 9) == ([], 0)
    for name in "abc":
        events.note("link-opened", name, "")
    found, lost = events.after(1, 9)
    assert ([event.about for event in found], lost) == (["b", "c"], 0)
    found, lost = events.after(0, 2)
    assert ([event.about for event in found], lost) == (["a", "b"], 0)
    for name in "defgh":
        events.note("link-opened", name, "")
    found, lost = events.after(2, 9)
    assert ([event.about for event in found], lost) == (["e", "f", "g", "h"], 2)
    assert events.after(8, 9) == ([], 0)


def test_who_listens_is_told_of_each() -> None:
    events, told = log(), []
    events.listeners.append(lambda: told.append(events.count))
    events.note("alarm", "", "")
    events.note("alarm", "", "")
    assert told == [1, 2]


def test_lines_of_the_audit_log_become_sentences() -> None:
    at = "203.0.113.7:40213"
    player = {"link": "dosbox", "node": "02A0C9123456", "address": at}
    cases = {
        ("joined", *player.items()): f"player 02A0C9123456 has joined on link dosbox from {at}",
        ("left", *player.items(), ("why", "silence")): (
            f"player 02A0C9123456 at {at} has left link dosbox: silence"
        ),
        ("refused", ("link", "dosbox"), ("address", at), ("why", "it is banned")): (
            f"{at} was refused by link dosbox: it is banned"
        ),
        ("joined", ("who", "node museum at 192.0.2.1")): (
            "node museum at 192.0.2.1 has a session with the dss here"
        ),
        ("left", ("who", "node museum at 192.0.2.1")): (
            "node museum at 192.0.2.1 has no session with the dss here any more"
        ),
        ("refused", ("who", ""), ("why", "wrong domain")): (
            "203.0.113.7 was refused by the dss here: wrong domain"
        ),
        ("banned", ("why", None)): "203.0.113.7 is banned",
        ("ban-lifted",): "203.0.113.7 is not banned any more",
        ("something-new",): "something-new 203.0.113.7",
    }
    for (event, *facts), sentence in cases.items():
        assert described(event, "203.0.113.7", dict(facts))[2] == sentence  # type: ignore[arg-type]

    session = described("joined", "192.0.2.1", {"who": "node museum at 192.0.2.1"})
    assert session[:2] == ("session-opened", "museum")


def test_a_flood_from_one_address_leaves_room_for_the_others() -> None:
    now = 0.0
    events = log(1000)
    audited = AuditEvents(events, lambda: now)
    for _ in range(10_000):
        audited("refused", "203.0.113.7", {"link": "dosbox"})
    assert events.count == SOURCE_BURST
    audited("refused", "203.0.113.8", {"link": "dosbox"})
    audited("joined", "203.0.113.7", {"link": "dosbox"})
    assert events.count == SOURCE_BURST + 2
    for address in range(10_000):
        audited("refused", f"198.51.{address // 256}.{address % 256}", {"link": "dosbox"})
    assert events.count < 300
    now += 60.0
    audited("refused", "203.0.113.7", {"link": "dosbox"})
    assert events.last(1)[0].about == "203.0.113.7"


def test_every_kind_of_event_is_listed_and_in_the_guide() -> None:
    rooms = Path(nwip.event_log.__file__).parent
    text = "".join((rooms / name).read_text("utf-8") for name in ("watchman.py", "audit_events.py"))
    used = set(re.findall(r'(?:\.note\(\s*|return )"([a-z-]+)",', text))
    used |= {f"{word}-{what}" for word in ("node", "dss") for what in ("joined", "left", "gone")}
    assert used | {"refused", "banned", "ban-lifted"} == set(KINDS)
    guide = (rooms.parent.parent / "docs" / "guides" / "watching.md").read_text("utf-8")
    for kind, meaning in KINDS.items():
        assert f"| `{kind}` | {meaning} |" in guide
