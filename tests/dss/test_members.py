"""Members of a sealed domain: what the engines tell of them and let them do, on a simulated clock."""

from __future__ import annotations

import pytest

from dss.replicated_domain import Domain
from dss.sealed_engines import come, engine_of, last_reason, told
from dss.sealed_parties import SECRET, party, revoked, statement
from dss.simulated_domain import PARAMETERS, Member, node, send, service
from nwip.directory.owners import Lease
from nwip.directory.records import Record
from nwip.dss.framing import frame
from nwip.dss.members import PART
from nwip.dss.messages import (
    STATEMENT_LIMIT,
    VERSION,
    Delta,
    DomainSecret,
    Hello,
    Joined,
    Reason,
    Refused,
    Role,
    Roster,
    encode,
)
from nwip.dss.replication_engine import ReplicationEngine
from nwip.dss.session import Proof
from nwip.security import statements
from nwip.security.membership import Membership
from security.membership_parts import STRANGER, key, member, signed

DSSS = ("dss", "dss2", "dss3")


def three_sites() -> Domain:
    return Domain(3, memberships=[party(name) for name in DSSS])


def membership_at(domain: Domain, site: int) -> Membership:
    members = domain.sites[site].server.members
    assert members is not None
    return members._membership


def node_of(name: str, number: int, membership: Membership | None = None) -> Member:
    found = Member(number, membership=membership or party(name))
    found.engine.offer(node(number))
    found.engine.offer(service(name.upper()))
    return found


def test_a_member_is_told_the_roster_and_the_secret() -> None:
    session = come(engine_of(party("dss")), Proof(key("ann").identity))
    first, second, *rest = told(session)
    assert (type(first).__name__, type(second).__name__) == ("Hello", "DomainParameters")
    heard = [each for message in rest if isinstance(message, Roster) for each in message.statements]
    assert set(heard) == {statement(name) for name in ("dss", "dss2", "dss3", "ann", "bob", "cy")}
    assert rest[-1] == DomainSecret(1, SECRET)
    assert not session.closing


def test_a_large_roster_is_told_in_small_parts() -> None:
    membership = party("dss")
    for number in range(40):
        membership.roster.merge(signed(member(f"m{number}", 200 + number)))
    heard = told(come(engine_of(membership), Proof(key("ann").identity)))
    rosters = [message for message in heard if isinstance(message, Roster)]
    assert max(len(message.statements) for message in rosters) == PART
    assert sum(len(message.statements) for message in rosters) == 46


@pytest.mark.parametrize(
    ("proof", "role", "identity", "reason"),
    [
        (None, "node", b"", Reason.SEALED),
        (Proof(key("ann").identity), "node", key("bob").identity, Reason.NOT_ALLOWED),
        (Proof(key("ann").identity), "reader", key("bob").identity, Reason.NOT_ALLOWED),
        (Proof(key("dss2").identity), "node", b"", Reason.ROLE),
        (Proof(key("ann").identity), "dss", b"", Reason.ROLE),
        (Proof(key("nobody").identity), "node", b"", Reason.NOT_ALLOWED),
    ],
)
def test_a_session_speaks_only_as_its_key_allows(
    proof: Proof | None, role: Role, identity: bytes, reason: Reason
) -> None:
    session = come(engine_of(party("dss")), proof, role=role, identity=identity)
    assert session.closing
    assert last_reason(session) == reason


@pytest.mark.parametrize(
    ("proof", "identity", "reason"),
    [
        (None, key("dss2").identity, Reason.SEALED),
        (Proof(key("dss2").identity), key("dss3").identity, Reason.NOT_ALLOWED),
        (Proof(key("ann").identity), key("ann").identity, Reason.ROLE),
    ],
)
def test_a_session_between_dss_speaks_only_as_its_key_allows(
    proof: Proof | None, identity: bytes, reason: Reason
) -> None:
    replication = ReplicationEngine(engine_of(party("dss")))
    session = replication.open("10.0.0.2", 0.0, calling=False, proof=proof)
    greeting = Hello(VERSION, PARAMETERS.domain, identity, b"B" * 16, "dss", "x")
    replication.receive(session, frame(encode(greeting)), 0.0)
    assert last_reason(session) == reason
    assert replication.peers() == []


