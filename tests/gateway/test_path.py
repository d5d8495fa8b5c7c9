"""The way to an address, step by step, from tables and directory alone."""

import pytest

from gateway.test_agents import INTERNAL, LAN, MUSEUM, SERVER, a_server_and_a_client
from gateway.world import NETWORK, Domain, Member, Station
from nwip.dataplane.forwarding import Way
from nwip.gateway.path import Path, Step, What, path_to
from nwip.ipx.address import Address

pytestmark = pytest.mark.asyncio

SERVER_NODE = bytes.fromhex(SERVER)


def path(member: Member, to: Address) -> Path:
    return path_to(member.gateway, member.identity, "here", to)


def steps(found: Path) -> list[tuple[What, object]]:
    """Return what each step is, and its address or network."""
    return [(step.what, step.at if step.at is not None else step.network) for step in found.steps]


async def test_the_way_to_a_server_behind_another_node_names_each_step() -> None:
    domain, _, _ = await a_server_and_a_client()
    a, b = domain.members
    host = MUSEUM._replace(socket=0)
    found = path(b, MUSEUM)
    assert steps(found) == [
        (What.NODE, b.gateway.address),
        (What.LINK, NETWORK),
        (What.NODE, a.gateway.address),
        (What.NETWORK, INTERNAL),
        (What.HOST, host),
    ]
    assert found.gap == ""
    here, _, node, network, end = found.steps
    assert (here.name, here.where, here.own, here.ticks, here.hops) == ("here", "this node", True, 0, 0)
    assert (node.name, node.where, node.ticks) == ("10.0.0.1", "UDP 10.0.0.1:43981", 2)
    assert network == Step(What.NETWORK, network=INTERNAL, where="registered by 10.0.0.1", ticks=4, hops=2)
    assert end.ticks is None  # nobody has said anything of the host itself


async def test_the_way_through_a_routed_link_names_its_router() -> None:
    domain, server, _ = await a_server_and_a_client()
    a = domain.members[0]
    found = path(a, MUSEUM)
    assert steps(found) == [
        (What.NODE, a.gateway.address),
        (What.LINK, LAN),
        (What.ROUTER, Address(LAN, SERVER_NODE, 0)),
        (What.NETWORK, INTERNAL),
        (What.HOST, MUSEUM._replace(socket=0)),
    ]
    assert found.steps[1].name == server.link.name
    assert found.steps[3] == Step(What.NETWORK, network=INTERNAL, where="as its RIP says", ticks=2, hops=1)
    beside = path(a, Address(LAN, SERVER_NODE, 0))
    assert steps(beside)[1:] == [(What.LINK, LAN), (What.HOST, Address(LAN, SERVER_NODE, 0))]
    assert (beside.steps[-1].ticks, beside.steps[-1].hops) == (1, 0)


async def test_hosts_of_the_virtual_network_are_behind_their_node() -> None:
    domain = Domain()
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    player = Station(await b.lan("players", star=True), "02000000000B")
    to = Address(0, player.node, 0x5678)
    whole = Address(NETWORK, player.node, 0)
    assert steps(path(b, to))[1:] == [(What.LINK, NETWORK), (What.HOST, whole)]
    found = path(a, to)
    assert steps(found)[1:] == [(What.LINK, NETWORK), (What.NODE, b.gateway.address), (What.HOST, whole)]
    assert found.steps[-1].where == "registered by 10.0.0.2"
    b.publishing = False
    Station(player.link, "02000000000C").send(Address(NETWORK, a.gateway.virtual.node, 0x4444))
    domain.wire.deliver()
    seen = path(a, Address(NETWORK, bytes.fromhex("02000000000C"), 0))
    assert seen.steps[-1].where == "its packets come from 10.0.0.2"


async def test_nodes_and_this_node_itself_are_ends_too() -> None:
    domain = Domain()
    a, b = await domain.member("10.0.0.1"), await domain.member("10.0.0.2")
    lan = await a.lan("lan", LAN, joined=False)
    assert steps(path(a, b.gateway.address)) == [
        (What.NODE, a.gateway.address),
        (What.LINK, NETWORK),
        (What.NODE, b.gateway.address),
    ]
    for own in (a.gateway.address, Address(LAN, lan.node, 0)):
        assert steps(path(a, own)) == [(What.NODE, own)]


async def test_what_is_not_known_is_said() -> None:
    domain = Domain()
    a = await domain.member("10.0.0.1")
    for to, gap in (
        (Address(0, b"\2" * 6, 0), "no host with this number is known on the virtual network"),
        (Address(0xBAD, b"\2" * 6, 0), "no way to this network is known"),
    ):
        found = path(a, to)
        assert (found.gap, len(found.steps)) == (gap, 1)


async def test_a_next_node_that_has_just_gone_leaves_the_end_of_the_way() -> None:
    domain = Domain()
    a = await domain.member("10.0.0.1")
    host = Address(NETWORK, b"\2" * 6, 0)
    a.gateway._forwarder.hosts[host.network.to_bytes(4, "big") + host.node] = Way(
        a.gateway.virtual, ("10.0.0.9", 43981)
    )
    assert steps(path(a, host))[1:] == [(What.LINK, NETWORK), (What.HOST, host)]
