"""IPX sockets of programs on a node: what reaches them, what they send, what they advertise."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.world import NETWORK, Domain, Member, Station
from nwip.directory.records import Kind, Service
from nwip.gateway.local_services import PROGRAM_LIMIT, SERVICES_LIMIT, LocalServices
from nwip.gateway.sockets import LocalSockets, SocketRefused, outgoing
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import PacketType, ServiceType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse
from nwip.wire import Reader

GAME = 0x5678
LAN = 0x0000AB12
EVERYONE = Address(0, BROADCAST_NODE, GAME)


class Listener:
    """A program that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[Packet] = []
        self.moves = 0

    def receive(self, packet: bytes) -> None:
        self.heard.append(Packet.decode(packet))

    def renumbered(self) -> None:
        self.moves += 1

    @property
    def payloads(self) -> list[bytes]:
        return [packet.payload for packet in self.heard]


class Program(Listener):
    """One that holds a socket of a member's node and sends from it."""

    def __init__(self, member: Member, number: int = GAME, *, shared: bool = False) -> None:
        super().__init__()
        self.gateway = member.gateway
        self.held = self.gateway.sockets.bind(number, self, shared=shared)

    @property
    def address(self) -> Address:
        return self.gateway.address._replace(socket=self.held.number)

    def send(self, to: Address, payload: bytes = b"", packet_type: int = 0) -> None:
        packet = Packet(to, Address(0, bytes(6), 0), packet_type, payload).encode()
        self.gateway.originate(outgoing(packet, self.address), self.held)


async def two_members() -> tuple[Domain, Member, Member]:
    domain = Domain()
    return domain, await domain.member("10.0.0.1"), await domain.member("10.0.0.2")


@pytest.mark.asyncio
async def test_programs_of_two_nodes_and_a_player_reach_each_other() -> None:
    domain, a, b = await two_members()
    anna, ben = Program(a), Program(b)
    carl = Station(await b.lan("players", star=True), "02000000000C")
    anna.send(ben.address, b"to ben")
    anna.send(carl.address(GAME), b"to carl")
    domain.wire.deliver()
    assert ben.payloads == [b"to ben"]
    assert ben.heard[0].source == anna.address
    assert (carl.heard[0].payload, carl.heard[0].source) == (b"to carl", anna.address)
    carl.send(anna.address, b"back")
    domain.wire.deliver()
    assert anna.payloads == [b"back"]


@pytest.mark.asyncio
async def test_a_broadcast_of_a_program_reaches_everybody_else_once() -> None:
    domain, a, b = await two_members()
    anna, other, ben = Program(a, shared=True), Program(a, shared=True), Program(b)
    players = [
        Station(await member.lan("players", star=True), f"02000000000{number}")
        for number, member in enumerate((a, b))
    ]
    anna.send(EVERYONE, b"hello")
    domain.wire.deliver()
    assert anna.heard == []
    assert other.payloads == ben.payloads == [b"hello"]
    assert [[packet.payload for packet in player.heard] for player in players] == [[b"hello"]] * 2
    assert ben.heard[0].destination == EVERYONE._replace(network=NETWORK)


@pytest.mark.asyncio
async def test_a_broadcast_of_a_player_reaches_the_programs_of_all_nodes() -> None:
    domain, a, b = await two_members()
    here, there, deaf = Program(a), Program(b), Program(b, 0x1234)
    Station(await a.lan("players", star=True), "02000000000A").broadcast(b"lobby", GAME)
    domain.wire.deliver()
    assert here.payloads == there.payloads == [b"lobby"]
    assert deaf.heard == []


@pytest.mark.asyncio
async def test_a_broadcast_of_a_program_to_a_routed_network_goes_there_and_nowhere_else() -> None:
    domain, a, b = await two_members()
    station = Station(await a.lan("lan", LAN, joined=False), "00001B2C3D4E")
    there, here = Program(b), Program(a)
    there.send(Address(LAN, BROADCAST_NODE, GAME), b"to the lan")
    domain.wire.deliver()
    assert [packet.payload for packet in station.heard] == [b"to the lan"]
    assert here.heard == []


