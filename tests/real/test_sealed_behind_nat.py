"""Nodes of a sealed domain behind NATs of the kernel: they are found, meet, and are followed."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from real.nat_site import Internet, beside, forget_ways, forward, internet, masquerade
from real.sealed_machines import PlayersMachine
from real.test_sealed_traffic import domain
from sealed_machine import until

pytestmark = [pytest.mark.timeout(120), pytest.mark.real("root", "netns", "nft")]

ANOTHER_WAY = 40.0  # seconds: a NAT that begins anew is noticed within 25


class Sites(NamedTuple):
    """The internet, the machine with the DSS, and one behind each NAT."""

    net: Internet
    first: PlayersMachine
    west: PlayersMachine
    east: PlayersMachine


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[Sites]:
    with internet() as net:
        first = PlayersMachine(tmp_path / "first", "192.0.2.1", net.host, 'dss.listen = ["192.0.2.1"]')
        west = PlayersMachine(tmp_path / "west", "10.0.0.2", net.west)
        east = PlayersMachine(tmp_path / "east", "10.0.0.2", net.east)
        yield Sites(net, first, west, east)


def test_nodes_behind_two_nats_meet_and_one_is_followed_when_its_nat_forgets(sites: Sites) -> None:
    net, first, west, east = sites
    with domain(first, west, east):
        places = first.endpoints()
        assert places["west"] == ["192.0.2.11:43981", "10.0.0.2:43981"]
        assert places["east"] == ["192.0.2.12:43981", "10.0.0.2:43981"]
        anna, ben, carla = west.player(), east.player(), first.player()
        until(lambda: anna.reaches(ben, b"hello"))
        assert ben.reaches(anna, b"hello")
        until(lambda: carla.reaches(ben, b"from the open internet"))
        assert "through another node" not in str(west.domain_link()) + str(east.domain_link())
        masquerade(net.west_nat, "to :50000-50100")
        forget_ways(net.west_nat)
        until(lambda: anna.reaches(ben, b"from elsewhere") and ben.reaches(anna, b"back"), ANOTHER_WAY)


def test_behind_nats_that_change_the_port_for_everybody_they_talk_through_the_dss(sites: Sites) -> None:
    net, first, west, east = sites
    for nat in (net.west_nat, net.east_nat):
        masquerade(nat, "to :50000-60000 random,fully-random")
    with domain(first, west, east):
        anna, ben = west.player(), east.player()
        until(lambda: anna.reaches(ben, b"hello"), ANOTHER_WAY)
        until(lambda: ben.reaches(anna, b"hello"), ANOTHER_WAY)
        assert "through another node" in str(west.domain_link()) + str(east.domain_link())


def test_two_behind_one_nat_that_turns_nothing_back_meet_inside_it(sites: Sites, tmp_path: Path) -> None:
    net, first, west, _ = sites
    with beside(net) as namespace:
        other = PlayersMachine(tmp_path / "other", "10.0.0.3", namespace)
        with domain(first, west, other):
            places = first.endpoints()
            assert str(places["west"]).startswith("['192.0.2.11:")
            assert str(places["other"]).startswith("['192.0.2.11:")
            assert "10.0.0.3:43981" in str(places["other"])
            anna, ben = west.player(), other.player()
            until(lambda: anna.reaches(ben, b"hello"))
            assert ben.reaches(anna, b"hello")
            assert "through another node" not in str(west.domain_link()) + str(other.domain_link())


def test_a_dss_behind_a_nat_that_forwards_its_ports_serves_all(tmp_path: Path) -> None:
    with internet() as net, beside(net) as namespace:
        forward(net.west_nat, "tcp dport 396", "udp dport 43981")
        here = 'node.seen-at = "192.0.2.11"\ndss.listen = ["10.0.0.2"]'
        first = PlayersMachine(tmp_path / "first", "10.0.0.2", net.west, here)
        inside = PlayersMachine(tmp_path / "inside", "10.0.0.3", namespace)
        outside = PlayersMachine(tmp_path / "outside", "192.0.2.1", net.host)
        east = PlayersMachine(tmp_path / "east", "10.0.0.2", net.east)
        with domain(first, inside, outside, east, server="192.0.2.11"):
            assert str(outside.endpoints()["first"]).startswith("['192.0.2.11:43981'")
            assert outside.endpoints()["east"] == ["192.0.2.12:43981", "10.0.0.2:43981"]
            players = [machine.player() for machine in (first, inside, outside, east)]
            for one in players:
                for other in players:
                    if one is not other:
                        until(partial(one.reaches, other, b"hello"), ANOTHER_WAY)
