from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from nwip.security.noise import Keys
from nwip.security.sealed.session import Came, Session
from nwip.security.sealed.timing import REJECT_AFTER_MESSAGES, REKEY_AFTER_MESSAGES

ONE, OTHER = b"1" * 32, b"2" * 32


def pair() -> tuple[Session, Session]:
    here = Session(b"there", Keys(ONE, OTHER, b""), (7, 9), 0.0, initiated=True)
    there = Session(b"here", Keys(OTHER, ONE, b""), (9, 7), 0.0, initiated=False)
    return here, there


def came(datagrams: list[bytes]) -> list[Came]:
    """Return datagrams each with an address of its own."""
    return [(datagram, ("", place)) for place, datagram in enumerate(datagrams)]


def test_what_is_sealed_is_opened_once() -> None:
    here, there = pair()
    datagrams = here.seal([b"one", b"", b"three"])
    assert [datagram[:16].hex() for datagram in datagrams] == [
        "0400000009000000" + counter.to_bytes(8, "little").hex() for counter in range(3)
    ]
    assert [len(datagram) for datagram in datagrams] == [35, 32, 37]
    assert datagrams[0].startswith(there.prefix)
    assert there.open(came(datagrams[1:2])) == ([b""], ("", 0))
    assert there.open(came([*datagrams, *datagrams])) == ([b"one", b"three"], ("", 2))
    assert there.open(came(datagrams)) == ([], None)


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), max_size=60), st.lists(st.integers(1, 8), max_size=60))
def test_any_batches_in_any_order_are_opened_once_each(order: list[int], sizes: list[int]) -> None:
    here, there = pair()
    datagrams = here.seal([bytes((number,)) for number in range(31)])
    opened: list[int] = []
    while order:
        size = sizes.pop() if sizes else 5
        batch, order = order[:size], order[size:]
        plains, latest = there.open(came([datagrams[number] for number in batch]))
        highest = max(opened, default=-1)
        opened += [plain[0] for plain in plains]
        assert latest == (("", batch.index(max(batch))) if max(batch) > highest else None)
    assert len(set(opened)) == len(opened)
    assert there.window.top == max(opened, default=-1)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from([1, 2, 64, 4095, 4096, 4097, 9000]), max_size=4))
def test_batches_without_gaps_are_taken_whole_and_once(sizes: list[int]) -> None:
    here, there = pair()
    for size in sizes:
        batch = came(here.seal([b"x"] * size))
        assert there.open(batch) == ([b"x"] * size, batch[-1][1])
        assert there.open(batch) == ([], None)
        assert there.open(batch[-3:]) == ([], None)


def test_one_that_is_forged_takes_none_of_the_others_with_it() -> None:
    here, there = pair()
    datagrams = here.seal([b"one", b"two", b"three"])
    forged = datagrams[1][:-1] + bytes((datagrams[1][-1] ^ 1,))
    assert there.open(came([datagrams[0], forged, datagrams[2]])) == ([b"one", b"three"], ("", 2))
    assert there.open(came([datagrams[1], forged])) == ([b"two"], None)


def test_counters_far_apart_in_one_batch_keep_their_places() -> None:
    here, there = pair()
    datagrams = []
    for counter in (0, 1, 5000, 5001, 905, 906, 9999, 3, 5903, 5904):
        here.sent = counter
        datagrams += here.seal([counter.to_bytes(2, "big")])
    plains, latest = there.open(came(datagrams))
    assert [int.from_bytes(plain, "big") for plain in plains] == [0, 1, 5000, 5001, 906, 9999, 5904]
    assert latest == ("", 6)
    assert there.open(came(datagrams)) == ([], None)


def test_any_octet_altered_is_refused_and_takes_no_place_in_the_window() -> None:
    here, there = pair()
    (datagram,) = here.seal([b"something"])
    for place in range(8, len(datagram)):
        altered = datagram[:place] + bytes((datagram[place] ^ 0x80,)) + datagram[place + 1 :]
        assert there.open(came([altered])) == ([], None)
    for end in range(8, len(datagram)):
        assert there.open(came([datagram[:end]])) == ([], None)
    assert there.window.top == -1
    assert there.open(came([datagram])).plains == [b"something"]


def test_what_we_sealed_ourselves_does_not_open() -> None:
    here, _ = pair()
    (datagram,) = here.seal([b"something"])
    assert here.open(came([datagram])) == ([], None)


def test_no_counter_is_used_beyond_the_limit() -> None:
    here, there = pair()
    here.sent = REJECT_AFTER_MESSAGES - 1
    assert here.is_alive(0.0)
    (datagram,) = here.seal([b"last", b"too many"])
    assert there.open(came([datagram])).plains == [b"last"]
    assert not here.is_alive(0.0)
    assert here.seal([b"more"]) == []
    there.window.top = REJECT_AFTER_MESSAGES - 1
    aead = ChaCha20Poly1305(ONE)
    for counter in (REJECT_AFTER_MESSAGES, 2**64 - 1):
        octets = counter.to_bytes(8, "little")
        beyond = there.prefix + octets + aead.encrypt(bytes(4) + octets, b"beyond", None)
        assert there.open(came([beyond])) == ([], None)


def test_a_session_is_old_after_120_seconds_for_who_began_it_and_gone_after_180_for_both() -> None:
    here, there = pair()
    assert [here.is_old(now) for now in (119.9, 120.0)] == [False, True]
    assert not there.is_old(179.0)
    assert [session.is_alive(now) for session in (here, there) for now in (179.9, 180.0)] == [True, False] * 2
    there.sent = REKEY_AFTER_MESSAGES
    assert there.is_old(0.0)
