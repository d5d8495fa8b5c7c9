"""Whatever arrives, nothing is raised and no table grows beyond its bound."""

from hypothesis import given, settings
from hypothesis import strategies as st

from links.dosbox.simulation import NETWORK, World
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.ipx.ping import registration
from nwip.links.dosbox.client import DosboxClient

LIMIT = 4
NODES = [bytes(6), BROADCAST_NODE, b"\x00\xa0\xc9\1\2\3", b"\x7e\x01\0\0\0\1", b"\2guess", b"\0\0\0\0\0\1"]

addresses = st.builds(
    Address, st.sampled_from([0, NETWORK, 7]), st.sampled_from(NODES), st.sampled_from([2, 9])
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
sources = st.tuples(st.sampled_from(["192.0.2.1", "192.0.2.2"]), st.integers(1, 12))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(sources, datagrams, st.sampled_from([0.0, 0.3, 20.0])), max_size=40))
def test_no_history_of_datagrams_raises_or_grows_a_table(
    steps: list[tuple[tuple[str, int], bytes, float]],
) -> None:
    world = World(limit=LIMIT)
    for port in (1, 2):
        world.player(("192.0.2.1", port)).join()
    world.player(("192.0.2.2", 1), NODES[2]).register()
    for source, data, pause in steps:
        world.datagram(data, source)
        world.run(pause)
        clients = world.server.clients()
        assert len(clients) <= LIMIT
        assert len({client.node for client in clients}) == len(clients)
        assert len(world.server._newcomers) <= 256
    for address, octets in world.octets_out.items():
        if address not in world.players:
            assert octets <= 2 * world.octets_in[address]


@given(st.lists(datagrams, max_size=20))
def test_no_datagram_makes_a_client_raise(arriving: list[bytes]) -> None:
    client = DosboxClient()
    client.register(0.0)
    for count, data in enumerate(arriving):
        client.receive_datagram(data, float(count))
        client.advance(float(count))
        if client.address:
            client.ping(float(count))
    assert all(len(data) == len(registration().encode()) for data in client.datagrams_to_send())
