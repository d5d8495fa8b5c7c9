"""Sealed questions to a DSS: members are answered, at the address of their handshake; nobody else is."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dss.sealed_parties import party, revoked
from nwip.directory.records import Endpoint
from nwip.security.membership import Membership
from nwip.security.sealed.asking import Asker
from nwip.security.sealed.questions import SealedQuestions
from nwip.security.sealed.timing import HANDSHAKES_A_SECOND, MOST_PENDING, PENDING_FOR
from nwip.wire import WireError

ANN: Endpoint = ("192.0.2.7", 40000)
VICTIM: Endpoint = ("198.51.100.9", 9)
QUESTION = b"\xff\xff" + b"a question, thirty octets or so"


def token(seed: int = 1) -> random.Random:
    return random.Random(seed)  # noqa: S311 - a test is to be repeatable


class Dss:
    """A DSS that answers a question with it, twice."""

    def __init__(self, membership: Membership | None = None) -> None:
        self.questions = SealedQuestions(membership or party("dss"), token(9).randbytes)
        self.asked: list[bytes] = []

    def take(self, data: bytes, source: Endpoint = ANN, now: float = 0.0) -> list[bytes]:
        return self.questions.take(data, source, now, self._answer)

    def _answer(self, packet: bytes) -> list[bytes]:
        self.asked.append(packet)
        return [packet, packet]


def asker(name: str = "ann", seed: int = 1) -> Asker:
    return Asker(party(name), QUESTION, token(seed).randbytes)


def greeted(dss: Dss, who: Asker, source: Endpoint = ANN, now: float = 0.0) -> list[bytes]:
    """Shake hands; return the question's datagrams."""
    for initiation in who.say(now):
        try:
            (response,) = dss.take(initiation, source, now)
        except WireError:
            continue
        return who.take(response, now).datagrams
    raise AssertionError("nobody answered the handshake")


def test_a_member_asks_whichever_dss_is_there_and_is_answered() -> None:
    for role in ("dss", "dss2", "dss3"):
        dss, ann = Dss(party(role)), asker()
        (question,) = greeted(dss, ann)
        assert ann.is_known
        answers = dss.take(question)
        assert dss.asked == [QUESTION]
        assert [packet for data in answers for packet in ann.take(data, 0.0).answers] == [QUESTION] * 2


def test_what_a_question_holds_is_not_to_be_seen() -> None:
    dss, ann = Dss(), asker()
    (question,) = greeted(dss, ann)
    for octets in (question, *dss.take(question)):
        assert QUESTION[2:] not in octets


@pytest.mark.parametrize("name", ["a stranger", "a revoked member", "a plain question", "another secret"])
def test_nobody_else_gets_an_octet(name: str) -> None:
    membership = party("dss")
    dss, who = Dss(membership), asker()
    if name == "a plain question":
        datagrams = [QUESTION]
    elif name == "a stranger":
        membership = party("dss", knows=("dss", "bob"))
        dss, datagrams = Dss(membership), who.say(0.0)
    elif name == "another secret":
        membership.secrets.rotate(b"2" * 32, 0.0)
        other = party("ann")
        other.secrets.rotate(b"3" * 32, 0.0)
        datagrams = Asker(other, QUESTION, token().randbytes).say(0.0)
        for datagram in datagrams:  # it is taken for a member until its keys are wrong
            for response in _taken(dss, datagram):
                with pytest.raises(WireError):
                    Asker(other, QUESTION, token().randbytes).take(response, 0.0)
        assert dss.asked == []
        return
    else:
        membership.roster.merge(revoked("ann"))
        datagrams = who.say(0.0)
    assert datagrams
    for datagram in datagrams:
        with pytest.raises(WireError):
            dss.take(datagram)
    assert dss.asked == []


def _taken(dss: Dss, datagram: bytes) -> list[bytes]:
    try:
        return dss.take(datagram)
    except WireError:
        return []


def test_who_is_revoked_between_handshake_and_question_is_not_answered() -> None:
    membership = party("dss")
    dss, ann = Dss(membership), asker()
    (question,) = greeted(dss, ann)
    membership.roster.merge(revoked("ann"))
    with pytest.raises(WireError):
        dss.take(question)
    assert dss.asked == []