@pytest.mark.asyncio
async def test_a_program_is_reached_at_the_number_of_its_node_on_a_routed_link() -> None:
    domain, a, _ = await two_members()
    lan = await a.lan("lan", LAN, joined=False)
    program = Program(a)
    Station(lan, "00001B2C3D4E").send(Address(LAN, lan.node, GAME), b"to you")
    domain.wire.deliver()
    assert program.payloads == [b"to you"]


@pytest.mark.asyncio
async def test_programs_of_one_node_reach_each_other_without_a_packet_on_the_wire() -> None:
    domain, a, _ = await two_members()
    anna, other = Program(a), Program(a, 0)
    anna.send(other.address._replace(network=0), b"next door")
    anna.send(anna.address._replace(socket=0x4444))
    assert other.payloads == [b"next door"]
    assert a.gateway.counters.drops == {"no such socket here": 1}
    assert domain.wire.carried == []


@pytest.mark.asyncio
async def test_programs_spend_the_budget_of_broadcasts_and_cannot_broadcast_rip_or_sap() -> None:
    domain, a, b = await two_members()
    anna, ben = Program(a), Program(b)
    burst = int(domain.parameters.broadcast_burst)
    for _ in range(burst + 3):
        anna.send(EVERYONE)
    anna.send(EVERYONE._replace(socket=Socket.SAP))
    domain.wire.deliver()
    assert len(ben.heard) == burst
    assert a.gateway.counters.drops == {
        "broadcast budget": 3,
        "RIP or SAP broadcast on the virtual network": 1,
    }


@pytest.mark.asyncio
async def test_a_packet_of_a_program_waits_for_a_host_and_is_dropped_where_no_way_leads() -> None:
    domain, a, b = await two_members()
    anna = Program(a)
    anna.send(Address(NETWORK, bytes.fromhex("0A0000000001"), GAME), b"wait for me")
    anna.send(Address(0xBAD, b"\1" * 6, GAME))
    carl = Station(await b.lan("players", star=True), "0A0000000001")
    domain.wire.deliver()
    assert [packet.payload for packet in carl.heard] == [b"wait for me"]
    assert a.gateway.counters.drops == {"no way to the destination": 1}


@pytest.mark.asyncio
@given(header=st.binary(min_size=12, max_size=12), kind=st.integers(0, 255), payload=st.binary(max_size=80))
@example(header=bytes(10) + b"\x04\x53", kind=1, payload=b"")
@example(header=bytes(4) + b"\xff" * 6 + b"\x04\x52", kind=4, payload=b"\0\3\0\4")
@example(header=b"\xff" * 12, kind=20, payload=bytes(32))
async def test_no_packet_of_a_program_harms_its_node(header: bytes, kind: int, payload: bytes) -> None:
    domain, a, b = await two_members()
    await a.lan("lan", LAN, joined=False)
    Station(await b.lan("players", star=True), "02000000000B")
    program = Program(a)
    program.send(Address.read(Reader(header)), payload, kind)
    domain.wire.deliver()
    domain.pass_time(1.0)
    assert {packet.source for packet in domain.crossed()} <= {program.address}


def test_what_is_sent_has_the_nodes_source_and_nothing_of_what_the_program_claims() -> None:
    claimed = Packet(EVERYONE, Address(7, b"\7" * 6, 7), PacketType.PEP, b"payload", 200, 0x1234)
    source = Address(NETWORK, b"\1" * 6, GAME)
    assert Packet.decode(outgoing(claimed.encode(), source)) == Packet(
        EVERYONE, source, PacketType.PEP, b"payload"
    )


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (Socket.RIP, "socket 0453 is reserved: the node itself answers RIP"),
        (Socket.SAP, "advertise and find services instead"),
        (Socket.ECHO, "answers pings"),
        (0x4E57, "gateways on one LAN"),
        (0x10000, "1 to FFFF"),
        (-1, "1 to FFFF"),
        (GAME, "socket 5678 of this node is in use by another program"),
    ],
)
def test_a_number_that_cannot_be_had_is_refused_with_a_sentence(number: int, sentence: str) -> None:
    sockets = LocalSockets()
    sockets.bind(GAME, Listener())
    for shared in (False, True):
        with pytest.raises(SocketRefused, match=sentence):
            sockets.bind(number, Listener(), shared=shared)
    assert len(sockets) == 1