def test_a_member_may_read_whatever_its_role() -> None:
    for name in ("ann", "dss2"):
        assert not come(engine_of(party("dss")), Proof(key(name).identity), role="reader").closing


def test_a_revocation_reaches_all_sites_in_one_turn_and_ends_what_there_is_of_it() -> None:
    domain = three_sites()
    nodes = [node_of(name, number) for number, name in enumerate(("ann", "bob", "cy"))]
    for site, each in enumerate(nodes):
        domain.attach(each, site)
    domain.run(5.0)
    assert all(each.names() == {"ANN", "BOB", "CY"} for each in nodes)

    membership_at(domain, 2).roster.merge(revoked("ann"))
    domain.run(0.01)
    assert nodes[0] not in domain.members
    refusal = nodes[0].engine.refusal
    assert refusal is not None
    assert refusal.reason == Reason.REVOKED
    for site in range(3):
        assert membership_at(domain, site).roster.is_revoked(key("ann").identity)
        assert domain.sites[site].names() == {"BOB", "CY"}
    for each in nodes[1:]:
        assert each.names() == {"BOB", "CY"}
        assert each.engine._membership is not None
        assert each.engine._membership.roster.is_revoked(key("ann").identity)

    for role in ("node", "reader"):  # whoever had shaken hands just before
        late = come(domain.sites[1].server, Proof(nodes[0].identity), role=role)
        assert last_reason(late) == Reason.REVOKED


def test_late_news_of_a_revoked_node_does_not_bring_it_back() -> None:
    domain = three_sites()
    domain.attach(node_of("ann", 1), 0)
    domain.run(5.0)
    membership_at(domain, 0).roster.merge(revoked("ann"))
    domain.run(0.1)
    owner = key("ann").identity
    server = domain.sites[1].server
    lease = Lease(owner, 9, 9, 15.0, 0.0)
    news = server.take_in(Delta([lease], [Record(owner, 9, 1, service("ANN"))]), b"elsewhere", domain.now)
    assert news == Delta()
    assert not server.directory.is_live(owner)


def test_the_records_that_a_store_kept_of_a_revoked_node_go_at_the_start() -> None:
    membership = party("dss")
    membership.roster.merge(revoked("ann"))
    server = engine_of(membership)
    owner = key("ann").identity
    server.directory.merge(Record(owner, 1, 1, service("ANN")), 0.0)
    assert server.members is not None
    server.members.look_again()
    assert server.next_deadline() == 0.0
    server.advance(0.0)
    assert list(server.directory.of_owner(owner)) == []


def test_a_peer_is_told_of_members_before_it_is_told_of_records() -> None:
    domain = three_sites()
    for number in range(40):
        domain.sites[0].server.directory.merge(Record(b"o" * 16, 1, number + 1, service(f"S{number}")), 0.0)
    domain.part(0, 1)
    wire = domain.join(0, 1)
    wire.carry(domain.now)
    session = wire.sessions[0]
    session.missing.add(b"o" * 16, (0, 0))
    kinds = [type(message).__name__ for message in told(session, domain.now)]
    assert "Roster" in kinds
    assert kinds.index("DomainSecret") < min(
        (kinds.index(name) for name in ("Delta", "Synchronised") if name in kinds), default=len(kinds)
    )


def test_a_revoked_dss_loses_its_sessions() -> None:
    domain = three_sites()
    membership_at(domain, 0).roster.merge(revoked("dss3"))
    domain.run(0.1)
    assert set(domain.sites[0].replication.peers()) == {key("dss2").identity}
    assert set(domain.sites[1].replication.peers()) == {key("dss").identity}
    assert domain.sites[2].replication.peers() == []


def test_a_node_leaves_a_dss_that_was_revoked() -> None:
    domain = three_sites()
    ann = node_of("ann", 1)
    domain.attach(ann, 2)
    ann.engine.receive(frame(encode(Roster([revoked("dss3")]))), domain.now)
    assert "revoked" in ann.engine.failure


