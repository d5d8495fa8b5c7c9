"""The DSS's engine towards sessions that behave badly."""

import msgspec
import pytest

from dss.simulated_domain import PARAMETERS, hello, messages, new_server, node, route, send, service
from nwip.directory.records import Node, Record, Value
from nwip.directory.table import Directory
from nwip.directory.tombstones import Withdrawal
from nwip.dss.authority import objection
from nwip.dss.framing import FRAME_LIMIT, HELLO_LIMIT, frame
from nwip.dss.messages import (
    Acknowledge,
    Complete,
    Delta,
    DomainParameters,
    Goodbye,
    Hello,
    Message,
    Reason,
    Refused,
    Register,
    Renew,
    SnapshotEnd,
    Subscribe,
    Withdraw,
    encode,
)
from nwip.dss.peers import Limits
from nwip.dss.server_engine import ServerEngine
from nwip.dss.session import OUTBOX_LIMIT, Proof, Session

ME = b"\x01" * 16


def record(value: Value, counter: int = 1, owner: bytes = ME) -> Record:
    return Record(owner, 1, counter, value)


def opened(server: ServerEngine, ip: str = "10.0.0.1", number: int = 1, role: str = "node") -> Session:
    session = server.open(ip, 0.0)
    answers = send(server, session, hello(number, role=role), 0.0)
    assert [type(answer) for answer in answers] == [Hello, DomainParameters]
    return session


def refusal(session: Session) -> Reason | None:
    if session.refusal is None:
        return None
    assert session.closing
    assert messages(session.take(0.0))[-1:] in ([session.refusal], [])
    return Reason(session.refusal.reason)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Renew(1, 1, 1), Reason.EXPECTED_HELLO),
        (hello(domain="other.test"), Reason.DOMAIN),
        (hello(role="dss"), Reason.ROLE),
    ],
    ids=["no hello", "another domain", "a dss"],
)
def test_a_first_message_that_will_not_do_is_refused(message: Message, reason: Reason) -> None:
    server = new_server()
    session = server.open("10.0.0.1", 0.0)
    (answer,) = send(server, session, message, 0.0)
    assert isinstance(answer, Refused)
    assert answer.reason == reason
    assert session.closing


def test_another_version_is_refused_with_its_reason_whatever_the_rest_looks_like() -> None:
    server = new_server()
    session = server.open("10.0.0.1", 0.0)
    server.receive(session, frame(msgspec.msgpack.encode([1, 2, {"all": "new"}])), 0.0)
    assert refusal(session) == Reason.VERSION


def test_an_oversize_frame_is_refused_before_it_is_read() -> None:
    server = new_server()
    session = opened(server)
    server.receive(session, (1 << 20).to_bytes(4, "big"), 0.0)
    assert not session.closing
    other = opened(server, number=2)
    server.receive(other, ((1 << 20) + 1).to_bytes(4, "big"), 0.0)
    assert refusal(other) == Reason.MALFORMED


def test_octets_that_are_no_message_end_the_session_only() -> None:
    server = new_server()
    bad, good = opened(server), opened(server, number=2)
    server.receive(bad, b"GET / HTTP/1.1\r\n\r\n", 0.0)
    assert refusal(bad) == Reason.MALFORMED
    assert send(server, good, Renew(1, 1, 1), 1.0) == [Acknowledge(1)]


def test_an_unknown_message_is_skipped_and_the_session_goes_on() -> None:
    server = new_server()
    session = opened(server)
    server.receive(session, frame(msgspec.msgpack.encode([77, "news"])), 0.0)
    assert send(server, session, Renew(9, 1, 1), 0.0) == [Acknowledge(9)]
    assert session.skipped == 1


def test_a_session_without_hello_ends_after_the_first_message_limit() -> None:
    server = new_server()
    session = server.open("10.0.0.1", 0.0)
    server.advance(4.9)
    assert not session.closing
    server.advance(5.0)
    assert refusal(session) == Reason.LATE


def test_a_session_that_is_silent_for_a_lease_ends() -> None:
    server = new_server()
    session = opened(server)
    send(server, session, Renew(1, 1, 1), 10.0)
    server.advance(24.9)
    assert not session.closing
    server.advance(25.0)
    assert refusal(session) == Reason.IDLE


