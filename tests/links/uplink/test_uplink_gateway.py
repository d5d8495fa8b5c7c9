"""An uplink at a gateway: joined to the virtual network, or an IPX network of its own that is routed to."""

from dataplane.simulated_loop import run
from gateway.world import NETWORK, Station
from links.uplink.party import FarPlayer, Party
from nwip.directory.records import Kind
from nwip.ipx.address import Address

FAR = 0x0000FA12
LAN = 0x00001A40


def test_a_far_player_is_a_host_of_the_virtual_network_that_other_gateways_reach() -> None:
    async def work() -> None:
        party = Party()
        await party.gateway("10.0.0.1")
        other = await party.domain.member("10.0.0.2")
        station = Station(await other.lan("lan", star=True), "0200000000AA")
        far = FarPlayer(party.far, "192.0.2.9")
        await party.run(2)
        (node,) = party.uplinks[0].far_hosts()
        assert (Kind.HOST, node, "") in party.members[0].own
        station.send(Address(NETWORK, node, 9), b"across the domain", socket=9)
        await party.run(1)
        (heard,) = far.heard
        assert heard.payload == b"across the domain"
        far.send(heard.source, b"and back")
        await party.settle()
        assert station.heard[-1].source == Address(NETWORK, node, 9)
        assert station.heard[-1].destination == Address(NETWORK, station.node, 9)
        await party.close()
        party.members[0].gateway.detach(party.uplinks[0])
        assert (Kind.HOST, node, "") not in party.members[0].own

    run(work())


def test_a_routed_far_side_is_a_network_that_hosts_of_another_reach_each_under_a_number_there() -> None:
    async def work() -> None:
        party = Party()
        member = await party.domain.member("10.0.0.1")
        party.members.append(member)
        station = Station(await member.lan("lan", LAN, joined=False), "0200000000AA")
        await party.uplink(member, "10.0.0.1", FAR, joined=False)
        far = FarPlayer(party.far, "192.0.2.9")
        await party.run(2)
        (node,) = party.uplinks[0].far_hosts()
        assert (Kind.HOST, node, "") not in member.own
        station.send(Address(FAR, node, 9), b"from another network", socket=9)
        await party.settle()
        (heard,) = (packet for packet in far.heard if packet.destination.socket == 9)
        assert (heard.payload, heard.source.network) == (b"from another network", 0)
        far.send(heard.source, b"and back")
        await party.settle()
        (answer,) = (packet for packet in station.heard if packet.payload == b"and back")
        assert answer.source == Address(FAR, node, 9)
        assert answer.destination == Address(LAN, station.node, 9)
        await party.close()

    run(work())
