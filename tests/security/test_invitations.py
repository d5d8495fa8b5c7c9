from hashlib import blake2s

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.security.invitations import (
    GOOD_FOR,
    OPEN_LIMIT,
    REMEMBERED_FOR,
    Invitation,
    Invitations,
    InvitationsError,
    guest_psk,
    mark_of,
)
from nwip.wire import WireError
from security.membership_parts import AUTHORITY, Chance, key

LINE = Invitation(
    domain="nwip.example.org",
    servers=[("192.0.2.1", 396), ("2001:db8::1", 10396), ("dss.example.org", 396)],
    dss_key=key("dss").public,
    authority=AUTHORITY.public,
    secret=bytes(range(16)),
)
GUEST, OTHER = key("guest").public, key("other").public


def test_a_line_says_what_was_written() -> None:
    text = LINE.encode()
    assert text.startswith("nwip1:")
    assert Invitation.decode(text) == LINE
    assert "=" not in text


def test_a_line_that_was_broken_on_its_way_is_joined() -> None:
    text = LINE.encode()
    broken = "  " + "\r\n> ".join((text[:40], text[40:80], text[80:])).replace("> ", "\t") + "\n"
    assert Invitation.decode(broken) == LINE


def test_any_altered_character_is_noticed_in_one_sentence() -> None:
    text = LINE.encode()
    for place in range(len(text)):
        for character in "A_z9é/+ " + text[place].swapcase():
            altered = text[:place] + character + text[place + 1 :]
            if altered != text:
                with pytest.raises(WireError, match="copy the whole line") as caught:
                    Invitation.decode(altered)
                assert "\n" not in str(caught.value)
    for place in range(len(text)):
        with pytest.raises(WireError, match="copy the whole line"):
            Invitation.decode(text[:place])


@given(st.text())
def test_any_other_text_is_a_wire_error(text: str) -> None:
    for line in (text, "nwip1:" + text):
        with pytest.raises(WireError):
            Invitation.decode(line)


@given(st.binary(max_size=200))
def test_octets_with_a_right_check_are_an_invitation_or_a_wire_error(octets: bytes) -> None:
    from base64 import urlsafe_b64encode  # noqa: PLC0415

    whole = octets + blake2s(octets, digest_size=4).digest()
    with pytest.raises(WireError):
        Invitation.decode("nwip1:" + urlsafe_b64encode(whole).decode().rstrip("="))


def test_mark_and_preshared_key_say_nothing_of_each_other() -> None:
    assert mark_of(LINE.secret) == blake2s(b"nwip invitation" + LINE.secret, digest_size=16).digest()
    assert len(guest_psk(LINE.secret)) == 32
    assert guest_psk(LINE.secret) == blake2s(LINE.secret, person=b"nwip-inv").digest()


def invited(role: str = "node") -> tuple[Invitations, bytes]:
    invitations = Invitations(Chance())
    secret = invitations.issue(role, "museum", (0xC0FFEE,), 1000.0)  # type: ignore[arg-type]
    return invitations, mark_of(secret)


def test_an_invitation_is_found_by_its_mark_with_all_that_was_said() -> None:
    invitations, mark = invited()
    found = invitations.find(mark, 1000.0)
    assert found is not None
    assert (found.role, found.name, found.grants) == ("node", "museum", (0xC0FFEE,))
    assert found.psk == guest_psk(Chance()(16))
    assert invitations.find(bytes(16), 1000.0) is None


def test_it_lets_one_in_who_may_ask_again() -> None:
    invitations, mark = invited()
    invitations.spend(mark, 1001.0, GUEST)
    assert invitations.find(mark, 1001.0, OTHER) is None
    assert invitations.find(mark, 1001.0) is None
    assert invitations.find(mark, 1001.0, GUEST) is not None
    late = invitations.remembered(mark, 1001.0)
    assert late is not None
    assert "has been used" in late.fault(OTHER, 1001.0)


def test_that_of_a_dss_lets_in_the_dss_and_the_node_beside_it() -> None:
    invitations, mark = invited("dss")
    roles = []
    for guest in (GUEST, OTHER):
        found = invitations.find(mark, 1001.0, guest)
        assert found is not None
        roles.append(found.next_role)
        invitations.spend(mark, 1001.0, guest)
    assert roles == ["dss", "node"]
    assert invitations.find(mark, 1001.0, key("third").public) is None
    assert invitations.find(mark, 1001.0, GUEST) is not None


def test_it_is_good_for_24_hours() -> None:
    invitations, mark = invited()
    assert invitations.find(mark, 999.9 + GOOD_FOR) is not None
    assert invitations.find(mark, 1000.0 + GOOD_FOR) is None
    late = invitations.remembered(mark, 1000.0 + GOOD_FOR)
    assert late is not None
    assert "24 hours" in late.fault(b"", 1000.0 + GOOD_FOR)
    assert invitations.remembered(mark, 1000.0 + REMEMBERED_FOR) is None


def test_it_is_good_for_24_hours_over_restarts_whatever_the_new_count_of_seconds_is() -> None:
    invitations, mark = invited()
    invitations.spend(mark, 1000.0, GUEST)
    kept = invitations.kept(1000.0 + 3600)
    again = Invitations(Chance(), kept, elapsed=7200.0, now=5.0)
    left = GOOD_FOR - 3600 - 7200
    assert again.find(mark, 4.9 + left, GUEST) is not None
    assert again.find(mark, 4.9 + left, OTHER) is None, "and stays spent"
    assert again.find(mark, 5.1 + left, GUEST) is None


def test_a_clock_that_was_set_back_makes_none_good_for_longer() -> None:
    invitations, mark = invited()
    again = Invitations(Chance(), invitations.kept(1001.0), elapsed=-1.0, now=0.0)
    assert again.find(mark, 0.0) is None
    assert again.remembered(mark, 0.0) is not None


def test_a_clock_that_was_set_forward_ends_them_early() -> None:
    invitations, mark = invited()
    assert Invitations(Chance(), invitations.kept(1001.0), elapsed=GOOD_FOR).find(mark, 0.0) is None


def test_a_change_is_told() -> None:
    invitations, mark = invited()
    told: list[int] = []
    invitations.listeners.append(lambda: told.append(len(invitations)))
    invitations.spend(mark, 1000.0, GUEST)
    invitations.spend(mark, 1000.0, GUEST)
    invitations.spend(mark, 1000.0, OTHER)
    invitations.issue("node", "", (), 1000.0)
    assert told == [1, 2]


def test_there_is_room_for_so_many_and_old_ones_make_room() -> None:
    invitations = Invitations(Chance())
    for _ in range(OPEN_LIMIT):
        invitations.issue("node", "", (), 0.0)
    with pytest.raises(InvitationsError, match="4096"):
        invitations.issue("node", "", (), REMEMBERED_FOR - 1)
    invitations.issue("node", "", (), REMEMBERED_FOR)
    assert len(invitations) == 1