def test_a_question_is_taken_once_and_never_altered() -> None:
    dss, ann = Dss(), asker()
    (question,) = greeted(dss, ann)
    for place in range(len(question)):
        altered = bytearray(question)
        altered[place] ^= 1
        with pytest.raises(WireError):
            dss.take(bytes(altered))
    assert dss.take(question)
    with pytest.raises(WireError):
        dss.take(question)
    assert len(dss.asked) == 1


def test_answers_go_only_where_the_handshake_was_answered() -> None:
    """Else a member could have a victim sent what it asks for."""
    dss, ann = Dss(), asker()
    initiations = ann.say(0.0)
    responses = [response for data in initiations for response in _taken(dss, data)]
    (question,) = ann.take(responses[0], 0.0).datagrams
    with pytest.raises(WireError):
        dss.take(question, VICTIM)
    assert dss.asked == []

    dss, ann = Dss(), asker()
    (first,) = [data for data in ann.say(0.0) if _taken_at(dss, data, VICTIM)]
    with pytest.raises(WireError):  # begun in the victim's name: who did so never learns the answer
        dss.take(first, ANN)


def _taken_at(dss: Dss, datagram: bytes, source: Endpoint) -> bool:
    try:
        return bool(dss.take(datagram, source))
    except WireError:
        return False


def test_programs_of_one_member_do_not_get_in_each_others_way() -> None:
    dss, one, other = Dss(), asker(seed=1), asker(seed=2)
    (first,) = greeted(dss, one)
    (second,) = greeted(dss, other, ("192.0.2.7", 40001))
    answers = dss.take(second, ("192.0.2.7", 40001))
    assert other.take(answers[0], 0.0).answers == [QUESTION]
    assert one.take(dss.take(first)[0], 0.0).answers == [QUESTION]
    with pytest.raises(WireError):
        one.take(answers[1], 0.0)


def test_nothing_is_kept_for_longer_than_a_handshake_waits_and_never_more_than_so_much() -> None:
    dss, ann = Dss(), asker()
    (question,) = greeted(dss, ann)
    with pytest.raises(WireError):
        dss.take(question, now=PENDING_FOR)
    for number in range(3 * MOST_PENDING):
        now = 100 + number / HANDSHAKES_A_SECOND * 2
        greeted(dss, asker(seed=number), ("192.0.2.7", number), now)
        assert len(dss.questions._askers) <= 2 * MOST_PENDING + 1


def test_before_it_has_shown_that_it_receives_nobody_gets_more_than_it_sent() -> None:
    dss = Dss()
    for number in range(2 * int(HANDSHAKES_A_SECOND)):
        for initiation in asker(seed=number).say(0.0):
            try:
                (reply,) = dss.take(initiation, ("192.0.2.7", number))
            except WireError:
                continue
            assert len(reply) < len(initiation)


def test_under_load_an_asker_shows_first_that_it_receives() -> None:
    dss = Dss()
    for number in range(int(HANDSHAKES_A_SECOND) + 1):
        for initiation in asker(seed=number).say(0.0):
            _taken(dss, initiation)
    ann = asker(seed=7777)
    again = [
        answer
        for initiation in ann.say(0.0)
        for reply in _taken(dss, initiation)
        for answer in ann.take(reply, 0.0).datagrams
    ]
    assert [len(data) for data in again] == [141], "the same with a cookie"
    (response,) = dss.take(again[0])
    (question,) = ann.take(response, 0.0).datagrams
    assert dss.take(question)


def test_a_question_that_was_lost_is_asked_again() -> None:
    dss, ann = Dss(), asker()
    greeted(dss, ann)
    (again,) = ann.say(1.0)
    assert len(dss.take(again, now=1.0)) == 2


@settings(deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=6))
def test_any_octets_raise_nothing_but_a_wire_error(datagrams: list[bytes]) -> None:
    dss, ann = _DSS, _ANN
    for data in datagrams:
        for take in (dss.take, lambda data: ann.take(data, 0.0)):
            try:
                assert not take(data), "a stranger was believed"
            except WireError:
                continue


_DSS, _ANN = Dss(), asker()