def test_sessions_are_limited_in_all_and_for_each_address() -> None:
    server = new_server(limits=Limits(sessions=3, sessions_per_address=2))
    assert [server.open("10.0.0.1", 0.0).closing for _ in range(3)] == [False, False, True]
    assert not server.open("10.0.0.2", 0.0).closing, "a session that was refused takes nobody's place"
    full = server.open("10.0.0.3", 0.0)
    assert refusal(full) == Reason.FULL


def test_an_ipv6_source_is_a_64() -> None:
    server = new_server(limits=Limits(sessions_per_address=2))
    hosts = ("2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3", "2001:db8:0:1::1")
    assert [server.open(host, 0.0).closing for host in hosts] == [False, False, True, False]


def test_before_hello_no_more_than_a_hello_is_taken_in() -> None:
    server = new_server()
    session = server.open("10.0.0.1", 0.0)
    server.receive(session, (HELLO_LIMIT + 1).to_bytes(4, "big"), 0.0)
    assert refusal(session) == Reason.MALFORMED
    greeted = opened(server)
    server.receive(greeted, FRAME_LIMIT.to_bytes(4, "big"), 0.0)
    assert not greeted.closing
    server.receive(greeted, bytes(FRAME_LIMIT - 1), 0.0)
    assert not greeted.closing


def test_a_lost_session_makes_room() -> None:
    server = new_server(limits=Limits(sessions_per_address=1))
    first = server.open("::ffff:10.0.0.1", 0.0)
    assert server.open("10.0.0.1", 0.0).closing
    for session in list(server._sessions):
        server.lost(session)
        server.lost(session)
    assert first.closing
    assert not server.open("10.0.0.1", 0.0).closing
    assert len(server) == 1


def test_an_address_that_is_not_admitted_is_refused() -> None:
    server = ServerEngine(PARAMETERS, identity=b"D" * 16, boot=b"0" * 16, admit=lambda ip: ip == "10.0.0.1")
    assert not server.open("10.0.0.1", 0.0).closing
    assert refusal(server.open("192.0.2.1", 0.0)) == Reason.NOT_ADMITTED


@pytest.mark.parametrize(
    "message",
    [
        Register(1, 1, 1, [record(service("S"), owner=b"\x02" * 16)]),
        Register(1, 1, 1, [record(node(1, "10.0.0.2"))]),
        DomainParameters(PARAMETERS),
        SnapshotEnd(0),
        hello(),
    ],
    ids=["another owner", "another address", "parameters", "snapshot end", "second hello"],
)
def test_a_node_speaks_only_of_itself(message: Message) -> None:
    server = new_server()
    session = opened(server)
    send(server, session, message, 0.0)
    assert refusal(session) == Reason.NOT_ALLOWED
    assert len(server.directory) == 0


def test_a_node_may_name_the_address_that_it_comes_from() -> None:
    server = new_server()
    session = opened(server, ip="::ffff:10.0.0.1")
    mine = Node(bytes.fromhex("7E01 0A000001"), "n", [("10.0.0.1", 43981)])
    assert send(server, session, Register(1, 1, 1, [record(mine)]), 0.0) == [Acknowledge(1)]


@pytest.mark.parametrize(
    ("places", "proof", "is_here", "may"),
    [
        (["192.0.2.1", "10.0.0.3"], Proof(ME), False, True),
        (["192.0.2.1", "fd00::3"], Proof(ME), False, True),
        (["192.0.2.1", "198.51.100.3"], Proof(ME), False, False),
        (["10.0.0.3", "192.0.2.1"], Proof(ME), False, False),
        (["192.0.2.1", "10.0.0.3"], None, False, False),
        (["198.51.100.3"], None, True, True),
        (["198.51.100.3"], Proof(ME), False, False),
    ],
)
def test_a_member_may_name_where_it_is_inside_and_who_is_beside_the_dss_any_place(
    places: list[str], proof: Proof | None, *, is_here: bool, may: bool
) -> None:
    session = Session("192.0.2.1")
    session.hello = hello(1, role="node")
    session.proof, session.is_here = proof, is_here
    mine = Node(bytes.fromhex("7E0600000001"), "n", [(place, 43981) for place in places])
    why = objection(session, Register(1, 1, 1, [record(mine)]))
    assert (why == "") is may
    assert may or "claims the address" in why


