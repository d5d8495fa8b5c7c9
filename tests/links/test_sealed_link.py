"""The link of a sealed domain, on a wire in memory."""

import asyncio
from functools import partial
from ipaddress import IPv4Network

import pytest

from links.sealed_wire import DATA_PORT, NETWORK, Site, Wire, pass_time, settle, sites
from nwip.dataplane.arena import SLOTS, Arena
from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.port import open_port
from nwip.ipx.address import BROADCAST_NODE
from nwip.links.base import Arrival
from nwip.links.sealed import TURN, SealedLink
from nwip.security.sealed.timing import KEEPALIVE_AFTER, REKEY_AFTER, RETRY_AFTER

pytestmark = pytest.mark.asyncio

HOST = bytes.fromhex("02000000000A")
KINDS = {bytes((kind, 0, 0, 0)) for kind in (1, 2, 3, 4)}


async def two() -> tuple[Wire, Site, Site]:
    wire = Wire()
    west, east = await sites(wire, "west", "east")
    return wire, west, east


async def talk(west: Site, east: Site) -> None:
    """Send a packet each way; there is a tunnel then."""
    for one, other in ((west, east), (east, west)):
        one.link.send(one.packet(other), other.endpoint)
        await settle()
        assert other.packets.pop() == one.packet(other)
        other.arrivals.clear()


async def test_packets_arrive_and_nothing_on_the_wire_is_plain() -> None:
    wire, west, east = await two()
    sent = [west.packet(east, size) for size in (30, 60, 1200, 1500)]
    for packet in sent:
        west.link.send(packet, east.endpoint)
    await settle()
    assert sorted(east.arrivals) == sorted(Arrival(packet, west.endpoint) for packet in sent)
    assert {data[:4] for data, _, _ in wire.sent} <= KINDS
    assert not any(b"plain" in data or data[:2] == b"\xff\xff" for data, _, _ in wire.sent)
    assert max(len(data) for data, _, _ in wire.sent if data[0] == 4) <= 1472
    assert west.link.counters.packets_out == east.link.counters.packets_in == 4
    assert west.link.traffic_with(east.endpoint) == (0, 0, 4, 2790)
    assert east.link.traffic_with(west.endpoint) == (4, 2790, 0, 0)
    assert west.drops == east.drops == {}


async def test_what_is_plain_is_dropped_even_from_where_a_node_is() -> None:
    wire, west, east = await two()
    await talk(west, east)
    for source in (east.endpoint, ("198.51.100.9", 1)):
        wire.ports[west.endpoint].received([(east.packet(west), source), (b"", source), (b"\4", source)])
    assert west.arrivals == []
    assert west.drops == {"not sealed": 6}
    assert len(wire.sent) == 4, "and nobody is answered"


async def test_a_node_speaks_for_itself_and_its_hosts_and_for_no_other_node() -> None:
    wire = Wire()
    west, east, third = await sites(wire, "west", "east", "third")
    nobody = bytes.fromhex("7E06FFFFFFFF")
    for source in (None, HOST, west.node, third.node, nobody, BROADCAST_NODE):
        east.link.send(east.packet(west, source=source), west.endpoint)
    await settle()
    assert west.packets == [east.packet(west), east.packet(west, source=HOST)]
    assert west.drops == {"source of another node": 3, "malformed": 1}


async def test_who_is_revoked_is_neither_sent_to_nor_heard_from_that_moment() -> None:
    wire, west, east = await two()
    await talk(west, east)
    west.link.send(west.packet(east), east.endpoint)  # for this turn
    west.hears_of_revoked("east")
    assert west.link._packets.tunnels.public_of(east.membership.identity) is None, "its keys are gone"
    west.link.send(west.packet(east), east.endpoint)
    east.link.send(east.packet(west), west.endpoint)
    before = len(wire.sent)
    await settle()
    assert (west.arrivals, east.arrivals) == ([], [])
    assert [source for _, source, _ in wire.sent[before:]] == [east.endpoint]
    assert west.drops == {"nobody to seal it for": 2, "data": 1}
    assert west.link.describe()["sealed"] == "0 tunnels open, 1 handshakes"
    west.knows(east)  # whatever the directory says
    west.link.send_to_all(west.packet(east))
    await settle()
    assert [source for _, source, _ in wire.sent[before:]] == [east.endpoint]


