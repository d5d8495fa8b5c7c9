"""Whatever the server sends, nothing is raised, no table grows beyond its bound, and little is sent back."""

from hypothesis import given, settings
from hypothesis import strategies as st

from links.uplink.servers import number_of
from links.uplink.simulation import FIRST_PORT, NETWORK, NODE, PSEUDO, World, host
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.links.uplink.engine import IPXBOX, UplinkClient

LIMIT = 3
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
