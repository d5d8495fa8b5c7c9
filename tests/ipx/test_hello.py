import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.codecs import octets, whole_after_truncation
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.hello import (
    MOST_TURNS,
    Hello,
    HelloState,
    domain_mark,
    is_between_gateways,
    presence,
    server_answer,
)
from nwip.ipx.packet import HEADER_SIZE, Packet
from nwip.wire import WireError

DOMAIN = "lab.test"
IDENTITY, NONCE = bytes(range(16)), bytes(range(0xA0, 0xA8))
STATION = bytes.fromhex("02000000000A")
HELLO = Hello(domain_mark(DOMAIN), IDENTITY, NONCE, HelloState.ACTIVE, 100, 7, 0x01020304)

hellos = st.builds(
    Hello,
    st.binary(min_size=8, max_size=8),
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=8, max_size=8),
    st.sampled_from(HelloState),
    octets,
    st.integers(0, MOST_TURNS),
    st.integers(0, 2**32 - 1),
)


def test_the_octets_of_a_hello_are_those_of_the_table() -> None:
    assert HELLO.encode().hex() == (
        "4e574950" "01" "8bc93ac84af626e1" "000102030405060708090a0b0c0d0e0f" "a0a1a2a3a4a5a6a7"
        "01" "64" "0000000000000007" "01020304" "00"
    )  # fmt: skip


def test_a_hello_is_a_broadcast_of_type_0_from_the_number_that_the_gateway_has_alone() -> None:
    packet = HELLO.packet(0xC0FFEE, STATION)
    assert packet == Packet(
        Address(0xC0FFEE, BROADCAST_NODE, 0x4E57), Address(0xC0FFEE, STATION, 0x4E57), 0, HELLO.encode()
    )
    assert len(packet.encode()) == 82
    assert HELLO.packet(0, STATION, to=STATION).destination == Address(0, STATION, 0x4E57)


@given(hellos)
def test_hellos_survive_the_wire_and_what_a_later_version_puts_behind_them(hello: Hello) -> None:
    assert Hello.decode(hello.encode()) == hello
    assert Hello.decode(hello.encode() + b"later") == hello


def test_a_truncated_hello_is_a_wire_error() -> None:
    assert whole_after_truncation(Hello.decode, HELLO.encode()) == []


@pytest.mark.parametrize(
    ("offset", "wrong", "complaint"),
    [
        (0, b"nwip", "not a hello"),
        (4, b"\2", "version 2"),
        (37, b"\0", "0 is not a state"),
        (37, b"\7", "7 is not a state"),
        (39, b"\x80", "above 2"),
    ],
)
def test_what_a_field_may_not_hold_is_a_wire_error(offset: int, wrong: bytes, complaint: str) -> None:
    data = bytearray(HELLO.encode())
    data[offset : offset + len(wrong)] = wrong
    with pytest.raises(WireError, match=complaint):
        Hello.decode(data)


@pytest.mark.parametrize(
    "wrong",
    [
        HELLO._replace(domain=b"short"),
        HELLO._replace(identity=b""),
        HELLO._replace(nonce=bytes(9)),
        HELLO._replace(priority=256),
        HELLO._replace(turn=MOST_TURNS + 1),
        HELLO._replace(turn=-1),
        HELLO._replace(number=2**32),
    ],
)
def test_a_value_that_does_not_fit_is_not_written(wrong: Hello) -> None:
    with pytest.raises(WireError):
        wrong.encode()


@given(st.binary(max_size=80) | st.binary(max_size=60).map(b"NWIP\1".__add__))
def test_no_octets_raise_anything_but_a_wire_error(data: bytes) -> None:
    try:
        hello = Hello.decode(data)
    except WireError:
        return
    assert hello.encode()[:51] == data[:51]


def test_a_domain_is_the_same_in_any_case_of_letters() -> None:
    assert domain_mark("Lab.TEST") == domain_mark(DOMAIN) != domain_mark("lab2.test")


def test_packets_of_gateways_are_told_from_those_of_programs_on_the_same_socket() -> None:
    ours = HELLO.packet(1, STATION)
    assert is_between_gateways(ours.encode())
    assert is_between_gateways(presence(1, STATION).encode())
    assert not is_between_gateways(ours._replace(payload=b"NWI").encode())
    assert not is_between_gateways(ours._replace(payload=b"a game").encode())
    assert not is_between_gateways(
        ours._replace(destination=ours.destination._replace(socket=0x869C)).encode()
    )


def test_what_only_shows_where_a_number_is_comes_from_it_and_is_no_hello() -> None:
    packet = presence(1, STATION)
    assert (packet.source.node, packet.destination.node) == (STATION, BROADCAST_NODE)
    assert len(packet.encode()) == HEADER_SIZE + 4
    with pytest.raises(WireError):
        Hello.decode(packet.payload)


def test_a_star_link_of_the_domain_answers_with_what_shows_whose_hello_it_was() -> None:
    answer = server_answer(HELLO, "LAB.test", b"S" * 16)
    assert answer == Hello(HELLO.domain, b"S" * 16, NONCE, HelloState.SERVER, number=HELLO.number)
    assert len(answer.encode()) == len(HELLO.encode())


def test_nothing_is_answered_that_could_go_on_for_ever_or_is_of_another_domain() -> None:
    assert server_answer(HELLO, "other.test", IDENTITY) is None
    for state in (HelloState.SERVER, HelloState.LEAVING):
        assert server_answer(HELLO._replace(state=state), DOMAIN, IDENTITY) is None
