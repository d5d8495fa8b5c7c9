from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.dataplane.port import Port, Received
from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import HEADER_SIZE, MAXIMUM_SIZE, Packet
from nwip.links.base import Arrival, Hop, Link
from nwip.links.virtual import VirtualLink
from nwip.routing.numbering import node_prefixes

NETWORK, ELSEWHERE = 0x00C0FFEE, 0x2E5A0001
NODE, PEER_NODE, THIRD_NODE = (bytes.fromhex(f"7E01C000020{number}") for number in (1, 2, 3))
HOST, OTHER_HOST = bytes.fromhex("02000000000A"), bytes.fromhex("02000000000B")
OWN, PEER, THIRD, STRANGER = (f"192.0.2.{number}" for number in (1, 2, 3, 4))
DATA_PORT = 43981
EVERYONE: Endpoint = ("192.0.2.255", DATA_PORT)


class FakePort:
    """A port without a network: keeps what is sent, refuses what it is told to."""

    def __init__(self, at: Endpoint, *, broadcast: bool, shared: bool) -> None:
        self.endpoint = at
        self.broadcast, self.shared = broadcast, shared
        self.sent: list[tuple[bytes, Endpoint]] = []
        self.refused = 0
        self.refuses = False
        self.closed = False

    def send(self, data: bytes, to: Endpoint) -> bool:
        assert not self.closed
        if self.refuses:
            self.refused += 1
            return False
        self.sent.append((data, to))
        return True

    def close(self) -> None:
        self.closed = True


class Rig:
    """A virtual link on fake ports, as the gateway of it."""

    def __init__(self, broadcast_to: Endpoint | None = None, unavailable: Endpoint | None = None) -> None:
        self.ports: list[FakePort] = []
        self.arrivals: list[Arrival] = []
        self.batches = 0
        self._unavailable = unavailable
        self._received: list[Received] = []
        self.link = VirtualLink(NETWORK, NODE, (OWN, DATA_PORT), broadcast_to, opener=self.open_port)
        self.link.know({(PEER, DATA_PORT): PEER_NODE, (THIRD, DATA_PORT): THIRD_NODE})

    def open_port(
        self,
        at: Endpoint,
        received: Received,
        *,
        broadcast: bool = False,
        shared: bool = False,
        books: object = None,
    ) -> Port:
        if at == self._unavailable:
            raise OSError(99, "cannot assign requested address")
        self.ports.append(FakePort(at, broadcast=broadcast, shared=shared))
        self._received.append(received)
        return self.ports[-1]

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        assert link is self.link
        self.batches += 1
        self.arrivals += batch

    def host_gained(self, link: Link, node: bytes, hop: Hop) -> None:
        raise AssertionError

    def host_lost(self, link: Link, node: bytes) -> None:
        raise AssertionError

    def carrier(self, link: Link, *, present: bool) -> None:
        raise AssertionError

    def hear(self, *datagrams: bytes, peer: str = PEER, port: int = DATA_PORT, on: int = 0) -> None:
        self._received[on]([(data, (peer, port)) for data in datagrams])

    @property
    def packets(self) -> list[bytes]:
        return [packet for packet, _ in self.arrivals]


async def opened(broadcast_to: Endpoint | None = None) -> Rig:
    rig = Rig(broadcast_to)
    await rig.link.open(rig)
    return rig


def datagram(
    source: bytes = HOST,
    size: int = 40,
    *,
    destination: bytes = OTHER_HOST,
    network: int = NETWORK,
    source_network: int = NETWORK,
) -> bytes:
    payload = bytes(index % 251 for index in range(size - HEADER_SIZE))
    to, of = Address(network, destination, 1), Address(source_network, source, 2)
    return Packet(to, of, payload=payload).encode()


def with_length(packet: bytes, length: int) -> bytes:
    return packet[:2] + length.to_bytes(2, "big") + packet[4:]


pytestmark = pytest.mark.asyncio


