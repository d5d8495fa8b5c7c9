import pytest

from nwip.security.sealed.cookies import COOKIE_LASTS, CookieGiver, read_cookie
from nwip.security.sealed.framing import decode_cookie
from nwip.security.sealed.macs import Macs, has_cookie, has_no_cookie, mac1_of
from nwip.wire import WireError

PUBLIC, OTHER = b"p" * 32, b"o" * 32
HERE, THERE = ("192.0.2.7", 4001), ("192.0.2.7", 4002)
BODY = bytes(range(109))


class Tokens:
    """Octets that nobody has seen before."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")


def cookie_for(giver: CookieGiver, datagram: bytes, address: tuple[str, int], now: float = 0.0) -> bytes:
    return read_cookie(decode_cookie(giver.reply(datagram, 7, address, now)), PUBLIC, mac1_of(datagram))


def test_mac1_shows_whose_key_is_known_and_covers_every_octet() -> None:
    datagram = Macs(PUBLIC).add(BODY)
    assert len(datagram) == len(BODY) + 32
    assert Macs(PUBLIC).is_right(datagram)
    assert not Macs(OTHER).is_right(datagram)
    for place in range(len(datagram) - 16):
        altered = datagram[:place] + bytes((datagram[place] ^ 1,)) + datagram[place + 1 :]
        assert not Macs(PUBLIC).is_right(altered)
    assert has_no_cookie(datagram)


def test_mac2_shows_a_cookie_and_covers_mac1() -> None:
    datagram = Macs(PUBLIC).add(BODY, b"c" * 16)
    assert has_cookie(datagram, b"c" * 16)
    assert not has_cookie(datagram, b"d" * 16)
    assert not has_no_cookie(datagram)
    for place in range(len(datagram)):
        altered = datagram[:place] + bytes((datagram[place] ^ 1,)) + datagram[place + 1 :]
        assert not has_cookie(altered, b"c" * 16)


def test_the_macs_stay_the_same_from_version_to_version() -> None:
    datagram = Macs(PUBLIC).add(BODY, b"c" * 16)
    assert datagram[-32:].hex() == "2ca18be42da357b65f5ffda472080203d64ebbe938df5752d21ca177d5858bc9"


def test_a_cookie_proves_one_address_for_120_seconds() -> None:
    giver, macs = CookieGiver(PUBLIC, Tokens()), Macs(PUBLIC)
    shown = macs.add(BODY, cookie_for(giver, macs.add(BODY), HERE))
    assert giver.proves(shown, HERE, COOKIE_LASTS - 1)
    assert not giver.proves(shown, THERE, 0.0)
    assert not giver.proves(shown, ("192.0.2.8", 4001), 0.0)
    assert not giver.proves(shown, HERE, COOKIE_LASTS)


def test_a_cookie_is_only_for_who_asked_and_knows_whom_it_asked() -> None:
    giver, macs = CookieGiver(PUBLIC, Tokens()), Macs(PUBLIC)
    datagram = macs.add(BODY)
    reply = giver.reply(datagram, 7, HERE, 0.0)
    with pytest.raises(WireError):
        read_cookie(decode_cookie(reply), OTHER, mac1_of(datagram))
    with pytest.raises(WireError):
        read_cookie(decode_cookie(reply), PUBLIC, bytes(16))
    for place in range(8, len(reply)):
        altered = reply[:place] + bytes((reply[place] ^ 1,)) + reply[place + 1 :]
        with pytest.raises(WireError):
            read_cookie(decode_cookie(altered), PUBLIC, mac1_of(datagram))


def test_two_cookies_for_one_address_are_sealed_under_different_keys() -> None:
    giver, macs = CookieGiver(PUBLIC, Tokens()), Macs(PUBLIC)
    replies = {giver.reply(macs.add(BODY), 7, HERE, 0.0)[24:] for _ in range(2)}
    assert len(replies) == 2