def test_a_rotation_reaches_everybody_and_ends_no_session() -> None:
    domain = three_sites()
    nodes = [node_of(name, number) for number, name in enumerate(("ann", "bob", "cy"))]
    for site, each in enumerate(nodes):
        domain.attach(each, site)
    domain.run(3.0)
    membership_at(domain, 1).secrets.rotate(b"2" * 32, domain.now)
    domain.run(0.1)
    for site in range(3):
        assert membership_at(domain, site).secrets.current == (2, b"2" * 32)
    for each in nodes:
        assert each in domain.members
        assert each.engine._membership is not None
        assert each.engine._membership.secrets.current == (2, b"2" * 32)
    assert all(len(site.replication.peers()) == 2 for site in domain.sites)


def test_dss_that_meet_tell_each_other_what_they_know_and_news_is_not_told_in_circles() -> None:
    first = party("dss", knows=("dss", "dss2", "dss3", "ann"))
    second = party("dss2", knows=("dss", "dss2", "dss3", "bob"))
    third = party("dss3")
    second.secrets.rotate(b"2" * 32, 0.0)
    domain = Domain(3, memberships=[first, second, third])
    domain.run(1.0)
    for site in range(3):
        membership = membership_at(domain, site)
        assert membership.is_member(key("ann").public)
        assert membership.is_member(key("bob").public)
        assert membership.secrets.current == (2, b"2" * 32)
    octets = sum(wire.octets for wire in domain.wires.values())
    domain.run(2.0)
    quiet = sum(wire.octets for wire in domain.wires.values()) - octets
    assert quiet < 200  # digests at most


def test_a_slow_peer_is_told_of_a_revocation_all_the_same() -> None:
    domain = three_sites()
    wire = domain.wires[frozenset((0, 1))]
    wire.sessions[0].send_frame(
        bytes(2 << 20)
    )  # nothing that is told later by a comparison is queued behind it
    domain.sites[0].replication._tell_of_members(Roster([revoked("ann")]), b"")
    assert wire.sessions[0].take(domain.now).endswith(encode(Roster([revoked("ann")])))


@pytest.mark.parametrize("origin", ["node", "dss"])
def test_a_statement_that_the_authority_has_not_signed_ends_the_session(origin: str) -> None:
    domain = three_sites()
    forged = STRANGER.sign(member("eve", 50), party("dss").domain)
    octets = frame(encode(Roster([forged])))
    if origin == "dss":
        session = domain.wires[frozenset((0, 1))].sessions[0]
        domain.sites[0].replication.receive(session, octets, domain.now)
        assert session.refusal is not None
        assert session.refusal.reason == Reason.MALFORMED
    else:
        ann = node_of("ann", 1)
        domain.attach(ann, 0)
        ann.engine.receive(octets, domain.now)
        assert "not signed" in ann.engine.failure
    assert not membership_at(domain, 0).is_member(key("eve").public)


def test_a_node_may_not_tell_of_members() -> None:
    server = engine_of(party("dss"))
    for message in (Roster([revoked("ann")]), DomainSecret(9, b"9" * 32), Joined(statement("ann"))):
        session = come(server, Proof(key("bob").identity))
        answers = [m for m in send(server, session, message, 0.0) if isinstance(m, Refused)]
        assert [answer.reason for answer in answers] == [Reason.NOT_ALLOWED]
    server.advance(0.0)
    assert server.members is not None
    assert not server.members._membership.roster.is_revoked(key("ann").identity)


def test_a_client_asks_that_its_dss_has_the_identity_of_its_key() -> None:
    ann = node_of("ann", 1)
    ann.engine.connected(0.0, key("dss").identity)
    false = Hello(VERSION, "sim.test", key("dss2").identity, b"B" * 16, "dss", "x")
    ann.engine.receive(frame(encode(false)), 0.0)
    assert "identity" in ann.engine.failure


def test_an_open_domain_knows_nothing_of_members() -> None:
    domain = Domain(2)
    session = domain.wires[frozenset((0, 1))].sessions[0]
    domain.sites[0].replication.receive(session, frame(encode(DomainSecret(1, SECRET))), domain.now)
    assert session.refusal is not None
    assert session.refusal.reason == Reason.NOT_ALLOWED
    plain = Member(1)
    domain.attach(plain, 0)
    plain.engine.receive(frame(encode(Roster([statement("ann")]))), domain.now)
    assert plain.engine.failure


def test_a_message_takes_every_statement_that_there_can_be() -> None:
    assert STATEMENT_LIMIT == statements.STATEMENT_LIMIT
