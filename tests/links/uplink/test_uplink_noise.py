"""Whatever the server sends, nothing is raised, no table grows beyond its bound, and little is sent back."""

from random import Random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from links.uplink.servers import PLACES, DosboxModel, DosboxXModel, IpxboxModel, NwipModel, Server, number_of
from links.uplink.simulation import FIRST_PORT, NETWORK, NODE, PSEUDO, World, host
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.links.uplink.engine import IPXBOX, UplinkClient

LIMIT = 3
SERVERS = [DosboxModel, DosboxXModel, IpxboxModel, NwipModel]
OWN = [number_of(("192.0.2.1", FIRST_PORT + port)) for port in range(3)]
NODES = [bytes(6), BROADCAST_NODE, b"\x7e\x01\0\0\0\1", b"\2guess", IPXBOX, host(1), *OWN]

addresses = st.builds(
    Address, st.sampled_from([0, 1, NETWORK]), st.sampled_from(NODES), st.sampled_from([2, 9, 0x4E57])
)
packets = st.builds(
    Packet,
    addresses,
    addresses,
    st.integers(0, 255),
    st.binary(max_size=8),
    st.sampled_from([0, 0x4D, 255]),
    st.sampled_from([0xFFFF, 0]),
).map(Packet.encode)
datagrams = st.one_of(
    st.binary(max_size=64), packets, st.builds(bytes.__add__, packets, st.binary(max_size=8))
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), datagrams, st.sampled_from([0.0, 0.3, 20.0])), max_size=40))
def test_no_history_of_datagrams_raises_or_grows_a_table(steps: list[tuple[int, bytes, float]]) -> None:
    world = World()
    uplink = world.uplink(limit=LIMIT)
    for number in range(5):
        uplink.send(host(number))
    for port, data, pause in steps:
        sent = len(uplink.sent)
        world.from_server(uplink, data, port)
        assert sum(len(answer) for _, _, answer in uplink.sent[sent:]) <= len(data)
        world.run(pause)
        uplink.send(host(port))
        engine = uplink.engine
        assert len(engine.registrations()) <= LIMIT + 1
        assert len(engine._registrations._at_port) <= LIMIT + 1
        assert len(engine.far_hosts()) <= len(NODES)


@given(st.lists(datagrams, max_size=20))
def test_no_reply_to_a_registration_makes_it_raise(arriving: list[bytes]) -> None:
    engine = UplinkClient(NETWORK, NODE, PSEUDO, lambda: 0.5)
    engine.start(0.0)
    for count, data in enumerate(arriving):
        engine.receive_datagram(data, 0, float(count))
        engine.advance(float(count))
        engine.send(Packet(Address(NETWORK, BROADCAST_NODE, 9), Address(NETWORK, host(1), 9)).encode(), 1.0)
        assert len(engine.datagrams_to_send()) <= 8


@settings(max_examples=60, deadline=None, phases=[Phase.generate])
@given(st.sampled_from(SERVERS), st.integers(0, 1 << 32), st.floats(0, 0.6))
def test_whatever_is_lost_nothing_arrives_twice_and_all_works_again_afterwards(
    model: type[Server], seed: int, loss: float
) -> None:
    random = Random(seed)  # noqa: S311 - a network that loses, no secret
    world = World(model())
    player, uplink = world.player(), world.uplink(limit=2)
    world.lose = lambda _data, _source, _to: random.random() < loss
    for count in range(40):
        uplink.send(host(count % 2), payload=bytes([count]))
        player.send(payload=bytes([count]))
        world.run(random.uniform(0.1, 3.0))
    world.lose = lambda _data, _source, _to: False
    world.run(45.0)
    player.send(payload=b"after")
    uplink.send(host(1), payload=b"after")
    world.run(1.0)
    here = [packet.payload for packet in uplink.arrived if packet.payload]
    there = [packet.payload for packet in player.heard]
    assert len(set(here)) == len(here)
    assert len(set(there)) == len(there)
    assert here[-1] == b"after"
    is_full = isinstance(world.server, DosboxModel) and len(world.server.places) == PLACES
    assert there[-1] == b"after" or is_full
