"""The nearest-server query: its octets, never an answer larger than it, and over real sockets."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint
from nwip.discovery.nearest import QUERY_SIZE, Nearest, answer, query, read_answer
from nwip.discovery.nearest_ports import SOURCE_BURST, NearestAnswerer, NearestWay
from nwip.discovery.steps import Hints, Step

NONCE = bytes.fromhex("010203040506")
LAB = Parameters(domain="lab.test")
SERVER = ("192.0.2.1", 10396)

QUERY = bytes.fromhex(
    "FFFF 0022 00 04 00000000 FFFFFFFFFFFF 0452 00000000 010203040506 0452 0003 018C"
) + bytes(62)
ANSWER = (
    bytes.fromhex("FFFF 0060 00 04 00000000 010203040506 0452 4E574950 7E01C0000201 0452 0004 018C")
    + b"lab.test".ljust(48, b"\0")
    + bytes.fromhex("4E574950 7E01C0000201 289C 0001")
)


def test_the_octets_of_query_and_answer() -> None:
    assert query(NONCE) == QUERY
    assert answer(QUERY, SERVER, LAB) == ANSWER
    assert len(ANSWER) == len(QUERY) == QUERY_SIZE
    assert read_answer(ANSWER, NONCE) == Nearest(SERVER, "lab.test")


@pytest.mark.parametrize("size", range(QUERY_SIZE))
def test_a_query_that_is_shorter_than_the_answer_gets_none(size: int) -> None:
    assert answer(QUERY[:size], SERVER, LAB) is None
    assert read_answer(ANSWER[:size], NONCE) is None


def test_a_long_name_of_a_domain_is_cut_and_the_answer_grows_no_longer() -> None:
    response = answer(QUERY, SERVER, Parameters(domain="a" * 60 + ".test"))
    assert response is not None
    assert len(response) == QUERY_SIZE
    assert read_answer(response, NONCE) == Nearest(SERVER, "a" * 47)


def test_answers_to_somebody_else_are_left_alone() -> None:
    assert read_answer(ANSWER, b"\1" * 6) is None


@pytest.mark.parametrize("at", [18 + 10 + 2 + 1, 18 + 10 + 2 + 3])
def test_other_questions_are_left_to_others(at: int) -> None:
    other = bytearray(QUERY)
    other[at] ^= 1
    assert answer(bytes(other), SERVER, LAB) is None


@given(st.binary(max_size=200))
def test_noise_is_neither_query_nor_answer(data: bytes) -> None:
    response = answer(data, SERVER, LAB)
    assert response is None or len(response) <= len(data)
    read_answer(data, NONCE)


@pytest.mark.parametrize("node", [bytes(6), bytes.fromhex("7E01E0000001")])
def test_an_address_that_is_nobodys_is_not_believed(node: bytes) -> None:
    forged = ANSWER[:-10] + node + ANSWER[-4:]
    assert read_answer(forged, NONCE) is None


def test_a_source_that_asks_without_end_is_answered_a_few_times() -> None:
    answers = NearestAnswerer(lambda _: SERVER, lambda: LAB, lambda: 0.0)
    replies = [answers.answer(QUERY, ("192.0.2.9", 5)) for _ in range(100)]
    assert sum(reply is not None for reply in replies) == SOURCE_BURST
    assert answers.answer(QUERY, ("192.0.2.10", 5)) is not None


@pytest.mark.parametrize(("server", "parameters"), [(None, LAB), (SERVER, None)])
def test_who_knows_no_dss_or_no_domain_says_nothing(
    server: Endpoint | None, parameters: Parameters | None
) -> None:
    assert NearestAnswerer(lambda _: server, lambda: parameters, lambda: 0.0).answer(QUERY, SERVER) is None


async def ask(hints: Hints, *, answered: bool = True) -> tuple[list[Endpoint], list[Step]]:
    """Ask on loopback, at a port that the answerer was given."""
    steps: list[Step] = []
    answers = NearestAnswerer(lambda _: SERVER, lambda: LAB, lambda: 0.0)
    everyone = "127.255.255.255"
    (at,) = answers.listen([everyone], [0])
    if not answered:
        answers.close()
    try:
        way = NearestWay(
            lambda: [("127.0.0.1", everyone)], lambda: NONCE, [at[1]], wait=5.0 if answered else 0.2
        )
        return await way(hints, steps.append), steps
    finally:
        answers.close()


def test_a_broadcast_to_the_subnet_finds_a_dss() -> None:
    found, steps = asyncio.run(ask(Hints("lab.test")))
    assert found == [SERVER]
    assert steps[-1].answer == "DSS at 192.0.2.1:10396 of the domain lab.test"


def test_a_dss_of_another_domain_is_named_and_left() -> None:
    found, steps = asyncio.run(ask(Hints("museum.test")))
    assert found == []
    assert steps[-1].answer.endswith("of the domain lab.test: another domain")


def test_dhcp_can_forbid_the_broadcast() -> None:
    found, steps = asyncio.run(ask(Hints("lab.test", nsq_broadcast=False)))
    assert found == []
    assert [step.asked for step in steps] == ["the subnet"]


def test_servers_that_dhcp_names_are_asked_first_and_directly() -> None:
    async def scene() -> list[str]:
        steps: list[Step] = []
        answers = NearestAnswerer(lambda _: SERVER, lambda: LAB, lambda: 0.0)
        (at,) = answers.listen(["127.0.0.1"], [0])
        try:
            way = NearestWay(list, lambda: NONCE, [at[1]], wait=5.0)
            hints = Hints("lab.test", nsq_broadcast=False, nearest_servers=["127.0.0.1"])
            assert await way(hints, steps.append) == [SERVER]
        finally:
            answers.close()
        return [step.asked for step in steps]

    assert asyncio.run(scene()) == ["nearest-server query to 127.0.0.1", "the subnet"]


def test_silence_is_said() -> None:
    found, steps = asyncio.run(ask(Hints("lab.test"), answered=False))
    assert found == []
    assert [step.answer for step in steps] == ["nobody answers"]
