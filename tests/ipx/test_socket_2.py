import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.codecs import addresses, nodes
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.ipx.ping import (
    NODE_WANTED,
    is_ping,
    is_ping_answer,
    is_registration,
    is_registration_reply,
    ping,
    ping_answer,
    registration,
    registration_reply,
    wanted_node,
)

CLIENT = bytes.fromhex("0251F04DDD35")
WANTED = bytes.fromhex("AC1DE0000001")

# As two DOSBox clients and a server of today put them on the wire.
REGISTRATION = bytes.fromhex("ffff001e0000 00000000 000000000000 0002 00000000 000000000000 0002")
REPLY = bytes.fromhex("ffff001e0000 00000000 0251f04ddd35 0002 00000001 ffffffffffff 0002")
PING = bytes.fromhex("ffff001e0000 00000000 ffffffffffff 0002 00000000 021175a8f6e1 0002")
ANSWER = bytes.fromhex("ffff001e0000 00000000 021175a8f6e1 0002 00000000 0251f04ddd35 0002")


def test_what_we_send_is_what_dosbox_sends() -> None:
    pinger = Packet.decode(PING)
    assert registration().encode() == REGISTRATION
    assert registration_reply(0, CLIENT).encode() == REPLY
    assert ping(Address(0, pinger.source.node, 0)).encode() == PING
    assert ping_answer(pinger, Address(0, CLIENT, 0)).encode() == ANSWER


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        (REGISTRATION, {is_registration}),
        (REPLY, {is_registration_reply}),
        (PING, {is_ping}),
        (ANSWER, {is_registration_reply}),  # only who has registered can tell
    ],
)
def test_each_form_is_recognised_as_what_it_is(octets: bytes, what: set[object]) -> None:
    packet = Packet.decode(octets)
    assert {judge for judge in (is_registration, is_registration_reply, is_ping) if judge(packet)} == what


def test_only_the_pinger_takes_an_answer() -> None:
    answer = Packet.decode(ANSWER)
    assert is_ping_answer(answer, bytes.fromhex("021175A8F6E1"))
    assert not is_ping_answer(answer, CLIENT)


@given(st.integers(0, 255))
def test_a_registration_may_have_any_packet_type(packet_type: int) -> None:
    assert is_registration(Packet.decode(REGISTRATION)._replace(packet_type=packet_type))


def test_a_registration_is_recognised_by_four_octets_of_the_node() -> None:
    def to(node: str, socket: int = 2) -> Packet:
        return Packet(Address(0, bytes.fromhex(node), socket), Address(0, bytes(6), 2))

    assert is_registration(to("00000000FFFF"))
    assert not is_registration(to("000000010000"))
    assert not is_registration(to("000000000000", socket=3))


def test_dosbox_x_asks_for_its_own_node_within_or_behind_the_length() -> None:
    within = registration(WANTED)
    assert within.transport_control == NODE_WANTED
    assert wanted_node(Packet.decode(within.encode())) == WANTED
    behind = registration()._replace(transport_control=NODE_WANTED)
    assert wanted_node(behind) is None
    assert wanted_node(behind, WANTED + b"rest") == WANTED


@pytest.mark.parametrize(
    "packet",
    [
        registration(),
        registration()._replace(payload=WANTED),
        registration(WANTED)._replace(payload=WANTED[:5]),
        ping(Address(0, CLIENT, 2))._replace(payload=WANTED, transport_control=NODE_WANTED),
    ],
)
def test_nothing_else_asks_for_a_node(packet: Packet) -> None:
    assert wanted_node(packet) is None


@given(nodes)
def test_a_reply_that_grants_the_node_says_so(node: bytes) -> None:
    reply = registration_reply(0xAB12, node, node_granted=True)
    assert reply.transport_control == NODE_WANTED
    assert reply.destination == Address(0xAB12, node, 2)
    assert registration_reply(0xAB12, node).transport_control == 0


@given(addresses, addresses)
def test_an_answer_reaches_the_pinger_and_no_ping_answers_it(pinger: Address, pinged: Address) -> None:
    answer = ping_answer(ping(pinger), pinged)
    assert is_ping_answer(answer, pinger.node)
    assert answer.source == pinged._replace(socket=2)
    assert is_ping(answer) == (pinger.node == b"\xff" * 6)