async def test_nobody_talks_to_a_node_that_is_no_member_and_at_once_when_it_becomes_one() -> None:
    wire = Wire()
    west, east = Site(wire, "west", 1), Site(wire, "east", 2)
    for site, other in ((west, east), (east, west)):
        await site.link.open(site)
        site.knows(other)
    east.hears_of_members("west", "east")
    west.link.send(west.packet(east), east.endpoint)
    east.link.send(east.packet(west), west.endpoint)
    await settle()
    assert (west.arrivals, east.arrivals) == ([], [])
    assert west.drops == {"nobody to seal it for": 1, "handshake": 1}
    west.hears_of_members("west", "east")
    west.link.send(west.packet(east), east.endpoint)
    await settle()
    assert east.packets == [west.packet(east)]


async def test_who_has_another_secret_gets_no_tunnel() -> None:
    wire = Wire()
    west, east = Site(wire, "west", 1), Site(wire, "east", 2, secret=b"t" * 32)
    for site, other in ((west, east), (east, west)):
        await site.link.open(site)
        site.hears_of_members("west", "east")
        site.knows(other)
    west.link.send(west.packet(east), east.endpoint)
    await settle()
    assert east.arrivals == []
    assert west.link.describe()["sealed"] == "0 tunnels open, 0 handshakes"


async def test_a_change_of_the_secret_loses_nothing_whoever_hears_of_it_first() -> None:
    _, west, east = await two()
    await talk(west, east)
    east.membership.secrets.rotate(b"n" * 32, asyncio.get_running_loop().time())
    await talk(west, east)
    pass_time(REKEY_AFTER + 1)
    await talk(west, east)
    pass_time(REKEY_AFTER + 1)
    west.membership.secrets.rotate(b"n" * 32, asyncio.get_running_loop().time())
    await talk(west, east)
    await talk(west, east)
    handshakes = int(west.link.describe()["sealed"].split()[3])
    assert handshakes >= 3


async def test_a_node_whose_address_changes_is_followed_and_its_hop_stays() -> None:
    wire, west, east = await two()
    await talk(west, east)
    wire.outside[east.endpoint] = elsewhere = ("198.51.100.9", 50000)
    east.link.send(east.packet(west), west.endpoint)
    await settle()
    assert west.arrivals == [Arrival(east.packet(west), east.endpoint)]
    west.link.send(west.packet(east), east.endpoint)
    await settle()
    assert wire.sent[-1][2] == elsewhere
    assert east.packets == [west.packet(east)]


async def test_packets_that_came_from_a_member_without_a_record_are_dropped() -> None:
    _, west, east = await two()
    await talk(west, east)
    west.knows()
    east.link.send(east.packet(west), west.endpoint)
    await settle()
    assert west.arrivals == []
    assert west.drops == {"not a node of the domain": 1}
    west.link.send(west.packet(east), east.endpoint)
    assert west.drops["nobody to seal it for"] == 1


async def test_a_broadcast_goes_to_every_node_but_one_each_sealed_for_itself() -> None:
    wire = Wire()
    west, east, third = await sites(wire, "west", "east", "third")
    packet = west.packet(east)
    west.link.send_to_all(packet)
    await settle()
    assert (east.packets, third.packets) == ([packet], [packet])
    west.link.send_to_all(packet, besides=east.endpoint)
    await settle()
    assert (len(east.packets), len(third.packets)) == (1, 2)
    assert not west.link.is_alone


async def test_under_the_policy_subnet_it_goes_to_each_node_of_the_subnet() -> None:
    wire = Wire()
    west, near, far = Site(wire, "west", 1), Site(wire, "near", 2), Site(wire, "far", 200)
    within = IPv4Network("192.0.2.0/25")
    link = SealedLink(NETWORK, west.node, west.endpoint, west.membership, within, opener=wire.open)
    west.link = link
    for site in (west, near, far):
        site.hears_of_members("west", "near", "far")
        await site.link.open(site)
        site.knows(*(other for other in (west, near, far) if other is not site))
    link.send_to_all(west.packet(near))
    await settle()
    assert (len(near.packets), len(far.packets)) == (1, 0)
    link.send(west.packet(far), far.endpoint)
    await settle()
    assert len(far.packets) == 1
    west.knows(far)
    assert link.is_alone


