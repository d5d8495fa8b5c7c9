import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.codecs import (
    networks,
    nodes,
    octets,
    refused_or_written_back,
    whole_after_truncation,
    words,
)
from nwip.ipx.diagnostics import (
    WITH_NETWORKS,
    AttachedNetwork,
    Component,
    ComponentKind,
    DiagnosticsRequest,
    DiagnosticsResponse,
)
from nwip.wire import WireError

SERVER = bytes.fromhex(
    "01 00 4002 03"  # version 1.0, SPX socket 4002, three components
    "00"  # IPX/SPX
    "01"  # router driver
    "06 02"  # server, two networks
    "01 AAAAAA01 000000000001"
    "00 00001111 00001B2C3D4E"
)

attached = st.builds(AttachedNetwork, octets, networks, nodes)
components = st.one_of(
    st.builds(Component, octets.filter(lambda kind: kind not in WITH_NETWORKS), st.just(())),
    st.builds(Component, st.sampled_from(WITH_NETWORKS), st.lists(attached, max_size=3).map(tuple)),
)
responses = st.builds(
    DiagnosticsResponse, octets, octets, words, st.lists(components).map(tuple), st.binary(max_size=8)
)


def test_a_server_tells_its_networks() -> None:
    response = DiagnosticsResponse.decode(SERVER)
    assert (response.major, response.minor, response.spx_socket) == (1, 0, 0x4002)
    assert response.components == (
        Component(ComponentKind.IPX_SPX),
        Component(ComponentKind.ROUTER_DRIVER),
        Component(
            ComponentKind.SERVER,
            (
                AttachedNetwork(1, 0xAAAAAA01, bytes.fromhex("000000000001")),
                AttachedNetwork(0, 0x1111, bytes.fromhex("00001B2C3D4E")),
            ),
        ),
    )
    assert response.encode() == SERVER


def test_a_request_to_everyone_is_one_zero_octet() -> None:
    assert DiagnosticsRequest().encode() == b"\0"
    assert DiagnosticsRequest.decode(b"\0") == DiagnosticsRequest()


def test_a_request_names_up_to_80_nodes_that_need_not_answer() -> None:
    request = DiagnosticsRequest(tuple(bytes([0, 0, 0, 0, 0, number]) for number in range(80)))
    assert DiagnosticsRequest.decode(request.encode()) == request
    with pytest.raises(WireError, match="81"):
        DiagnosticsRequest((bytes(6),) * 81).encode()
    with pytest.raises(WireError, match="81"):
        DiagnosticsRequest.decode(bytes([81]) + bytes(6 * 81))


def test_networks_of_a_component_that_has_none_are_a_wire_error() -> None:
    component = Component(ComponentKind.SHELL, (AttachedNetwork(0, 1, bytes(6)),))
    with pytest.raises(WireError):
        DiagnosticsResponse(1, 1, 0, (component,)).encode()


def test_truncated_diagnostics_are_a_wire_error() -> None:
    assert whole_after_truncation(DiagnosticsResponse.decode, SERVER) == []
    request = DiagnosticsRequest((bytes(6), bytes(6)))
    assert whole_after_truncation(DiagnosticsRequest.decode, request.encode()) == []


@given(responses)
def test_responses_survive_the_wire(response: DiagnosticsResponse) -> None:
    assert DiagnosticsResponse.decode(response.encode()) == response


@given(st.binary(max_size=60))
def test_any_octets_are_refused_or_diagnostics(anything: bytes) -> None:
    refused_or_written_back(DiagnosticsRequest.decode, anything)
    refused_or_written_back(DiagnosticsResponse.decode, anything)
