"""A node registers only what it owns: its number, its hosts, its networks, the services on them."""

import logging
from random import Random

import pytest
from msgspec.structs import replace

from dss.simulated_domain import PARAMETERS, Member, World, hello, messages, new_server, route, send
from nwip.directory.grants import Grant
from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Dss, Host, Kind, Node, Record, Route, Service, Value
from nwip.directory.tombstones import Withdrawal
from nwip.dss.claims import NOTED, NOTED_OF_NODE
from nwip.dss.messages import Acknowledge, Delta, Register, Renew, SnapshotEnd, Subscribe, Withdraw
from nwip.dss.server_engine import ServerEngine
from nwip.dss.session import Session
from nwip.dss_status import standing_alarms
from nwip.routing.numbering import MOST_SALTS, node_number

NETWORK = 0xC0FFEE
VIRTUAL = PARAMETERS.network
FIRST = replace(PARAMETERS, networks="first")
HOST = bytes.fromhex("0200 5E00 0107")


class Dsss:
    """One DSS, and nodes 1, 2 ... that come from 10.0.0.1, 10.0.0.2 ..."""

    def __init__(self, parameters: Parameters = PARAMETERS) -> None:
        self.server: ServerEngine = new_server(parameters=parameters)
        self.now = 100.0
        self.sessions: dict[int, Session] = {}
        self.counters: dict[int, int] = {}
        for number in (1, 2):
            self.come(number)

    def come(self, number: int) -> None:
        self.sessions[number] = self.server.open(f"10.0.0.{number}", self.now)
        send(self.server, self.sessions[number], hello(number, boot=bytes([number]) * 16), self.now)
        assert self.told(number, numbered(number)) == []

    def told(self, number: int, *values: Value) -> list[str]:
        """Register; return why what was denied was denied."""
        counter = self.counters.get(number, 0)
        self.counters[number] = counter + len(values)
        records = [
            Record(bytes([number]) * 16, 1, counter + 1 + place, value) for place, value in enumerate(values)
        ]
        (answer,) = self.register(number, records)
        assert answer.refused == len(answer.denied)
        denied = {place for place, _ in answer.denied}
        for place, record in enumerate(records):
            standing = self.server.directory.standing(record.owner, record.key)
            assert (standing is None) if place in denied else (standing == record)
        return [why for _, why in answer.denied]

    def register(self, number: int, records: list[Record]) -> list[Acknowledge]:
        answers = send(self.server, self.sessions[number], Register(1, 1, 1, records), self.now)
        return [answer for answer in answers if isinstance(answer, Acknowledge)]

    def renew(self, number: int, renewal: int) -> None:
        send(self.server, self.sessions[number], Renew(1, 1, renewal), self.now)

    def alarms(self) -> list[str]:
        return [alarm for alarm in standing_alarms(self.server, [], None) if "primary" not in alarm]


def numbered(number: int) -> Node:
    at = (f"10.0.0.{number}", PARAMETERS.data_port)
    return Node(node_number(at, PARAMETERS, bytes([number]) * 16), f"node{number}", [at])


def service(network: int, node: bytes = b"\0\0\0\0\0\1", hops: int = 1, name: str = "MUSEUM") -> Service:
    return Service(4, name, network, node, 0x451, hops)


def through(lan: int, network: int = NETWORK, hops: int = 1, turn: int = 0) -> Route:
    return Route(network, hops, 2, lan, turn)


@pytest.mark.parametrize(
    ("number", "port", "fits"),
    [
        ("7E01 0A000001", 43981, True),
        ("7E01 0A000002", 43981, False),
        ("7E02 0A000001", 43981, False),
        ("7E01 0A000001", 2000, False),
        ("0200 5E000001", 43981, False),
        (node_number(("::1", 1), PARAMETERS, b"\1" * 16).hex(), 2000, True),
        (node_number(("::1", 1), PARAMETERS, b"\1" * 16, MOST_SALTS - 1).hex(), 2000, True),
        (node_number(("::1", 1), PARAMETERS, b"\1" * 16, MOST_SALTS).hex(), 2000, False),
        (node_number(("::1", 1), PARAMETERS, b"\2" * 16).hex(), 43981, False),
    ],
)
def test_a_nodes_number_is_that_of_its_address_or_identity(number: str, port: int, *, fits: bool) -> None:
    domain = Dsss()
    told = domain.told(1, Node(bytes.fromhex(number), "node1", [("10.0.0.1", port)]))
    assert (told == []) == fits
    assert any("node number" in alarm for alarm in domain.alarms()) != fits