async def test_large_packets_cross_a_path_that_carries_1232_octets() -> None:
    wire, west, east = await two()
    wire.carries = 1232
    await talk(west, east)
    for _ in range(3):
        west.link.send(west.packet(east, 1500), east.endpoint)
        await settle()
    assert east.packets == [west.packet(east, 1500)] * 3


async def test_when_the_kernel_takes_large_datagrams_no_more_packets_go_in_parts_again() -> None:
    wire, west, east = await two()
    await talk(west, east)
    for _ in range(3):  # the first makes it look for the size
        west.link.send(west.packet(east, 1440), east.endpoint)
        await settle()
    assert len(wire.sent[-1][0]) == 1472
    wire.ports[west.endpoint].takes = 1400
    east.arrivals.clear()
    west.link.send(west.packet(east, 1440), east.endpoint)
    await settle()
    assert (east.arrivals, west.drops) == ([], {"refused by the kernel": 1})
    west.link.send(west.packet(east, 1440), east.endpoint)
    await settle()
    assert east.packets == [west.packet(east, 1440)]


async def test_a_packet_of_1501_octets_and_one_to_nowhere_are_counted_drops() -> None:
    wire, west, east = await two()
    west.link.send(west.packet(east, 1501), east.endpoint)
    for hop in (None, HOST, ("198.51.100.9", DATA_PORT)):
        west.link.send(west.packet(east), hop)
    await settle()
    assert wire.sent == []
    assert west.drops == {"too large": 1, "nobody to seal it for": 3}


async def test_packets_of_a_turn_are_sealed_together_but_not_too_many() -> None:
    wire, west, east = await two()
    await talk(west, east)
    before = len(wire.sent)
    for _ in range(TURN - 1):
        west.link.send(west.packet(east), east.endpoint)
    assert len(wire.sent) == before
    west.link.send(west.packet(east), east.endpoint)
    assert len(wire.sent) == before + TURN
    await settle()
    assert len(east.packets) == TURN


async def test_a_node_that_does_not_answer_is_called_again_when_its_time_has_come() -> None:
    wire, west, east = await two()
    del wire.ports[east.endpoint]
    west.link.send(west.packet(east), east.endpoint)
    await settle()
    assert len(wire.sent) == 1
    pass_time(RETRY_AFTER + 1)
    west.link._wakeup._fire()  # the loop sleeps by a clock of its own
    assert [data[0] for data, _, _ in wire.sent] == [1, 1]


async def test_a_node_that_has_nothing_to_say_says_so() -> None:
    wire, west, east = await two()
    await talk(west, east)
    west.link.send(west.packet(east), east.endpoint)
    await settle()
    before = len(wire.sent)
    pass_time(KEEPALIVE_AFTER + 1)
    east.link._wakeup._fire()
    assert [(len(data), source) for data, source, _ in wire.sent[before:]] == [(32, east.endpoint)]


async def test_what_was_said_before_the_end_still_goes_out_and_nothing_behind_it() -> None:
    wire, west, east = await two()
    await talk(west, east)
    west.link.send(west.packet(east), east.endpoint)
    await west.link.close()
    before = len(wire.sent)
    west.link.send(west.packet(east), east.endpoint)
    west.hears_of_revoked("east")
    await settle()
    assert east.packets == [west.packet(east)]
    assert len(wire.sent) == before
    assert west.membership.roster.listeners == []


async def test_a_source_that_was_believed_is_looked_at_again_when_nodes_change() -> None:
    wire = Wire()
    west, east = await sites(wire, "west", "east")
    third = Site(wire, "third", 3)
    third.node = HOST
    borrowed = east.packet(west, source=third.node)
    for _ in range(2):  # the second is not looked at any more
        east.link.send(borrowed, west.endpoint)
        await settle()
    assert west.packets == [borrowed] * 2
    west.knows(east, third)
    east.link.send(borrowed, west.endpoint)
    await settle()
    assert west.drops == {"source of another node": 1}
    ours = east.packet(west, source=bytes.fromhex("020000000099"))
    east.link.send(ours, west.endpoint)
    await settle()
    west.link.node = bytes.fromhex("020000000099")
    east.link.send(ours, west.endpoint)
    await settle()
    assert west.drops == {"source of another node": 2}


