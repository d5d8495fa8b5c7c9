"""What the control socket of a member answers about its domain."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from nwip import membership_views
from nwip.control import Answer
from nwip.membership_files import MembershipFiles
from nwip.membership_views import MembershipViews, Running
from nwip.security.invitations import GOOD_FOR, Invitation, Invitations, InvitationsError, mark_of
from nwip.security.membership import Membership
from nwip.state import State
from security.membership_parts import DOMAIN, key
from test_membership_files import CHARTER, founded

pytestmark = pytest.mark.asyncio

SERVERS = [("192.0.2.1", 10396), ("127.0.0.1", 10396)]


class Node:
    """As much of a node as the views see."""

    def __init__(self, home: Path) -> None:
        self.party: MembershipFiles | None = MembershipFiles(founded(home), CHARTER)
        peering = SimpleNamespace(endpoints=[("192.0.2.1", 12010)])
        self.dss = SimpleNamespace(endpoints=SERVERS, peering=peering)
        self.client = None

    @property
    def holder(self) -> Membership:
        assert self.party is not None
        assert self.party.dss is not None
        return self.party.dss

    def admit(self, name: str) -> None:
        invitations = self.holder.invitations
        assert invitations is not None
        pending = invitations.find(mark_of(invitations.issue("node", name, (0xC0FFEE,), 0.0)), 0.0)
        assert pending is not None
        self.holder.admit(key(name).public, pending, 0.0)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


@pytest.fixture
def views(node: Node) -> MembershipViews:
    return MembershipViews(cast("Running", node))


async def refused(views: MembershipViews, what: str, **question: object) -> Answer:
    with pytest.raises(Answer) as caught:
        await views.handlers()[f"domain-{what}"]({"ask": f"domain-{what}", **question})
    assert "\n" not in caught.value.sentence
    return caught.value


async def invited(views: MembershipViews, **question: object) -> Invitation:
    row = await views.invite({"ask": "domain-invite", **question})
    assert row["seconds"] == GOOD_FOR
    return Invitation.decode(str(row["invitation"]))


async def test_an_invitation_names_domain_keys_and_where_the_dss_is_seen_from_outside(
    node: Node, views: MembershipViews
) -> None:
    line = await invited(views)
    assert (line.domain, line.servers, line.peers) == (DOMAIN, SERVERS[:1], [])
    assert (line.dss_key, line.authority) == (node.holder.key.public, node.holder.authority)


async def test_what_is_said_of_the_guest_is_remembered(node: Node, views: MembershipViews) -> None:
    line = await invited(views, name="museum", role="dss", networks=[0xC0FFEE], servers=["dss.test:7"])
    invitations = node.holder.invitations
    assert invitations is not None
    found = invitations.remembered(mark_of(line.secret), 0.0)
    assert found is not None
    assert (found.name, found.role, found.grants) == ("museum", "dss", (0xC0FFEE,))
    assert line.servers == [("dss.test", 7), SERVERS[0]]
    assert line.peers == [("dss.test", 12010), ("192.0.2.1", 12010)]


async def test_a_server_without_a_port_has_the_usual_ones(views: MembershipViews) -> None:
    line = await invited(views, servers=["dss.test"])
    assert line.servers[:2] == [("dss.test", 396), ("dss.test", 10396)]


async def test_a_name_that_is_not_ascii_is_written_as_dns_has_it(views: MembershipViews) -> None:
    line = await invited(views, servers=["m\u00fcnchen.test:7", "[2001:db8::1]:7"])
    assert line.servers[:2] == [("xn--mnchen-3ya.test", 7), ("2001:db8::1", 7)]


async def test_a_dss_that_listens_everywhere_names_the_addresses_of_its_machine(
    node: Node, views: MembershipViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership_views, "main_address", lambda: "192.0.2.9")
    monkeypatch.setattr(membership_views, "local_addresses", lambda: ["10.0.0.9", "192.0.2.9", "127.0.0.1"])
    node.dss.endpoints = [("0.0.0.0", 396)]
    assert (await invited(views)).servers == [("192.0.2.9", 396), ("10.0.0.9", 396)]


async def test_a_dss_at_all_ipv6_addresses_alone_must_be_told_which(
    node: Node, views: MembershipViews
) -> None:
    node.dss.endpoints = [("::", 396)]
    assert "--server" in (await refused(views, "invite")).sentence
    assert (await invited(views, servers=["[2001:db8::1]:396"])).servers == [("2001:db8::1", 396)]
    node.dss.endpoints = [("2001:db8::2", 396)]
    assert (await invited(views)).servers == [("2001:db8::2", 396)]


async def test_a_dss_on_loopback_alone_invites_to_loopback(node: Node, views: MembershipViews) -> None:
    node.dss.endpoints = [("127.0.0.1", 10396)]
    assert (await invited(views)).servers == [("127.0.0.1", 10396)]


@pytest.mark.parametrize(
    "question",
    [
        {"role": "king"},
        {"networks": [0]},
        {"name": "a\x1b"},
        {"servers": ["a:99999"]},
        {"servers": ["a b"]},
        {"servers": [""]},
        {"surprise": 1},
    ],
)
async def test_a_wrong_question_is_told_so(views: MembershipViews, question: dict[str, object]) -> None:
    assert (await refused(views, "invite", **question)).code == 2


async def test_a_dss_without_a_port_for_others_invites_none(node: Node, views: MembershipViews) -> None:
    node.dss.peering.endpoints = []
    assert "dss.peer-port" in (await refused(views, "invite", role="dss")).sentence
    assert await invited(views)


async def test_members_and_those_that_were_revoked_are_listed(node: Node, views: MembershipViews) -> None:
    for name in ("museum", "gone"):
        node.admit(name)
    node.holder.revoke(key("gone").identity)
    rows = await views.members({})
    assert [(row["name"], row["role"], row["state"]) for row in rows] == [
        ("dss-key", "dss", "here"),
        ("key", "node", "here"),
        ("museum", "node", ""),
        ("gone", "", "revoked"),
    ]
    assert rows[2]["networks"] == ["00C0FFEE"]
    assert rows[2]["identity"] == key("museum").identity.hex()


@pytest.mark.parametrize("name", ["MUSEUM", key("museum").identity.hex()[:9]])
async def test_a_member_is_revoked_by_name_or_identity(node: Node, views: MembershipViews, name: str) -> None:
    node.admit("museum")
    row = await views.revoke({"member": name})
    assert row["identity"] == key("museum").identity.hex()
    assert node.holder.roster.is_revoked(key("museum").identity)
    assert (await refused(views, "revoke", member="museum")).sentence == "'museum' was revoked already"


async def test_who_is_meant_must_be_clear_and_not_this_machine(node: Node, views: MembershipViews) -> None:
    node.admit("museum")
    assert (await refused(views, "revoke", member="nobody")).code == 1
    assert (await refused(views, "revoke", member="")).code == 1
    for name in ("key", "dss-key"):
        assert "itself" in (await refused(views, "revoke", member=name)).sentence
    assert not node.holder.roster.revocations()


async def test_the_secret_is_changed(node: Node, views: MembershipViews) -> None:
    before = node.holder.secrets.current
    assert await views.rotate({}) == {"domain": DOMAIN, "epoch": 2}
    assert before is not None
    assert node.holder.secrets.current is not None
    assert node.holder.secrets.current[1] != before[1]


async def test_where_the_authoritys_key_is_not_there_are_members_only(
    node: Node, views: MembershipViews
) -> None:
    node.holder.signer = None
    for what in ("invite", "revoke", "rotate"):
        assert "where the domain was created" in (await refused(views, what)).sentence
    assert len(await views.members({})) == 2


async def test_an_open_domain_has_no_members(node: Node, views: MembershipViews) -> None:
    node.party = None
    for what in ("invite", "members", "revoke", "rotate"):
        answer = await refused(views, what)
        assert answer.code == 1
        assert "nwip domain create" in answer.sentence


async def test_what_cannot_be_kept_is_said(
    node: Node, views: MembershipViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.admit("museum")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "roster")

    for name in ("append", "write", "sync"):
        monkeypatch.setattr(State, name, full)
    questions: list[tuple[str, dict[str, object]]] = [
        ("invite", {}),
        ("revoke", {"member": "museum"}),
        ("rotate", {}),
    ]
    for what, question in questions:
        answer = await refused(views, what, **question)
        assert answer.code == 3
        assert "No space left" in answer.sentence
    assert node.holder.roster.is_revoked(key("museum").identity)
    assert node.holder.secrets.current is not None
    assert node.holder.secrets.current[0] == 1, "what is not kept is not told"


async def test_too_many_invitations_are_refused(
    node: Node, views: MembershipViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bytes:
        raise InvitationsError("too many")

    issue: Callable[..., bytes] = full
    monkeypatch.setattr(Invitations, "issue", issue)
    assert (await refused(views, "invite")).code == 1