async def test_packets_of_a_node_and_of_the_hosts_behind_it_are_taken_as_they_are() -> None:
    rig = await opened()
    sent = [datagram(), datagram(PEER_NODE), datagram(size=30)]
    rig.hear(*sent)
    assert rig.arrivals == [Arrival(packet, (PEER, DATA_PORT)) for packet in sent]
    assert rig.batches == 1
    counters = rig.link.counters
    assert (counters.packets_in, counters.octets_in, counters.drops) == (3, 110, {})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "malformed"),
        (b"\xff", "malformed"),
        (b"\xff\xff\0", "malformed"),
        (datagram()[:29], "malformed"),
        (datagram()[:-1], "malformed"),
        (with_length(datagram(), 29), "malformed"),
        (with_length(datagram(), 0), "malformed"),
        (with_length(datagram(), 41), "malformed"),
        (datagram(BROADCAST_NODE), "malformed"),
        (b"\xff\xfe" + datagram()[2:], "checksum"),
        (b"\0\0" + datagram()[2:], "checksum"),
        (datagram(size=MAXIMUM_SIZE + 1), "too large"),
        (datagram(THIRD_NODE), "source of another node"),
        (datagram(NODE), "source of another node"),
    ],
)
async def test_what_no_node_would_send_is_dropped_with_its_reason(data: bytes, reason: str) -> None:
    rig = await opened()
    rig.hear(data)
    assert rig.link.counters.drops == {reason: 1}
    assert (rig.arrivals, rig.batches) == ([], 0)
    assert (rig.link.counters.packets_in, rig.link.counters.octets_in) == (0, 0)


@pytest.mark.parametrize(
    ("peer", "port", "reason"),
    [
        (STRANGER, DATA_PORT, "not a node of the domain"),
        (PEER, DATA_PORT + 1, "not a node of the domain"),
        (OWN, DATA_PORT, "own broadcast"),
    ],
)
async def test_data_is_taken_only_from_the_data_ports_of_live_nodes(
    peer: str, port: int, reason: str
) -> None:
    rig = await opened()
    rig.hear(datagram(), peer=peer, port=port)
    assert rig.link.counters.drops == {reason: 1}
    assert rig.arrivals == []


async def test_a_node_that_is_no_longer_live_is_a_stranger_and_its_number_nobodys() -> None:
    rig = await opened()
    rig.link.know({(PEER, DATA_PORT): PEER_NODE})
    rig.hear(datagram(), peer=THIRD)
    assert rig.link.counters.drops == {"not a node of the domain": 1}
    rig.hear(datagram(THIRD_NODE))
    assert rig.link.counters.drops == {"not a node of the domain": 1, "source of another node": 1}
    assert rig.packets == []


@pytest.mark.parametrize("number", ["7E010A0000FE", "7E06FFFFFFFF"])
async def test_nobody_speaks_for_a_node_that_is_not_there_yet(number: str) -> None:
    rig = await opened()
    claimed = datagram(bytes.fromhex(number))
    rig.hear(claimed, datagram(PEER_NODE))
    this_network = claimed[:18] + bytes(4) + claimed[22:]
    rig.hear(this_network)
    assert rig.packets == [datagram(PEER_NODE)]
    assert rig.link.counters.drops == {"source of another node": 2}
    elsewhere = claimed[:18] + bytes.fromhex("000000AB") + claimed[22:]
    rig.hear(elsewhere)
    assert rig.packets == [datagram(PEER_NODE), elsewhere], "on another network it is a number like any"


async def test_a_domain_may_number_its_nodes_in_another_way() -> None:
    rig = await opened()
    rig.link.node_prefixes = node_prefixes(Parameters(domain="x", node_prefix=bytes.fromhex("7E05")))
    usual, theirs = bytes.fromhex("7E010A0000FE"), bytes.fromhex("7E050A0000FE")
    rig.hear(datagram(usual), datagram(theirs))
    assert rig.packets == [datagram(usual)]


async def test_good_packets_are_taken_in_order_out_of_a_batch_with_bad_ones() -> None:
    rig = await opened()
    first, second = datagram(size=31), datagram(size=32)
    rig.hear(b"", first, datagram(NODE), second, b"")
    assert rig.packets == [first, second]
    assert rig.link.counters.drops == {"malformed": 2, "source of another node": 1}