def test_nodes_that_started_before_the_prefix_was_changed_keep_their_numbers() -> None:
    domain = Dsss()
    domain.server.set_parameters(replace(PARAMETERS, version=2, node_prefix=b"\x7e\x02"))
    other = Node(bytes.fromhex("7E02 0A000001"), "node1", [("10.0.0.1", 43981)])
    assert domain.told(1, numbered(1), other) == []
    assert domain.told(2, Node(bytes.fromhex("7E03 0A000002"), "node2", [("10.0.0.2", 43981)])) != []


@pytest.mark.parametrize("number", ["000000000000", "FFFFFFFFFFFF", "7E01 0A000009", "7E06 01020304"])
def test_no_host_has_a_reserved_number_or_one_of_nodes(number: str) -> None:
    assert len(Dsss().told(1, Host(bytes.fromhex(number), 0), Host(HOST, 0))) == 1


@pytest.mark.parametrize("policy", ["open", "first"])
def test_nobody_registers_the_virtual_network(policy: str) -> None:
    domain = Dsss(replace(PARAMETERS, networks=policy))
    assert len(domain.told(1, route(VIRTUAL), Route(VIRTUAL, 3, 4, 5))) == 2
    assert [alarm.split(" may not register ")[1] for alarm in domain.alarms()] == [
        "network 4E574950: the virtual network has that number: give the segment another"
    ]


def test_a_node_registers_no_dss() -> None:
    domain = Dsss()
    assert domain.told(1, Dss(b"\1" * 16, "dss", [], [])) == ["that is a DSS's to register"]


def test_an_open_network_may_be_registered_by_anybody() -> None:
    domain = Dsss()
    assert domain.told(1, route(NETWORK)) == domain.told(2, route(NETWORK)) == []
    assert domain.alarms() == [text for text in domain.alarms() if "is the own segment of" in text]


def test_who_comes_first_keeps_a_network_for_as_long_as_it_lives() -> None:
    domain = Dsss(FIRST)
    assert domain.told(1, route(NETWORK)) == []
    assert domain.told(2, route(NETWORK)) == ["node node1 has it, and came first"]
    assert domain.told(1, Route(NETWORK, 2, 9)) == []  # its own it may change
    (alarm,) = domain.alarms()
    assert alarm.startswith("node x at 10.0.0.2 may not register network 00C0FFEE: node node1 has it")
    gone = Withdrawal(b"\1" * 16, 1, domain.counters[1] + 1, (Kind.ROUTE, NETWORK, ""))
    send(domain.server, domain.sessions[1], Withdraw(1, [gone]), domain.now)
    assert domain.told(2, route(NETWORK)) == []
    assert domain.alarms() == []


def test_gateways_on_one_lan_may_both_lead_to_what_is_behind_it() -> None:
    domain = Dsss(FIRST)
    assert domain.told(1, through(0xABCD)) == []
    assert domain.told(2, through(0xABCE)) != []
    assert domain.told(2, through(0)) != []
    assert domain.told(2, through(0xABCD)) == []


def test_who_shares_a_lan_may_not_then_change_its_mind() -> None:
    domain = Dsss(FIRST)
    assert domain.told(1, through(NETWORK, hops=0, turn=5)) == []
    assert domain.told(2, through(NETWORK)) == []
    assert domain.told(1, through(NETWORK, hops=0, turn=7)) == []
    assert domain.told(2, Route(NETWORK, 2, 9, NETWORK)) == []
    assert len(domain.told(2, through(NETWORK, hops=0, turn=9))) == 1
    assert domain.told(2, through(NETWORK)) == []
    assert len(domain.told(2, through(0))) == 1


def test_a_lan_is_taken_over_only_from_a_gateway_that_has_fallen_silent() -> None:
    domain = Dsss(FIRST)
    assert domain.told(1, through(NETWORK, hops=0, turn=5)) == []
    assert domain.told(2, through(NETWORK, hops=0, turn=6)) != []
    domain.now += 1.5 * FIRST.renewal
    domain.renew(2, 2)
    assert domain.told(2, through(NETWORK, hops=0, turn=6)) != []
    domain.now += 0.1
    assert domain.told(2, through(NETWORK, hops=0, turn=5)) != []
    assert domain.told(2, through(NETWORK, hops=0, turn=6)) == []