async def test_every_packet_of_a_believed_source_is_still_a_packet() -> None:
    _, west, east = await two()
    await talk(west, east)
    good = east.packet(west)
    for bad in (good[:-1], good + b"x", b"\xff\xfe" + good[2:], good[:29]):
        east.link.send(bad, west.endpoint)
    here = good[:6] + bytes(4) + good[10:]
    for packet in (good, here):
        east.link.send(packet, west.endpoint)
    await settle()
    assert west.packets == [good, good, good]
    assert west.drops == {"malformed": 2, "checksum": 1}


async def real(host: str) -> tuple[Site, Site]:
    """Return two sites on real sockets that know each other."""
    wire = Wire()
    west, east = Site(wire, "west", 1), Site(wire, "east", 2)
    for site in (west, east):
        site.endpoint = (host, 0)
        site.link = SealedLink(
            NETWORK, site.node, site.endpoint, site.membership, opener=partial(open_port, fragments=False)
        )
        site.hears_of_members("west", "east")
        await site.link.open(site)
        site.endpoint = site.link.endpoint
    west.knows(east)
    east.knows(west)
    return west, east


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_on_a_real_socket_a_burst_leaves_with_one_call_and_is_counted(host: str) -> None:
    west, east = await real(host)
    async with asyncio.timeout(20):
        for burst in (1, 50, 50):
            east.arrivals.clear()
            for _ in range(burst):
                west.link.send(west.packet(east, 600), east.endpoint)
            while len(east.arrivals) < burst:
                await asyncio.sleep(0.001)
    assert west.link.traffic_with(east.endpoint) == (0, 0, 101, 60600)
    assert east.link.traffic_with(west.endpoint) == (101, 60600, 0, 0)
    assert west.link.counters.drops == {}
    for site in (west, east):
        await site.link.close()


@pytest.mark.skipif(not IS_THERE, reason="batches are Linux's")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_on_a_real_socket_packets_in_slots_arrive_as_they_lie_there(host: str) -> None:
    west, east = await real(host)
    west.link.send(west.packet(east), east.endpoint)
    spot = west.link.spot(east.endpoint)
    assert spot is not None
    arena = Arena(spot.port.name_size)
    outbox = spot.port.outbox(arena.base)
    async with asyncio.timeout(20):
        while not east.arrivals:
            await asyncio.sleep(0.001)
        for sizes in ([600] * SLOTS, [60], [40 + 5 * number for number in range(SLOTS)], [1424] * 5):
            for _ in range(2):  # the first large ones make it look for the path's size
                east.arrivals.clear()
                packets = [west.packet(east, size) for size in sizes]
                arena.lay(0, [*map(bytearray, packets)], bytes(spot.port.name_size) * len(packets))
                outbox.set_lengths(*arena.lengths(len(packets)))
                assert outbox.send(spot.port.fileno(), spot.name * len(packets), len(packets)) == 0
                while len(east.arrivals) < len(packets):
                    await asyncio.sleep(0.001)
                assert sorted(east.packets) == sorted(packets)
    assert west.link.counters.drops == east.link.counters.drops == {}
    for site in (west, east):
        await site.link.close()


async def test_nobody_gets_what_is_for_another_by_saying_that_it_has_its_address() -> None:
    wire = Wire()
    west, east, thief = await sites(wire, "west", "east", "thief")
    thief.endpoint = east.endpoint
    west.knows(east, thief)
    west.link.send(west.packet(east), east.endpoint)
    west.link.send_to_all(west.packet(east))
    await settle()
    assert wire.sent == []
    assert west.drops == {"nobody to seal it for": 1}
    west.hears_of_revoked("thief")
    west.link.send(west.packet(east), east.endpoint)
    await settle()
    assert (east.packets, thief.packets) == ([west.packet(east)], [])


async def test_a_node_that_starts_again_is_reached_at_once_by_whoever_has_keys_of_before() -> None:
    wire, west, east = await two()
    await talk(west, east)
    pass_time(RETRY_AFTER)  # two handshakes within that are taken for one that both began
    again = Site(wire, "east", 2)
    again.hears_of_members("west", "east")
    await again.link.open(again)
    again.knows(west)
    await settle()
    west.link.send(west.packet(east), east.endpoint)
    await settle()
    assert again.packets == [west.packet(east)]