async def test_octets_behind_the_length_are_left_out_and_not_counted() -> None:
    rig = await opened()
    rig.hear(datagram() + b"padding", datagram(size=MAXIMUM_SIZE) + bytes(100))
    assert rig.packets == [datagram(), datagram(size=MAXIMUM_SIZE)]
    assert rig.link.counters.octets_in == 40 + MAXIMUM_SIZE


@pytest.mark.parametrize("network", [0, NETWORK, ELSEWHERE])
@pytest.mark.parametrize("source_network", [0, NETWORK, ELSEWHERE])
async def test_network_0_is_the_virtual_network_in_both_addresses(network: int, source_network: int) -> None:
    rig = await opened()
    rig.hear(datagram(network=network, source_network=source_network))
    assert rig.packets == [datagram(network=network or NETWORK, source_network=source_network or NETWORK)]


async def test_1500_octets_go_out_and_1501_do_not() -> None:
    rig = await opened()
    for size in (MAXIMUM_SIZE, MAXIMUM_SIZE + 1):
        rig.link.send(datagram(size=size), (PEER, DATA_PORT))
    assert rig.ports[0].sent == [(datagram(size=MAXIMUM_SIZE), (PEER, DATA_PORT))]
    counters = rig.link.counters
    assert counters.drops == {"too large": 1}
    assert (counters.packets_out, counters.octets_out) == (1, MAXIMUM_SIZE)


async def test_what_was_exchanged_with_a_node_is_told_and_forgotten_with_the_node() -> None:
    rig = await opened()
    rig.hear(datagram(size=60), datagram(size=40))
    rig.link.send(datagram(), (PEER, DATA_PORT))
    rig.link.send_to_all(datagram(), besides=(THIRD, DATA_PORT))
    assert rig.link.traffic_with((PEER, DATA_PORT)) == (2, 100, 2, 80)
    assert rig.link.traffic_with((THIRD, DATA_PORT)) == (0, 0, 0, 0)
    rig.link.know({(THIRD, DATA_PORT): THIRD_NODE})
    assert rig.link.traffic_with((PEER, DATA_PORT)) == (0, 0, 0, 0)


async def test_what_the_kernel_refuses_is_a_counted_drop_and_not_a_packet_sent() -> None:
    rig = await opened()
    rig.ports[0].refuses = True
    rig.link.send(datagram(), (PEER, DATA_PORT))
    rig.link.send_to_all(datagram())
    counters = rig.link.counters
    assert counters.drops == {"refused by the kernel": 3}
    assert (counters.packets_out, counters.octets_out) == (0, 0)


@pytest.mark.parametrize("hop", [None, HOST, "192.0.2.2"])
async def test_a_hop_that_is_no_endpoint_is_a_counted_drop(hop: Hop) -> None:
    rig = await opened()
    rig.link.send(datagram(), hop)
    assert rig.ports[0].sent == []
    assert sum(rig.link.counters.drops.values()) == 1


async def test_under_the_policy_domain_a_broadcast_is_copied_to_every_node_but_one() -> None:
    rig = await opened()
    rig.link.send_to_all(datagram(destination=BROADCAST_NODE), besides=(THIRD, DATA_PORT))
    assert [to for _, to in rig.ports[0].sent] == [(PEER, DATA_PORT)]
    rig.link.send_to_all(datagram(destination=BROADCAST_NODE))
    assert [to for _, to in rig.ports[0].sent[1:]] == [(PEER, DATA_PORT), (THIRD, DATA_PORT)]
    assert rig.link.counters.packets_out == 3
    assert [(port.broadcast, port.shared) for port in rig.ports] == [(False, False)]