def test_only_listed_networks_may_be_registered_and_services_on_them() -> None:
    grants = (Grant((1,), "NODE*"), Grant((2,), "", "10.0.0.1"), Grant((3,), (b"\2" * 16).hex()))
    domain = Dsss(replace(PARAMETERS, networks="listed", grants=grants))
    assert len(domain.told(1, route(1), route(2), route(3))) == 2  # in its hello it is called x
    assert domain.told(1, route(2), service(2)) == []
    assert (
        domain.told(1, service(3), service(4, name="B"))
        == ["no [[grant]] of the domain gives it that network"] * 2
    )
    assert len(domain.told(2, route(1), route(2), route(3))) == 2
    assert domain.told(1, service(VIRTUAL, numbered(1).node, name="C")) == []


def test_a_service_on_anothers_network_is_denied_unless_it_is_farther_away() -> None:
    domain = Dsss()
    assert domain.told(1, Route(NETWORK, 1, 2)) == []
    assert domain.told(2, service(NETWORK, hops=1)) == ["its network is that of node node1"]
    assert domain.told(2, service(NETWORK, hops=2)) == []
    assert domain.told(2, service(1)) == []  # nobody's


def test_the_order_of_networks_and_services_makes_no_difference() -> None:
    domain = Dsss()
    assert domain.told(1, Route(NETWORK, 0, 2)) == []
    assert domain.told(2, service(NETWORK, hops=0), Route(NETWORK, 0, 2)) == []


def test_a_service_on_the_virtual_network_is_at_no_other_ones_number() -> None:
    domain = Dsss()
    assert domain.told(1, Host(HOST, 0)) == []
    assert domain.told(2, service(VIRTUAL, HOST)) == ["02005E000107 is at node node1"]
    assert domain.told(2, service(VIRTUAL, numbered(1).node)) == ["7E010A000001 is at node node1"]
    assert domain.told(2, service(VIRTUAL, HOST), Host(HOST, 1)) == []  # it has moved there
    assert domain.told(1, service(VIRTUAL, numbered(1).node, name="B")) == []


def test_what_is_denied_anew_is_withdrawn_everywhere() -> None:
    domain = Dsss()
    assert domain.told(1, route(NETWORK)) == []
    reader = domain.server.open("10.0.0.9", domain.now)
    send(domain.server, reader, hello(9, role="reader"), domain.now)
    send(domain.server, reader, Subscribe([2]), domain.now)
    while not any(isinstance(told, SnapshotEnd) for told in messages(reader.take(domain.now))):
        pass
    domain.server.set_parameters(replace(PARAMETERS, version=2, networks="listed"))
    assert len(domain.told(1, route(NETWORK))) == 1
    told = [each for each in messages(reader.take(domain.now)) if isinstance(each, Delta)]
    assert [gone.key for delta in told for gone in delta.withdrawals] == [(Kind.ROUTE, NETWORK, "")]


def test_what_another_dss_tells_is_not_judged_again() -> None:
    domain = Dsss(FIRST)
    assert domain.told(1, route(NETWORK)) == []
    far = Record(b"\7" * 16, 1, 1, route(NETWORK))
    domain.server.take_in(Delta([Lease(b"\7" * 16, 1, 1, 15.0, 0.0)], [far]), b"E" * 16, domain.now)
    assert len(domain.server.directory.claims(far.key)) == 2


def test_denials_are_noted_once_bounded_and_end_with_the_session(caplog: pytest.LogCaptureFixture) -> None:
    domain = Dsss(replace(PARAMETERS, networks="listed"))
    with caplog.at_level(logging.WARNING, logger="nwip.dss.claims"):
        for _ in range(2):
            domain.told(1, *(route(number) for number in range(1, 100)))
    assert len(caplog.records) == NOTED_OF_NODE == len(domain.server.claims)
    for number in range(3, 40):
        domain.come(number)
        domain.told(number, *(route(each) for each in range(1, 50)))
    assert len(domain.server.claims) == NOTED
    for number in (1, *range(3, 40)):
        domain.server.lost(domain.sessions[number])
    assert len(domain.server.claims) == 0 == len(domain.alarms())