@pytest.mark.parametrize(
    "message", [Register(1, 1, 1, [record(service("S"))]), Withdraw(1, []), Complete(1, 1, 1)]
)
def test_a_reader_registers_nothing(message: Message) -> None:
    server = new_server()
    session = opened(server, role="reader")
    assert send(server, session, Renew(1, 0, 0), 0.0) == [Acknowledge(1)]
    assert not server.directory.is_live(ME)
    send(server, session, message, 0.0)
    assert refusal(session) == Reason.NOT_ALLOWED


def test_a_full_directory_tells_how_many_records_found_no_room() -> None:
    server = ServerEngine(
        PARAMETERS, identity=b"D" * 16, boot=b"0" * 16, admit=lambda _: True, directory=Directory(limit=2)
    )
    session = opened(server)
    records = [record(route(number), number) for number in range(1, 6)]
    assert send(server, session, Register(1, 1, 1, records), 0.0) == [Acknowledge(1, 3)]


def test_a_node_whose_lease_has_ended_must_come_again() -> None:
    server = new_server()
    session = opened(server)
    send(server, session, Register(1, 1, 1, [record(service("S"))]), 0.0)
    send(server, session, Complete(2, 1, 1), 14.0)  # keeps the session, not the lease
    server.advance(15.0)
    send(server, session, Renew(3, 1, 2), 15.5)
    assert refusal(session) == Reason.EXPIRED


def test_a_slow_reader_is_dropped_when_its_outbox_is_full() -> None:
    server = new_server()
    fast, slow = opened(server), opened(server, number=2, role="reader")
    send(server, slow, Subscribe([1, 2, 3, 4]), 0.0)
    sent = counter = 0
    while not slow.closing:
        batch = [record(route(n + 1), counter + n + 1) for n in range(256)]
        counter += 256
        assert sent <= OUTBOX_LIMIT
        send(server, fast, Register(1, 1, 1, batch), 0.0)
        sent += len(encode(Delta(records=batch)))
    assert refusal(slow) == Reason.SLOW
    assert not fast.closing


def test_a_snapshot_waits_unmade_and_comes_in_small_parts() -> None:
    server = new_server()
    writer, reader = opened(server), opened(server, number=2, role="reader")
    for start in range(1, 2000, 200):
        batch = [record(route(n), n) for n in range(start, start + 200)]
        send(server, writer, Register(1, 1, 1, batch), 0.0)
    server.receive(reader, frame(encode(Subscribe([2]))), 0.0)
    assert not reader._outbox
    seen: set[int] = set()
    while part := messages(reader.take(1.0)):
        (message,) = part
        if isinstance(message, SnapshotEnd):
            assert message.records == len(seen) == 2000
            return
        assert isinstance(message, Delta)
        assert len(message.records) <= 256
        assert bool(message.leases) == (not seen)
        seen |= {r.counter for r in message.records}
    pytest.fail("the snapshot has no end")


def test_a_snapshot_tells_what_was_withdrawn() -> None:
    server = new_server()
    writer = opened(server)
    send(server, writer, Register(1, 1, 1, [record(service("S"))]), 0.0)
    gone = Withdrawal(ME, 1, 2, service("S").key)
    send(server, writer, Withdraw(2, [gone]), 0.0)
    reader = opened(server, number=2, role="reader")
    server.receive(reader, frame(encode(Subscribe([1]))), 0.0)
    parts = [m for _ in range(3) for m in messages(reader.take(0.0))]
    assert parts == [Delta(withdrawals=[gone]), SnapshotEnd(0)]


def test_new_parameters_reach_every_session() -> None:
    server = new_server()
    session = opened(server)
    changed = msgspec.structs.replace(PARAMETERS, version=2)
    server.set_parameters(changed)
    assert server.ready() == {session}
    assert messages(session.take(0.0)) == [DomainParameters(changed)]


def test_a_dss_that_stops_says_goodbye() -> None:
    server = new_server()
    session = opened(server)
    server.close("the dss stops")
    assert messages(session.take(0.0)) == [Goodbye(text="the dss stops")]
    assert session.closing


def test_a_session_proves_its_address() -> None:
    server = new_server()
    session = server.open("10.0.0.1", 0.0)
    assert not server.holds_session_from("10.0.0.1")
    send(server, session, hello(), 0.0)
    assert server.holds_session_from("::ffff:10.0.0.1")
    server.lost(session)
    assert not server.holds_session_from("10.0.0.1")