async def test_under_the_policy_subnet_a_broadcast_goes_out_once_from_the_data_port() -> None:
    rig = await opened(EVERYONE)
    assert [(port.endpoint, port.broadcast, port.shared) for port in rig.ports] == [
        ((OWN, DATA_PORT), True, False),
        (EVERYONE, False, True),
    ]
    rig.link.send_to_all(datagram(destination=BROADCAST_NODE), besides=(PEER, DATA_PORT))
    assert rig.ports[0].sent == [(datagram(destination=BROADCAST_NODE), EVERYONE)]
    assert rig.ports[1].sent == []


async def test_what_comes_to_the_broadcast_address_is_checked_like_all_else() -> None:
    rig = await opened(EVERYONE)
    rig.hear(datagram(), on=1)
    rig.hear(datagram(), peer=OWN, on=1)
    rig.hear(datagram(), peer=STRANGER, on=1)
    assert rig.packets == [datagram()]
    assert rig.link.counters.drops == {"own broadcast": 1, "not a node of the domain": 1}


async def test_a_closed_link_has_closed_its_ports_reports_nothing_and_drops_what_it_is_given() -> None:
    rig = await opened(EVERYONE)
    await rig.link.close()
    await rig.link.close()
    assert [port.closed for port in rig.ports] == [True, True]
    rig.link.send(datagram(), (PEER, DATA_PORT))
    rig.hear(datagram())
    assert rig.arrivals == []
    assert rig.link.counters.packets_out == 0
    assert sum(rig.link.counters.drops.values()) == 1


@pytest.mark.parametrize("unavailable", [(OWN, DATA_PORT), EVERYONE])
async def test_an_address_that_cannot_be_had_is_an_os_error_and_leaves_no_port_open(
    unavailable: Endpoint,
) -> None:
    rig = Rig(EVERYONE, unavailable)
    with pytest.raises(OSError, match="cannot assign"):
        await rig.link.open(rig)
    assert all(port.closed for port in rig.ports)
    rig.link.send(datagram(), (PEER, DATA_PORT))
    assert sum(rig.link.counters.drops.values()) == 1


async def test_the_endpoint_is_the_one_the_port_was_given() -> None:
    rig = Rig()
    assert rig.link.endpoint == (OWN, DATA_PORT)
    await rig.link.open(rig)
    rig.ports[0].endpoint = (OWN, 5)
    assert rig.link.endpoint == (OWN, 5)
    assert rig.link.describe() == {"listens on": "UDP 192.0.2.1:5", "peers": "2"}


def nearly_packets() -> st.SearchStrategy[bytes]:
    """Draw datagrams that come through some of the checks."""
    return st.builds(
        lambda checksum, length, middle, source, rest: (
            checksum + length.to_bytes(2, "big") + middle + source + rest
        ),
        st.sampled_from([b"\xff\xff", b"\0\0"]),
        st.sampled_from([0, 29, 30, 31, 40, 1500, 1501, 65535]),
        st.sampled_from([bytes(18), b"\1" * 18]),
        st.sampled_from([HOST, NODE, PEER_NODE, THIRD_NODE, BROADCAST_NODE]),
        st.sampled_from([0, 1, 2, 3, 20, 1472, 1473, 1600]).map(bytes),
    )


@given(
    st.lists(
        st.tuples(st.binary(max_size=64) | nearly_packets(), st.sampled_from([OWN, PEER, THIRD, STRANGER])),
        max_size=12,
    )
)
async def test_whatever_arrives_is_either_taken_or_dropped_with_a_reason(
    datagrams: list[tuple[bytes, str]],
) -> None:
    rig = await opened()
    for data, peer in datagrams:
        rig.hear(data, peer=peer)
    counters = rig.link.counters
    assert counters.packets_in + sum(counters.drops.values()) == len(datagrams)
    assert counters.packets_in == len(rig.packets)
    assert counters.octets_in == sum(map(len, rig.packets))
    for packet, hop in rig.arrivals:
        decoded = Packet.decode(packet)
        assert decoded.encode() == packet
        assert len(packet) <= MAXIMUM_SIZE
        assert decoded.checksum == 0xFFFF
        assert 0 not in (decoded.source.network, decoded.destination.network)
        assert hop in ((PEER, DATA_PORT), (THIRD, DATA_PORT))
