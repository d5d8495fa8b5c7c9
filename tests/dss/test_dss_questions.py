"""Questions on UDP 396, besides the vectors."""

from hypothesis import given
from hypothesis import strategies as st

from nwip.directory.parameters import Parameters
from nwip.directory.records import Record, Route, Service
from nwip.directory.table import Directory
from nwip.dss.questions import ANSWER_LIMIT, Questions, dss_node_number
from nwip.ipx.address import Address
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket

PARAMETERS = Parameters(domain="questions.test")
EVERYTHING = RipPacket(RipOperation.REQUEST, (RipEntry(0xFFFFFFFF),)).encode()
REQUEST = Packet(Address(0, b"\xff" * 6, 0x453), Address(0, b"myself", 0x4000), 1, EVERYTHING)
ASKER = ("192.0.2.1", 4000)


def questions(routes: int, *, proven: bool) -> Questions:
    directory = Directory()
    for number in range(1, routes + 1):
        directory.merge(Record(b"A" * 16, 1, number, Route(number, 0, 1)), 0.0)
    return Questions(directory, address="10.0.0.1", identity=b"D" * 16, proven=lambda _: proven)


def test_a_full_answer_is_whole_and_bounded() -> None:
    asked = questions(50 * ANSWER_LIMIT + 1, proven=True)
    assert len(asked.answer(REQUEST.encode(), ASKER, PARAMETERS)) == ANSWER_LIMIT
    assert asked.drops["cut short"] == 1
    asked = questions(120, proven=True)
    found = [
        RipPacket.decode(Packet.decode(d).payload) for d in asked.answer(REQUEST.encode(), ASKER, PARAMETERS)
    ]
    assert {entry.network for packet in found for entry in packet.entries} == set(range(1, 121))


@given(st.integers(0, 3000))
def test_an_unproven_address_never_gets_more_octets_than_it_sent(padding: int) -> None:
    asked = questions(400, proven=False)
    data = REQUEST.encode() + bytes(padding)
    answers = asked.answer(data, ASKER, PARAMETERS)
    assert sum(map(len, answers)) <= len(data)
    assert len(answers) == min(8, len(data) // 432)


@given(st.binary(max_size=120))
def test_any_octets_are_answered_or_dropped(data: bytes) -> None:
    asked = questions(1, proven=False)
    assert sum(map(len, asked.answer(data, ASKER, PARAMETERS))) <= len(data)


def test_a_wrong_checksum_is_a_counted_drop() -> None:
    asked = questions(1, proven=True)
    assert asked.answer(REQUEST._replace(checksum=1).encode(), ASKER, PARAMETERS) == []
    assert asked.drops["checksum"] == 1
    assert asked.answer(REQUEST.with_checksum().encode() + b"padding", ASKER, PARAMETERS)


def test_a_dss_without_an_ipv4_address_has_a_number_of_the_hashed_form() -> None:
    for address in ("::1", "0.0.0.0"):
        number = dss_node_number(address, b"D" * 16, PARAMETERS)
        assert number[:2] == b"\x7e\x06"
        assert len(number) == 6


def test_a_kept_answer_goes_to_each_asker_and_not_beyond_a_change() -> None:
    directory = Directory()
    parameters = Parameters(domain="x")
    asked = Questions(directory, address="127.0.0.1", identity=b"D" * 16, proven=lambda _: True)

    def ask(node: bytes) -> list[Packet]:
        query = Packet(
            destination=Address(0, b"\xff" * 6, Socket.SAP),
            source=Address(0, node, 0x4003),
            packet_type=17,
            payload=bytes.fromhex("00030004"),
        )
        return [Packet.decode(one) for one in asked.answer(query.encode(), ("127.0.0.1", 4000), parameters)]

    def service(name: str, hops: int) -> None:
        value = Service(4, name, 1, bytes(6), 0x451, hops)
        directory.merge(Record(name.encode() * 8, 1, 1, value), 0.0)

    assert ask(b"\0\0\0\0\0\1") == []
    service("F1", 3)
    (first,), (second,) = ask(b"\0\0\0\0\0\1"), ask(b"\0\0\0\0\0\2")
    assert first.payload == second.payload
    assert (first.destination.node, second.destination.node) == (b"\0\0\0\0\0\1", b"\0\0\0\0\0\2")
    service("F2", 0)
    (third,) = ask(b"\0\0\0\0\0\3")
    assert b"F2" in third.payload