def test_a_number_is_shared_only_by_programs_that_all_say_so() -> None:
    sockets = LocalSockets()
    one, two = Listener(), Listener()
    held = [sockets.bind(GAME, program, shared=True) for program in (one, two)]
    with pytest.raises(SocketRefused, match="in use"):
        sockets.bind(GAME, Listener())
    packet = Packet(EVERYONE, EVERYONE, payload=b"both").encode()
    assert sockets.deliver(packet)
    sockets.release(held[0])
    sockets.release(held[0])
    assert sockets.deliver(packet)
    assert (len(one.heard), len(two.heard)) == (1, 2)
    sockets.release(held[1])
    assert not sockets.deliver(packet)
    assert len(sockets) == 0


def test_free_numbers_are_dynamic_ones_with_no_meaning_until_there_are_none() -> None:
    sockets = LocalSockets(limit=0x5000)
    first = sockets.bind(0, Listener())
    sockets.release(first)
    numbers = [sockets.bind(0, Listener()).number for _ in range(0x4000 - 4)]
    with pytest.raises(SocketRefused, match="from 4000 to 7FFF"):
        sockets.bind(0, Listener())
    assert numbers[-1] == first.number  # the one just given back comes last
    assert len(set(numbers)) == len(numbers)
    assert set(range(0x4000, 0x8000)) - set(numbers) == {0x4002, 0x4003, 0x4006, 0x4E57}


def test_a_node_has_a_limit_of_sockets() -> None:
    sockets = LocalSockets(limit=1)
    held = sockets.bind(0, Listener())
    with pytest.raises(SocketRefused, match="1 sockets in use"):
        sockets.bind(0, Listener())
    sockets.release(held)
    sockets.bind(0, Listener())


@pytest.mark.asyncio
async def test_an_advertised_service_is_in_the_directory_and_answered_by_sap_until_withdrawn() -> None:
    _, a, b = await two_members()
    program = Program(a)
    player = Station(await b.lan("players", star=True), "02000000000B")
    a.gateway.services.advertise(program.held, 0x9000, "ECHO", program.address)
    query = SapQuery(SapOperation.NEAREST_QUERY, 0x9000)
    player.send(Address(NETWORK, BROADCAST_NODE, Socket.SAP), query.encode(), PacketType.PEP)
    (entry,) = SapResponse.decode(player.heard[-1].payload).entries
    assert (entry.name, entry.address) == ("ECHO", program.address)
    a.gateway.services.withdraw_all(program.held)
    assert list(b.directory.records(Kind.SERVICE)) == []


@pytest.mark.asyncio
async def test_hosts_on_the_nodes_own_links_are_told_of_its_programs_services() -> None:
    _, a, _ = await two_members()
    program = Program(a)
    stations = [
        Station(await a.lan("players", star=True), "02000000000A"),
        Station(await a.lan("lan", LAN, joined=False), "00001B2C3D4E"),
    ]
    a.gateway.services.advertise(program.held, 0x9000, "ECHO", program.address)
    query = SapQuery(SapOperation.NEAREST_QUERY, 0x9000)
    for station in stations:
        station.broadcast(query.encode(), Socket.SAP, PacketType.PEP)
        (entry,) = SapResponse.decode(station.heard[-1].payload).entries
        assert (entry.name, entry.address) == ("ECHO", program.address)


@pytest.mark.asyncio
async def test_a_node_that_takes_another_number_takes_its_programs_along() -> None:
    _, a, b = await two_members()
    program = Program(a)
    a.gateway.services.advertise(program.held, 0x9000, "ECHO", program.address)
    a.gateway.renumber(b"\x7e\x06\1\2\3\4")
    (record,) = b.directory.records(Kind.SERVICE)
    assert isinstance(record.value, Service)
    assert record.value.address == program.address
    assert (program.address.node, program.moves) == (b"\x7e\x06\1\2\3\4", 1)


