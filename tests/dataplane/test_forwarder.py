from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.dataplane.forwarding import Forwarder, Outlet, Way, raised
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet

VIRTUAL, FAR = 0x00C0FFEE, 0x2E5A0001
HERE, THERE = bytes.fromhex("02000000000A"), bytes.fromhex("02000000000B")
LIMIT = 16


class Lan:
    """An outlet that keeps what it is given."""

    def __init__(self, *, star: bool = False) -> None:
        self.star = star
        self.sent: list[tuple[bytes, Hashable]] = []

    def send(self, packet: bytes, hop: Hashable) -> None:
        self.sent.append((packet, hop))


class Rig:
    """A forwarder with two outlets, and a list of what it found unusual."""

    def __init__(self) -> None:
        self.inlet, self.outlet = Lan(), Lan()
        self.unusual: list[tuple[Outlet, bytes, Hashable]] = []
        self.forwarder = Forwarder(lambda *what: self.unusual.append(what), LIMIT)

    def host(self, hop: Hashable = "port 7", network: int = VIRTUAL) -> None:
        self.forwarder.hosts[network.to_bytes(4, "big") + THERE] = Way(self.outlet, hop)

    def network(self, network: int, hop: Hashable | None = "router") -> None:
        self.forwarder.networks[network.to_bytes(4, "big")] = Way(self.outlet, hop)

    def forward(self, *packets: bytes) -> None:
        self.forwarder.forward(self.inlet, [(packet, "from") for packet in packets])


@pytest.fixture
def rig() -> Rig:
    return Rig()


def packet(network: int = VIRTUAL, node: bytes = THERE, passed: int = 0) -> bytes:
    source = Address(VIRTUAL, HERE, 0x4003)
    return Packet(Address(network, node, 0x0451), source, 4, b"payload", passed).encode()


def test_a_packet_to_a_known_host_goes_to_its_hop_with_nothing_changed_but_the_routers_passed(
    rig: Rig,
) -> None:
    rig.host()
    rig.forward(packet(passed=3))
    assert rig.outlet.sent == [(packet(passed=4), "port 7")]
    assert rig.unusual == []
    assert rig.inlet.sent == []


def test_a_packet_to_a_known_network_goes_to_its_router_or_to_the_host_itself(rig: Rig) -> None:
    rig.network(FAR)
    rig.network(FAR + 1, hop=None)
    rig.forward(packet(FAR), packet(FAR + 1))
    assert rig.outlet.sent == [(packet(FAR, passed=1), "router"), (packet(FAR + 1, passed=1), THERE)]


def test_the_way_to_a_host_goes_before_that_to_its_network(rig: Rig) -> None:
    rig.host()
    rig.network(VIRTUAL)
    rig.forward(packet(), packet(node=HERE))
    assert [hop for _, hop in rig.outlet.sent] == ["port 7", "router"]


def test_the_same_node_number_on_another_network_is_another_host(rig: Rig) -> None:
    rig.host()
    rig.forward(packet(FAR))
    assert rig.outlet.sent == []
    assert len(rig.unusual) == 1


def test_what_is_unknown_and_every_broadcast_is_unusual_and_unchanged(rig: Rig) -> None:
    rig.network(FAR)
    strange = [packet(), packet(node=BROADCAST_NODE), packet(FAR, BROADCAST_NODE)]
    rig.forward(*strange)
    assert rig.unusual == [(rig.inlet, each, "from") for each in strange]
    assert rig.outlet.sent == []


def test_what_is_unusual_does_not_hold_up_the_rest_of_its_batch(rig: Rig) -> None:
    rig.host()
    rig.forward(packet(FAR), packet(), packet(node=BROADCAST_NODE), packet(passed=1))
    assert [each for each, _ in rig.outlet.sent] == [packet(passed=1), packet(passed=2)]
    assert [each for _, each, _ in rig.unusual] == [packet(FAR), packet(node=BROADCAST_NODE)]


@pytest.mark.parametrize(("passed", "goes_on"), [(LIMIT - 2, True), (LIMIT - 1, False), (255, False)])
def test_a_packet_goes_no_further_than_the_hop_limit(rig: Rig, passed: int, goes_on: bool) -> None:
    rig.host()
    rig.forward(packet(passed=passed))
    assert rig.outlet.sent == ([(packet(passed=passed + 1), "port 7")] if goes_on else [])
    assert rig.forwarder.expired == (0 if goes_on else 1)


def test_only_on_a_star_does_a_packet_leave_where_it_came_in_without_passing_a_router(rig: Rig) -> None:
    rig.outlet = rig.inlet
    rig.host()
    rig.forward(packet())
    rig.inlet.star = True
    rig.forward(packet(), packet(passed=LIMIT))
    assert [each for each, _ in rig.inlet.sent] == [packet(passed=1), packet(), packet(passed=LIMIT)]


def test_a_packet_from_one_star_to_another_has_passed_a_router(rig: Rig) -> None:
    rig.inlet.star = rig.outlet.star = True
    rig.host()
    rig.forward(packet())
    assert rig.outlet.sent == [(packet(passed=1), "port 7")]


def test_a_packet_of_our_own_has_passed_no_router(rig: Rig) -> None:
    rig.forwarder.send(None, Way(rig.outlet, None), packet())
    assert rig.outlet.sent == [(packet(), THERE)]


@given(st.binary(min_size=30, max_size=60))
def test_raising_changes_one_octet_and_never_past_255(octets: bytes) -> None:
    after = raised(octets)
    assert after[:4] + after[5:] == octets[:4] + octets[5:]
    assert after[4] == min(octets[4] + 1, 255)


def test_what_is_for_us_is_unusual_though_its_network_is_known(rig: Rig) -> None:
    rig.network(FAR, hop=None)
    rig.forwarder.own.add(FAR.to_bytes(4, "big") + THERE)
    rig.forward(packet(FAR), packet(FAR, HERE))
    assert [each for _, each, _ in rig.unusual] == [packet(FAR)]
    assert [hop for _, hop in rig.outlet.sent] == [HERE]


def test_what_comes_from_the_domain_goes_inward_or_nowhere(rig: Rig) -> None:
    domain, lan = Lan(), Lan()
    forwarder = Forwarder(lambda *what: rig.unusual.append(what), LIMIT, domain)
    key = FAR.to_bytes(4, "big")
    forwarder.networks[key] = Way(domain, "other node")
    forwarder.forward(domain, [(packet(FAR), "from")])
    assert [each for _, each, _ in rig.unusual] == [packet(FAR)]
    forwarder.inward[key] = Way(lan, "router")
    forwarder.forward(domain, [(packet(FAR), "from")])
    assert lan.sent == [(packet(FAR, passed=1), "router")]
    forwarder.forward(lan, [(packet(FAR), "from")])
    assert domain.sent == [(packet(FAR, passed=1), "other node")]


def test_nothing_for_a_network_goes_back_to_the_medium_it_came_from_unless_it_is_a_star(rig: Rig) -> None:
    rig.outlet = rig.inlet
    rig.network(FAR)
    rig.forward(packet(FAR))
    assert rig.inlet.sent == []
    assert rig.forwarder.returned == 1
    rig.inlet.star = True
    rig.forward(packet(FAR))
    assert rig.inlet.sent == [(packet(FAR), "router")]
    assert rig.forwarder.returned == 1
