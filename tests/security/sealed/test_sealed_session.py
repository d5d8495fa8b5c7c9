import pytest

from nwip.security.noise import Keys
from nwip.security.sealed.session import Session
from nwip.security.sealed.timing import REJECT_AFTER_MESSAGES, REKEY_AFTER_MESSAGES
from nwip.wire import WireError

ONE, OTHER = b"1" * 32, b"2" * 32


def pair() -> tuple[Session, Session]:
    here = Session(b"there", Keys(ONE, OTHER, b""), (7, 9), 0.0, initiated=True)
    there = Session(b"here", Keys(OTHER, ONE, b""), (9, 7), 0.0, initiated=False)
    return here, there


def test_what_is_sealed_is_opened_once() -> None:
    here, there = pair()
    datagrams = here.seal([b"one", b"", b"three"])
    assert [datagram[:16].hex() for datagram in datagrams] == [
        "0400000009000000" + counter.to_bytes(8, "little").hex() for counter in range(3)
    ]
    assert [len(datagram) for datagram in datagrams] == [35, 32, 37]
    assert datagrams[0].startswith(there.prefix)
    assert [there.open(datagram) for datagram in reversed(datagrams)] == [b"three", b"", b"one"]
    for datagram in datagrams:
        with pytest.raises(WireError):
            there.open(datagram)


def test_any_octet_altered_is_refused_and_takes_no_place_in_the_window() -> None:
    here, there = pair()
    (datagram,) = here.seal([b"something"])
    for place in range(8, len(datagram)):
        altered = datagram[:place] + bytes((datagram[place] ^ 0x80,)) + datagram[place + 1 :]
        with pytest.raises(WireError):
            there.open(altered)
    for end in range(len(datagram)):
        with pytest.raises(WireError):
            there.open(datagram[:end])
    assert there.window.top == -1
    assert there.open(datagram) == b"something"


def test_what_we_sealed_ourselves_does_not_open() -> None:
    here, _ = pair()
    (datagram,) = here.seal([b"something"])
    with pytest.raises(WireError):
        here.open(datagram)


def test_no_counter_is_used_beyond_the_limit() -> None:
    here, there = pair()
    here.sent = REJECT_AFTER_MESSAGES - 1
    assert here.is_alive(0.0)
    (datagram,) = here.seal([b"last", b"too many"])
    assert there.open(datagram) == b"last"
    assert not here.is_alive(0.0)
    assert here.seal([b"more"]) == []
    beyond = datagram[:8] + REJECT_AFTER_MESSAGES.to_bytes(8, "little") + datagram[16:]
    with pytest.raises(WireError, match="last counter"):
        pair()[1].open(beyond)


def test_a_session_is_old_after_120_seconds_for_who_began_it_and_gone_after_180_for_both() -> None:
    here, there = pair()
    assert [here.is_old(now) for now in (119.9, 120.0)] == [False, True]
    assert not there.is_old(179.0)
    assert [session.is_alive(now) for session in (here, there) for now in (179.9, 180.0)] == [True, False] * 2
    there.sent = REKEY_AFTER_MESSAGES
    assert there.is_old(0.0)