@pytest.mark.asyncio
async def test_a_service_heard_on_a_link_waits_behind_a_programs_of_the_same_name() -> None:
    _, a, b = await two_members()
    program = Program(a)
    lan = await a.lan("lan", LAN, joined=False)
    server = Station(lan, "00001B2C3D4E")
    a.gateway.services.advertise(program.held, ServiceType.FILE_SERVER, "MUSEUM", program.address)
    heard = SapEntry.of(ServiceType.FILE_SERVER, "MUSEUM", Address(LAN, server.node, Socket.NCP), 1)
    response = SapResponse(SapOperation.GENERAL_RESPONSE, (heard,))
    server.send(Address(LAN, BROADCAST_NODE, Socket.SAP), response.encode(), PacketType.PEP, Socket.SAP)

    def addresses() -> list[Address]:
        values = [record.value for record in b.directory.records(Kind.SERVICE)]
        return [value.address for value in values if isinstance(value, Service)]

    assert addresses() == [program.address]
    a.gateway.services.withdraw(program.held, ServiceType.FILE_SERVER, "MUSEUM")
    assert addresses() == [heard.address]


class Registered:
    """A registry that keeps what stands."""

    def __init__(self) -> None:
        self.values: dict[object, object] = {}

    def offer(self, value: Service) -> None:
        self.values[value.key] = value

    def retract(self, key: object) -> None:
        self.values.pop(key, None)


def test_what_cannot_be_advertised_is_refused_with_a_sentence() -> None:
    services = LocalServices(Registered())  # type: ignore[arg-type]  # only services are offered here
    at = Address(NETWORK, b"\1" * 6, GAME)
    services.advertise("program", 0x9000, "ECHO", at)
    for service_type, name, sentence in (
        (0, "X", "a service type is 1 to FFFE"),
        (0xFFFF, "X", "a service type is 1 to FFFE"),
        (1, "", "1 to 47 Latin-1 characters"),
        (1, "X" * 48, "1 to 47 Latin-1 characters"),
        (1, "\u20ac", "1 to 47 Latin-1 characters"),
        (1, "A\0B", "1 to 47 Latin-1 characters"),
        (0x9000, "ECHO", "another program here advertises 'ECHO' of type 9000"),
    ):
        with pytest.raises(SocketRefused, match=sentence):
            services.advertise("other", service_type, name, at)
    with pytest.raises(SocketRefused, match="this program advertises no 'ECHO' of type 9000"):
        services.withdraw("other", 0x9000, "ECHO")


def test_a_program_has_a_limit_of_services_and_takes_them_all_along() -> None:
    registered = Registered()
    services = LocalServices(registered)  # type: ignore[arg-type]  # likewise
    at = Address(NETWORK, b"\1" * 6, GAME)
    for number in range(PROGRAM_LIMIT):
        services.advertise("program", 0x9000, f"ECHO{number}", at)
    services.advertise("program", 0x9000, "ECHO0", at._replace(socket=7))
    with pytest.raises(SocketRefused, match=f"at most {PROGRAM_LIMIT} services"):
        services.advertise("program", 0x9000, "ONE MORE", at)
    services.advertise("other", 0x9000, "ONE MORE", at)
    services.withdraw_all("program")
    assert list(registered.values) == [(Kind.SERVICE, 0x9000, "ONE MORE")]


def test_a_node_has_a_limit_of_services() -> None:
    services = LocalServices(Registered())  # type: ignore[arg-type]  # likewise
    at = Address(NETWORK, b"\1" * 6, GAME)
    for number in range(SERVICES_LIMIT):
        services.advertise(number // PROGRAM_LIMIT, 0x9000, f"ECHO{number}", at)
    with pytest.raises(SocketRefused, match=f"advertises {SERVICES_LIMIT} services"):
        services.advertise("one more", 0x9000, "ONE MORE", at)


def test_what_a_link_takes_back_does_not_come_back_after_the_program() -> None:
    registered = Registered()
    services = LocalServices(registered)  # type: ignore[arg-type]  # likewise
    heard = Service(0x9000, "ECHO", 7, b"\1" * 6, 7, 1)
    services.advertise("program", 0x9000, "ECHO", Address(NETWORK, b"\1" * 6, GAME))
    services.offer(heard)
    services.retract(heard.key)
    assert registered.values[heard.key] != heard
    services.withdraw_all("program")
    assert registered.values == {}
    services.offer(heard)
    services.retract(heard.key)
    assert registered.values == {}
