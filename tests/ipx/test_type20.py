import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.codecs import networks, refused_or_written_back, whole_after_truncation
from nwip.ipx.type20 import LIST_SIZE, PropagatedPayload
from nwip.wire import WireError

TWO_CROSSED = bytes.fromhex("0000AB12 2E5A0001" + 6 * "CCCCCCCC" + "AA55")


def test_the_networks_crossed_are_as_many_as_transport_control_says() -> None:
    payload = PropagatedPayload.decode(TWO_CROSSED, 2)
    assert payload.networks == (0xAB12, 0x2E5A0001)
    assert payload.unused == b"\xcc" * 24
    assert payload.data == b"\xaa\x55"
    assert payload.transport_control == 2
    assert payload.encode() == TWO_CROSSED


@pytest.mark.parametrize("crossed", range(9))
def test_a_list_holds_up_to_eight_networks(crossed: int) -> None:
    payload = PropagatedPayload.of(b"NetBIOS", tuple(range(1, crossed + 1)))
    octets = payload.encode()
    assert (
        octets
        == b"".join(n.to_bytes(4, "big") for n in payload.networks).ljust(LIST_SIZE, b"\0") + b"NetBIOS"
    )
    assert PropagatedPayload.decode(octets, crossed) == payload


@pytest.mark.parametrize("transport_control", [-1, 9, 255])
def test_more_networks_than_eight_are_a_wire_error(transport_control: int) -> None:
    with pytest.raises(WireError):
        PropagatedPayload.decode(TWO_CROSSED, transport_control)
    with pytest.raises(WireError):
        PropagatedPayload.of(b"", tuple(range(9)))


def test_a_list_of_another_size_is_a_wire_error() -> None:
    with pytest.raises(WireError):
        PropagatedPayload((1,), bytes(32), b"").encode()


def test_a_truncated_list_is_a_wire_error() -> None:
    taken = whole_after_truncation(lambda octets: PropagatedPayload.decode(octets, 2), TWO_CROSSED)
    assert taken == [LIST_SIZE, LIST_SIZE + 1]


@given(st.lists(networks, max_size=8).map(tuple), st.binary())
def test_lists_survive_the_wire(crossed: tuple[int, ...], data: bytes) -> None:
    payload = PropagatedPayload.of(data, crossed)
    assert PropagatedPayload.decode(payload.encode(), len(crossed)) == payload


@given(st.binary(max_size=40), st.integers(0, 255))
def test_any_octets_are_refused_or_a_list(anything: bytes, transport_control: int) -> None:
    refused_or_written_back(lambda octets: PropagatedPayload.decode(octets, transport_control), anything)
