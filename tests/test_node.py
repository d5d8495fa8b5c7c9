"""A whole node in this process: joining, meeting on a number, changed parameters, stopping."""

import logging
from pathlib import Path

import msgspec
import pytest

from nodes import PARAMETERS, dss, node, until
from nwip.directory.filters import Filter, Policy
from nwip.directory.records import Change, Kind, Node, Record
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.links.dosbox.player import DosboxPlayer
from nwip.routing.numbering import HASHED_PREFIX
from nwip.views import Views

pytestmark = pytest.mark.asyncio

LOWER, HIGHER = bytes(16), b"\xff" * 16


async def test_a_node_waits_for_its_dss_and_then_says_what_to_type(tmp_path: Path) -> None:
    async with dss() as server:
        port = server.endpoints[0][1]
    async with node(tmp_path, port) as (running, said):
        await until(lambda: running.client is not None)
        assert running.gateway is None
        async with dss(port) as server:
            await until(lambda: said)
            await until(lambda: running.identity in server.directory.owners())
    assert "domain   test.nwip, virtual network 00C0FFEE" in said[0]
    assert "node     museum, 00C0FFEE.7E017F000005, data on UDP 127.0.0.5:20043" in said[0]
    assert "in DOSBox, type: ipxnet connect 127.0.0.5 20213" in said[0]
    assert running.failed.done() is False


async def test_a_stopped_node_has_withdrawn_everything(tmp_path: Path) -> None:
    async with dss() as server:
        async with node(tmp_path, server.endpoints[0][1]) as (_, said):
            await until(lambda: said)
            await until(lambda: list(server.directory.records(Kind.NODE)))
        assert list(server.directory.records(Kind.NODE)) == []


async def test_of_two_nodes_with_one_number_the_lower_identity_keeps_it(tmp_path: Path) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        assert running.gateway is not None
        first = running.gateway.virtual.node
        other = Node(first, "other", [("127.0.0.6", 20043)])
        running.directory_changed([Change(Record(HIGHER, 1, 1, other))])
        assert running.gateway.virtual.node == first
        running.directory_changed([Change(Record(LOWER, 1, 1, other))])
        second = running.gateway.virtual.node
        assert second[:2] == HASHED_PREFIX
        assert [link.node for link in running.gateway.links] == [second]
        assert running.gateway.address == Address(0x00C0FFEE, second, 0)

        def numbers() -> list[bytes]:
            values = (record.value for record in server.directory.records(Kind.NODE))
            return [value.node for value in values if isinstance(value, Node)]

        await until(lambda: numbers() == [second])


async def test_changed_parameters_are_named_as_needing_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        with caplog.at_level(logging.WARNING, logger="nwip.node"):
            server.set_parameters(msgspec.structs.replace(PARAMETERS, version=2, network=0xBAD))
            await until(lambda: "restart this node" in caplog.text)
        assert running.gateway is not None
        assert running.gateway.parameters.agree_with(PARAMETERS)
        assert running.pending.endswith("new network")
        server.set_parameters(msgspec.structs.replace(PARAMETERS, version=3))
        await until(lambda: not running.pending)


async def test_changed_values_and_filters_are_in_force_without_a_restart(tmp_path: Path) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (running, said):
        await until(lambda: said)
        gateway = running.gateway
        assert gateway is not None
        changed = msgspec.structs.replace(
            PARAMETERS,
            version=2,
            hop_limit=5,
            lease=30.0,
            ticks_elsewhere=9,
            filters=(Filter("deny", "route"),),
        )
        server.set_parameters(changed)
        await until(lambda: gateway.parameters == changed)
        assert gateway._forwarder.hop_limit == 5
        assert running.pending == ""
        assert running.client is not None
        assert running.client.directory.set_policy(Policy(changed.filters)) == []


async def test_a_node_that_starts_again_is_the_same_owner_with_the_same_secrets(tmp_path: Path) -> None:
    async def secrets(port: int) -> tuple[bytes, str]:
        async with node(tmp_path, port) as (running, said):
            await until(lambda: said)
            return running.identity, (tmp_path / "dosbox.key").read_text()

    async with dss() as server:
        port = server.endpoints[0][1]
        assert await secrets(port) == await secrets(port)


async def test_no_player_may_take_a_number_of_the_domains_own_form(tmp_path: Path) -> None:
    parameters = msgspec.structs.replace(PARAMETERS, node_prefix=b"\x0a\x0b")
    claimed = bytes.fromhex("0A0BC0000207")
    async with dss(parameters=parameters) as server, node(tmp_path, server.endpoints[0][1]) as (_, said):
        await until(lambda: said)
        async with DosboxPlayer(("127.0.0.5", 20213), node=claimed) as player:
            assert (await player.register()).node != claimed


@pytest.mark.parametrize("forward", [True, False])
async def test_players_of_a_node_that_does_not_forward_are_known_to_each_other_alone(
    tmp_path: Path, forward: bool
) -> None:
    async with (
        dss() as server,
        node(tmp_path, server.endpoints[0][1], forward=forward) as (running, said),
    ):
        await until(lambda: said)
        assert ("link     dosbox, dosbox, by itself: nothing is forwarded" in said[0]) != forward
        at = ("127.0.0.5", 20213)
        async with (
            DosboxPlayer(at, node=bytes(5) + b"\1") as one,
            DosboxPlayer(at, node=bytes(5) + b"\2") as two,
        ):
            first, second = await one.register(), await two.register()
            for player in (one, two):
                player.send(Packet(Address(0, BROADCAST_NODE, 0x5678), first))  # proves that it hears us
            inside = running.inside
            assert inside is not None
            await until(lambda: len(inside.hosts_of(inside.links[0])) == 2)
            one.send(Packet(second._replace(socket=0x5678), first, payload=b"hello"))
            while (await two.receive()).payload != b"hello":
                pass
            (row,) = [row for row in await Views(running).links({}) if row["name"] == "dosbox"]
            assert row["hosts"] == 2
            await until(lambda: len(list(server.directory.records(Kind.HOST))) == (2 if forward else 0))
            await until(lambda: len(list(server.directory.records(Kind.NODE))) == 1)
