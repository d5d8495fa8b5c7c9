"""The RFC 1234 tunnel's engine: numbers are addresses, only peers are heard, broadcasts are copies."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nwip.directory.records import Endpoint
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import Packet
from nwip.links.rfc1234.engine import (
    FRESH,
    HOST_LIMIT,
    HOST_SILENCE,
    Gained,
    Lost,
    Tunnel,
    node_of,
)

NETWORK = 0x1234
OURS, ONE, TWO, STRANGER = "192.0.2.1", "192.0.2.7", "203.0.113.9", "198.51.100.3"
PORT = 213
MAC = bytes.fromhex("00001B123456")  # an NE2000's: begins with two zeros, and is no address


def tunnel(*, joined: bool = False, network: int = NETWORK, node: bytes | None = None) -> Tunnel:
    engine = Tunnel(
        network,
        node or node_of(OURS),
        OURS,
        PORT,
        joined=joined,
        reserved=lambda node: node == b"\2taken",
    )
    engine.know([ONE, TWO, OURS])
    return engine


def packet(
    source: bytes,
    to: bytes = BROADCAST_NODE,
    *,
    networks: tuple[int, int] = (NETWORK, NETWORK),
    payload: bytes = b"",
    socket: int = 9,
) -> bytes:
    return Packet(
        Address(networks[1], to, socket), Address(networks[0], source, socket), payload=payload
    ).encode()


def sent(engine: Tunnel) -> list[tuple[Endpoint, Packet]]:
    return [(to, Packet.decode(data)) for data, to in engine.datagrams_to_send()]


def test_a_node_number_is_two_zeros_and_the_address() -> None:
    assert node_of("192.0.2.7") == bytes.fromhex("0000C0000207")
    with pytest.raises(ValueError, match="::1"):
        node_of("::1")


def test_a_packet_goes_to_the_address_in_its_hop_and_a_broadcast_to_every_peer() -> None:
    engine = tunnel()
    engine.send(packet(node_of(OURS), node_of(ONE)), node_of(ONE), 0.0)
    engine.send(packet(b"\2other", b"\2there", networks=(5, 6)), node_of(TWO), 0.0)
    assert [to for to, _ in sent(engine)] == [(ONE, PORT), (TWO, PORT)]
    engine.send(packet(node_of(OURS)), BROADCAST_NODE, 0.0)
    assert {to for to, _ in sent(engine)} == {(ONE, PORT), (TWO, PORT)}
    engine.send_to_all(packet(node_of(OURS)), node_of(ONE), 0.0)
    assert [to for to, _ in sent(engine)] == [(TWO, PORT)]


def test_what_is_for_no_peer_or_too_large_is_dropped() -> None:
    engine = tunnel()
    engine.send(packet(node_of(OURS), node_of(STRANGER)), node_of(STRANGER), 0.0)
    engine.send(packet(node_of(OURS), node_of(OURS)), node_of(OURS), 0.0)
    engine.send(packet(node_of(OURS), payload=bytes(1471)), BROADCAST_NODE, 0.0)
    engine.send(packet(node_of(OURS), payload=bytes(1471)), node_of(ONE), 0.0)
    assert sent(engine) == []
    assert engine.counters.drops == {"to no peer": 2, "too large": 2}
    engine.send(packet(node_of(OURS), payload=bytes(1470)), node_of(ONE), 0.0)
    assert len(sent(engine)) == 1


def test_only_peers_are_heard_and_only_from_the_tunnels_port() -> None:
    engine = tunnel()
    data = packet(node_of(STRANGER))
    assert engine.receive_datagram(data, (STRANGER, PORT), 0.0) is None
    assert engine.receive_datagram(packet(node_of(OURS)), (OURS, PORT), 0.0) is None
    assert engine.receive_datagram(packet(node_of(ONE)), (ONE, 1024), 0.0) is None
    assert engine.counters.drops == {"not from a peer": 2, "from another port": 1}
    arrival = engine.receive_datagram(packet(node_of(ONE)), (ONE, PORT), 0.0)
    assert arrival is not None
    assert arrival.hop == node_of(ONE)


def test_a_source_on_the_tunnels_network_is_its_senders_address() -> None:
    engine = tunnel()
    for source in (node_of(TWO), MAC, node_of(OURS)):
        for network in (0, NETWORK):
            data = packet(source, networks=(network, NETWORK))
            assert engine.receive_datagram(data, (ONE, PORT), 0.0) is None
    assert engine.counters.drops == {"source is not its sender's address": 6}
    routed = packet(MAC, networks=(0x77, NETWORK))
    assert engine.receive_datagram(routed, (ONE, PORT), 0.0) == (routed, node_of(ONE))


def test_network_0_becomes_the_tunnels_unless_that_is_not_known_yet() -> None:
    data = packet(node_of(ONE), networks=(0, 0))
    arrival = tunnel().receive_datagram(data, (ONE, PORT), 0.0)
    assert arrival is not None
    assert Packet.decode(arrival.packet).source.network == NETWORK
    unknown = tunnel(network=0)
    assert unknown.receive_datagram(data, (ONE, PORT), 0.0) == (data, node_of(ONE))
    assert unknown.receive_datagram(packet(MAC, networks=(0, 0)), (ONE, PORT), 0.0) is None


def test_a_packet_of_one_peer_for_another_is_not_passed_on() -> None:
    engine = tunnel()
    for to in (node_of(TWO), node_of(STRANGER), MAC):
        assert engine.receive_datagram(packet(node_of(ONE), to), (ONE, PORT), 0.0) is None
    assert engine.counters.drops == {"for another host of the tunnel": 3}
    behind_us = packet(node_of(ONE), MAC, networks=(NETWORK, 0x99))
    assert engine.receive_datagram(behind_us, (ONE, PORT), 0.0) == (behind_us, node_of(ONE))


def test_a_node_number_of_our_own_choice_is_the_address_on_the_wire() -> None:
    engine = tunnel(node=b"\2share")
    engine.send(packet(b"\2share", node_of(ONE)), node_of(ONE), 0.0)
    ((_, out),) = sent(engine)
    assert out.source.node == node_of(OURS)
    arrival = engine.receive_datagram(packet(node_of(ONE), node_of(OURS)), (ONE, PORT), 0.0)
    assert arrival is not None
    assert Packet.decode(arrival.packet).destination.node == b"\2share"
    engine.send(packet(b"\2share", networks=(0x77, NETWORK)), BROADCAST_NODE, 0.0)
    assert {out.source.node for _, out in sent(engine)} == {b"\2share"}  # another network's: not ours


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"short", "shorter than a header"),
        (packet(node_of(ONE))[:-1], "shorter than a header"),
        (packet(node_of(ONE), payload=b"cut")[:-1], "length field wrong"),
        (b"\0\0" + packet(node_of(ONE))[2:], "with a checksum"),
        (packet(node_of(ONE), payload=bytes(1471)), "too large"),
        (packet(bytes(6)), "address that is no host's"),
        (packet(BROADCAST_NODE), "address that is no host's"),
        (packet(node_of(ONE), bytes(6)), "address that is no host's"),
    ],
)
def test_what_is_no_packet_of_the_protocol_is_dropped(data: bytes, reason: str) -> None:
    engine = tunnel()
    assert engine.receive_datagram(data, (ONE, PORT), 0.0) is None
    assert engine.counters.drops == {reason: 1}


def test_octets_behind_the_packet_are_cut() -> None:
    arrival = tunnel().receive_datagram(packet(node_of(ONE)) + b"padding", (ONE, PORT), 0.0)
    assert arrival is not None
    assert arrival.packet == packet(node_of(ONE))


def test_hosts_of_a_joined_tunnel_are_learned_move_and_age() -> None:
    engine = tunnel(joined=True, node=b"\2virt.")
    engine.receive_datagram(packet(node_of(ONE)), (ONE, PORT), 0.0)
    engine.receive_datagram(packet(MAC), (ONE, PORT), 1.0)
    assert engine.events() == [Gained(node_of(ONE), node_of(ONE)), Gained(MAC, node_of(ONE))]
    engine.receive_datagram(packet(MAC), (TWO, PORT), 2.0)
    assert engine.events() == [Gained(MAC, node_of(TWO))]
    assert engine.next_deadline() == HOST_SILENCE
    engine.advance(HOST_SILENCE)
    assert engine.events() == [Lost(node_of(ONE))]
    engine.know([ONE])
    engine.release(MAC)
    assert engine.events() == [Lost(MAC)]
    assert engine.next_deadline() is None


def test_what_a_host_of_a_joined_tunnel_has_sent_does_not_go_back_there() -> None:
    engine = tunnel(joined=True, node=b"\2virt.")
    engine.receive_datagram(packet(MAC), (ONE, PORT), 0.0)
    engine.send(packet(MAC), BROADCAST_NODE, FRESH - 1)
    engine.send(packet(MAC, node_of(TWO)), node_of(TWO), FRESH - 1)
    assert sent(engine) == []
    assert engine.counters.drops == {"has come back": 2}
    engine.send(packet(MAC, networks=(0x77, NETWORK)), BROADCAST_NODE, FRESH - 1)  # of another network
    engine.send(packet(MAC), BROADCAST_NODE, FRESH)  # long silent: it may have moved to us
    assert len(sent(engine)) == 4


def test_on_a_joined_tunnel_nobody_takes_a_number_of_ours_or_of_another_peer() -> None:
    engine = tunnel(joined=True, node=b"\2virt.")
    for source in (b"\2virt.", b"\2taken", b"\x7e\x01\1\2\3\4", node_of(OURS), node_of(TWO)):
        assert engine.receive_datagram(packet(source), (ONE, PORT), 0.0) is None
    assert engine.counters.drops == {"source is one of ours": 3, "source is not its sender's address": 2}
    assert engine.events() == []


def test_hosts_of_a_joined_tunnel_are_bounded_and_a_hello_makes_none() -> None:
    engine = tunnel(joined=True)
    assert engine.receive_datagram(packet(node_of(ONE), socket=Socket.HELLO), (ONE, PORT), 0.0)
    assert engine.events() == []
    for number in range(HOST_LIMIT + 3):
        engine.receive_datagram(packet(b"\2\0" + number.to_bytes(4, "big")), (ONE, PORT), 0.0)
    assert len(engine._hosts) == HOST_LIMIT
    assert engine.counters.drops == {"too many hosts": 3}


nodes = st.sampled_from(
    [node_of(ONE), node_of(TWO), node_of(OURS), MAC, bytes(6), BROADCAST_NODE, b"\2taken"]
)
addresses = st.builds(Address, st.sampled_from([0, NETWORK, 7]), nodes, st.sampled_from([9, Socket.HELLO]))
datagrams = st.one_of(
    st.binary(max_size=64),
    st.builds(
        Packet,
        addresses,
        addresses,
        st.just(0),
        st.binary(max_size=8),
        st.just(0),
        st.sampled_from([0xFFFF, 0]),
    ).map(Packet.encode),
)


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.lists(st.tuples(st.sampled_from([ONE, TWO, STRANGER]), datagrams), max_size=30))
def test_no_datagram_raises_or_draws_an_answer_and_all_are_accounted_for(
    joined: bool, steps: list[tuple[str, bytes]]
) -> None:
    engine = tunnel(joined=joined, node=b"\2virt.")
    for count, (source, data) in enumerate(steps):
        arrival = engine.receive_datagram(data, (source, PORT), float(count))
        assert arrival is None or arrival.hop == node_of(source) != node_of(STRANGER)
    assert engine.datagrams_to_send() == []
    assert engine.counters.packets_in + sum(engine.counters.drops.values()) == len(steps)