def network_of(member: Member) -> bool:
    return member.engine.directory.standing(member.identity, (Kind.ROUTE, NETWORK, "")) is not None


def test_a_node_says_what_was_denied_and_registers_it_once_it_may(caplog: pytest.LogCaptureFixture) -> None:
    first, second = Member(1), Member(2)
    world = World(first, second, parameters=FIRST)
    first.engine.offer(route(NETWORK))
    world.settle()
    with caplog.at_level(logging.WARNING, logger="nwip.dss"):
        second.engine.offer(route(NETWORK))
        world.run(20.0)
    why = f"network 00C0FFEE: node {first.identity.hex()} has it, and came first"
    assert second.engine.denied == {(Kind.ROUTE, NETWORK, ""): why}
    assert [record.name for record in caplog.records] == ["nwip.dss.claims", "nwip.dss.client_engine"]
    assert second.engine.turned_away == 0
    assert not network_of(second)
    first.engine.retract((Kind.ROUTE, NETWORK, ""))
    world.settle()
    assert network_of(second)
    assert second.engine.denied == {}


def test_a_node_tries_again_with_its_renewals_what_a_changed_list_lets_it() -> None:
    member = Member(1)
    world = World(member, parameters=replace(PARAMETERS, networks="listed"))
    member.engine.offer(route(NETWORK))
    world.settle()
    assert not network_of(member)
    assert world.server is not None
    world.server.set_parameters(
        replace(PARAMETERS, networks="listed", grants=(Grant((NETWORK,)),), version=2)
    )
    world.run(PARAMETERS.renewal)
    assert network_of(member)
    assert member.engine.denied == {}


def test_what_is_retracted_is_denied_no_more() -> None:
    member = Member(1)
    world = World(member, parameters=replace(PARAMETERS, networks="listed"))
    member.engine.offer(route(NETWORK))
    world.settle()
    assert world.server is not None
    assert len(member.engine.denied) == 1 == len(world.server.claims)
    member.engine.retract((Kind.ROUTE, NETWORK, ""))
    world.settle()
    assert len(member.engine.denied) == 0 == len(world.server.claims)
    world.run(30.0)
    assert member.session is not None


def test_a_denied_service_comes_as_soon_as_its_network_does() -> None:
    first, second = Member(1), Member(2)
    world = World(first, second)
    first.engine.offer(route(NETWORK))
    world.settle()
    second.engine.offer(service(NETWORK, hops=0))
    world.settle()
    assert second.names() == set()
    second.engine.offer(route(NETWORK))
    world.settle()
    assert second.names() == {"MUSEUM"}


def test_a_network_that_was_taken_back_comes_again_when_the_list_has_it() -> None:
    member = Member(1)
    world = World(member)
    member.engine.offer(route(NETWORK))
    world.settle()
    assert world.server is not None
    world.server.set_parameters(replace(PARAMETERS, networks="listed", version=2))
    member.engine.offer(Route(NETWORK, 3, 4))
    world.settle()
    assert not network_of(member)
    world.server.set_parameters(PARAMETERS)
    world.run(PARAMETERS.renewal)
    assert network_of(member)


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_at_one_dss_a_network_has_one_owner_or_owners_on_one_lan(seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - a test is to be repeatable
    members = [Member(number) for number in (1, 2, 3)]
    world = World(*members, parameters=FIRST)
    for _ in range(60):
        member, network = chance.choice(members), chance.randint(1, 3)
        if chance.random() < 0.6:
            lan = chance.choice((0, 8, 9, network))
            member.engine.offer(Route(network, int(lan != network), 2, lan, chance.randint(0, 4)))
        else:
            member.engine.retract((Kind.ROUTE, network, ""))
        world.run(chance.choice((0.0, 0.0, 0.5, 6.0)))
        assert world.server is not None
        for key in world.server.directory.keys(Kind.ROUTE):
            claims = [record.value for record in world.server.directory.claims(key)]
            lans = {claim.lan for claim in claims if isinstance(claim, Route)}
            assert len(claims) < 2 or (len(lans) == 1 and lans != {0})
    records = [record for member in members for record in member.engine.registration.records()]
    world.run(6 * FIRST.renewal)
    assert world.server is not None
    assert set(world.server.directory.keys(Kind.ROUTE)) == {record.key for record in records}
    assert not any(member.cut for member in members)
