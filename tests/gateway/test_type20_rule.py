"""Type 20 between networks: each once, eight at most, by the way that leads back to the sender."""

import pytest

from gateway.world import NETWORK, Domain, Member, Station
from nwip.gateway.broadcasts import CROWD
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.type20 import LIST_SIZE, PropagatedPayload

pytestmark = pytest.mark.asyncio

LEFT, RIGHT, FAR = 0x0000AB12, 0x0000CD34, 0x0000EF56
DATA = b"who has the name MUSEUM?"


class Site:
    """A gateway with two LANs and players, and another gateway with a LAN and players."""

    def __init__(self, domain: Domain, members: list[Member], stations: dict[str, Station]) -> None:
        self.domain = domain
        self.a, self.b = members
        self.stations = stations

    def heard(self) -> dict[str, list[tuple[int, ...]]]:
        """Return the lists of networks of the copies that each station heard."""
        self.domain.wire.deliver()
        return {
            name: [
                PropagatedPayload.decode(packet.payload, packet.transport_control).networks
                for packet in station.heard
                if packet.packet_type == PacketType.PROPAGATED
            ]
            for name, station in self.stations.items()
        }


async def site() -> Site:
    domain = Domain()
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    stations = {
        "left": Station(await a.lan("left", LEFT, joined=False), "00001B000001"),
        "right": Station(await a.lan("right", RIGHT, joined=False), "00001B000002"),
        "player": Station(await a.lan("players", star=True), "02000000000A"),
        "far": Station(await b.lan("far", FAR, joined=False), "00001B000003"),
        "far player": Station(await b.lan("players", star=True), "02000000000B"),
    }
    return Site(domain, [a, b], stations)


def propagated(networks: tuple[int, ...] = (), network: int = LEFT) -> Packet:
    source = Address(network, bytes.fromhex("00001B000001"), Socket.NETBIOS)
    to = Address(network, BROADCAST_NODE, Socket.NETBIOS)
    payload = PropagatedPayload.of(DATA, networks).encode()
    return Packet(to, source, PacketType.PROPAGATED, payload, len(networks))


async def test_a_packet_reaches_every_network_once_with_the_list_of_those_it_crossed() -> None:
    place = await site()
    place.stations["left"].link.transmit(propagated())
    assert place.heard() == {
        "left": [],
        "right": [(LEFT,)],
        "player": [(LEFT,)],
        "far": [(LEFT, NETWORK)],
        "far player": [(LEFT,)],
    }
    packet = place.stations["right"].heard[-1]
    assert packet.destination == Address(RIGHT, BROADCAST_NODE, Socket.NETBIOS)
    assert packet.source == propagated().source
    assert packet.payload[LIST_SIZE:] == DATA
    assert len(place.domain.wire.carried) == 1


async def test_a_players_packet_reaches_the_lans_too() -> None:
    place = await site()
    sender = place.stations["player"]
    sender.broadcast(PropagatedPayload.of(DATA).encode(), Socket.NETBIOS, PacketType.PROPAGATED)
    heard = place.heard()
    assert (heard["left"], heard["right"], heard["far"]) == ([(NETWORK,)],) * 3
    assert heard["far player"] == [()]


@pytest.mark.parametrize(
    ("networks", "reason"),
    [((LEFT, 1), "type 20 that was here"), (tuple(range(1, 9)), "type 20 over too many networks")],
)
async def test_a_packet_that_was_here_or_has_crossed_eight_networks_goes_no_further(
    networks: tuple[int, ...], reason: str
) -> None:
    place = await site()
    place.stations["left"].link.transmit(propagated(networks))
    assert place.heard()["right"] == []
    assert place.a.gateway.drops()[reason] == 1


async def test_a_network_in_the_list_is_left_out() -> None:
    place = await site()
    place.stations["left"].link.transmit(propagated((RIGHT,)))
    heard = place.heard()
    assert heard["right"] == []
    assert heard["player"] == [(RIGHT, LEFT)]


async def test_a_malformed_packet_is_a_counted_drop() -> None:
    place = await site()
    place.stations["left"].link.transmit(propagated()._replace(payload=b"short"))
    assert place.heard()["right"] == []
    assert place.a.gateway.drops()["malformed type 20"] == 1


async def test_of_copies_by_several_ways_only_the_one_from_the_senders_side_goes_on() -> None:
    place = await site()
    said = RipPacket(RipOperation.RESPONSE, (RipEntry(0x99, 1, 2),)).encode()
    place.stations["right"].broadcast(said, Socket.RIP, PacketType.RIP)
    sender = Address(0x99, b"\0\0\0\0\0\x01", Socket.NETBIOS)
    for name, network in (("left", LEFT), ("right", RIGHT)):
        packet = propagated((0x99,), network)._replace(source=sender)
        place.stations[name].link.transmit(packet)
    heard = place.heard()
    assert heard["player"] == [(0x99, RIGHT)]
    assert heard["left"] == [(0x99,), (0x99, RIGHT)]  # the first is what it was sent in by
    assert heard["right"] == [(0x99,)]
    assert place.a.gateway.drops()["type 20 by another way"] == 1


async def test_the_budget_of_the_source_holds_for_type_20_as_well() -> None:
    place = await site()
    burst = place.domain.parameters.broadcast_burst
    for _ in range(burst + 10):
        place.stations["left"].link.transmit(propagated())
    assert len(place.heard()["right"]) == burst
    assert place.a.gateway.drops()["broadcast budget"] == 10


async def test_stations_that_take_ever_new_numbers_have_a_budget_together() -> None:
    place = await site()
    place.a.gateway._broadcasts.set_rate(1, 2)
    for number in range(3 * CROWD):
        forged = Address(LEFT, b"\2\0\0\0\0" + bytes((number,)), Socket.NETBIOS)
        place.stations["left"].link.transmit(propagated()._replace(source=forged))
    assert len(place.heard()["right"]) == 2 * CROWD
    assert place.a.gateway.drops()["broadcast budget"] == CROWD


async def test_a_lan_that_is_only_listened_to_is_left_out() -> None:
    place = await site()
    place.a.gateway.stand_by(place.stations["right"].link)
    place.stations["left"].link.transmit(propagated())
    assert place.heard()["right"] == []
