"""`nwip domain create` and `nwip join`, without a network: a guest that is let in at once."""

import stat
from pathlib import Path

import pytest

from nwip.charter import CHARTER, read_charter
from nwip.config import Config, ConfigError
from nwip.config.reading import parse
from nwip.dss.guest import Welcome
from nwip.enrolment import EnrolmentError, create, join
from nwip.membership_files import MembershipFiles
from nwip.security.invitations import Invitation, Pending, mark_of
from nwip.security.keys import KeyPair
from nwip.security.membership import Membership, NotAdmitted
from nwip.security.statements import Authority, Member, Role
from nwip.state import State

NAME = "nwip.example.org"


def configured(home: Path, name: str = "museum", text: str = "") -> Config:
    return parse(f'{text}\nnode.name = "{name}"\nnode.state = "{home}"', "nwip.toml")


def parties(home: Path) -> MembershipFiles:
    state = State(home)
    charter = read_charter(state)
    assert charter is not None
    return MembershipFiles(state, charter)


class Dss:
    """The DSS that has made a domain, as a guest meets it."""

    def __init__(self, home: Path) -> None:
        create(configured(home, "one"), NAME)
        self.files = parties(home)
        self.guests: list[KeyPair] = []

    @property
    def membership(self) -> Membership:
        assert self.files.dss is not None
        return self.files.dss

    def invite(self, role: Role = "node") -> Invitation:
        membership = self.membership
        assert membership.invitations is not None
        return Invitation(
            domain=NAME,
            servers=[("192.0.2.1", 396)],
            dss_key=membership.key.public,
            authority=membership.authority,
            secret=membership.invitations.issue(role, "", (), 0.0),
            peers=[("192.0.2.1", 2010)] if role == "dss" else [],
        )

    async def admit(self, invitation: Invitation, key: KeyPair, name: str) -> Welcome:
        """Stand in for `join_domain`."""
        self.guests.append(key)
        pending = self.pending(invitation)
        statement = self.membership.admit(key.public, pending, 0.0, name)
        epoch, secret = self.membership.secrets.current or (0, b"")
        return Welcome(statement, self.membership.roster.signed(), epoch, secret)

    def pending(self, invitation: Invitation) -> Pending:
        assert self.membership.invitations is not None
        found = self.membership.invitations.remembered(mark_of(invitation.secret), 0.0)
        assert found is not None
        return found


@pytest.fixture
def dss(tmp_path: Path) -> Dss:
    return Dss(tmp_path / "dss")


def test_who_creates_a_domain_is_its_dss_and_first_node_and_has_its_authority(tmp_path: Path) -> None:
    charter = create(configured(tmp_path / "state"), NAME)
    assert (charter.domain, charter.role, charter.servers) == (NAME, "dss", [])
    files = parties(tmp_path / "state")
    assert files.dss is not None
    assert files.dss.signer is not None
    assert files.dss.is_dss(files.dss.key.public)
    assert [(member.role, member.name) for member in files.roster.members()] == [
        ("dss", "museum"),
        ("node", "museum"),
    ]
    assert files.secrets.current is not None
    assert files.secrets.current[0] == 1
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").iterdir()}
    assert modes == {0o600}


def test_every_domain_has_an_authority_and_a_secret_of_its_own(tmp_path: Path) -> None:
    made = [create(configured(tmp_path / name), NAME) for name in "ab"]
    assert made[0].authority != made[1].authority
    assert parties(tmp_path / "a").secrets.current != parties(tmp_path / "b").secrets.current


def test_a_member_creates_no_domain_over_it(tmp_path: Path) -> None:
    create(configured(tmp_path), NAME)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(EnrolmentError, match=NAME):
        create(configured(tmp_path), "other.example.org")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_domain_that_the_configuration_does_not_name_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"domain\.name"):
        create(configured(tmp_path, text='domain.name = "other.example.org"'), NAME)
    assert read_charter(State(tmp_path)) is None


@pytest.mark.parametrize("text", ["dss.serve = false", 'dss.servers = ["dss.test"]'])
def test_where_no_dss_is_to_run_no_domain_is_created(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"dss\.serve"):
        create(configured(tmp_path / "state", text=text), NAME)
    assert not (tmp_path / "state").exists()


def test_creating_goes_on_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(state: State, name: str, text: str) -> None:
        if name == CHARTER:
            raise KeyboardInterrupt
        write(state, name, text)

    write = State.write
    with monkeypatch.context() as patch:
        patch.setattr(State, "write", crash)
        with pytest.raises(KeyboardInterrupt):
            create(configured(tmp_path), NAME)
    authority = (tmp_path / "authority").read_text()
    create(configured(tmp_path), NAME)
    assert (tmp_path / "authority").read_text() == authority
    assert len(parties(tmp_path).roster) == 2


@pytest.mark.asyncio
async def test_a_guest_becomes_a_member_and_says_so_after_a_restart(dss: Dss, tmp_path: Path) -> None:
    charter = await join(configured(tmp_path / "new"), dss.invite(), dss.admit)
    assert (charter.role, charter.servers) == ("node", [("192.0.2.1", 396)])
    files = parties(tmp_path / "new")
    assert files.dss is None
    assert files.node.is_dss(dss.membership.key.public)
    assert files.node.secrets.current == dss.membership.secrets.current
    said = dss.membership.roster.member(files.node.identity)
    assert said is not None
    assert (said.name, said.role) == ("museum", "node")


@pytest.mark.asyncio
async def test_a_dss_becomes_two_members(dss: Dss, tmp_path: Path) -> None:
    charter = await join(configured(tmp_path / "new"), dss.invite("dss"), dss.admit)
    assert charter.peers == [("192.0.2.1", 2010)]
    files = parties(tmp_path / "new")
    assert files.dss is not None
    assert dss.membership.is_dss(files.dss.key.public)
    assert dss.membership.is_member(files.node.key.public)
    assert files.dss.signer is None


@pytest.mark.asyncio
async def test_joining_goes_on_with_the_same_key_after_a_lost_answer(dss: Dss, tmp_path: Path) -> None:
    async def cut_off(invitation: Invitation, key: KeyPair, name: str) -> Welcome:
        await dss.admit(invitation, key, name)
        raise OSError(104, "Connection reset by peer")

    invitation = dss.invite()
    with pytest.raises(OSError, match="reset"):
        await join(configured(tmp_path / "new"), invitation, cut_off)
    assert read_charter(State(tmp_path / "new")) is None
    await join(configured(tmp_path / "new"), invitation, dss.admit)
    assert dss.guests[0].public == dss.guests[1].public
    with pytest.raises(NotAdmitted, match="has been used"):
        await join(configured(tmp_path / "third"), invitation, dss.admit)


@pytest.mark.asyncio
async def test_a_member_joins_only_anew_and_then_with_another_key(dss: Dss, tmp_path: Path) -> None:
    home = configured(tmp_path / "new")
    await join(home, dss.invite(), dss.admit)
    with pytest.raises(EnrolmentError, match="--anew"):
        await join(home, dss.invite(), dss.admit)
    dss.membership.revoke(dss.guests[0].identity)
    await join(home, dss.invite(), dss.admit, anew=True)
    assert parties(tmp_path / "new").node.identity != dss.guests[0].identity
    for name in ("key", "roster", "domain-secrets", CHARTER):
        assert (tmp_path / "new" / f"{name}.former").exists()


@pytest.mark.asyncio
async def test_nobody_joins_anew_under_a_running_node(dss: Dss, tmp_path: Path) -> None:
    home = configured(tmp_path / "new")
    await join(home, dss.invite(), dss.admit)
    running = parties(tmp_path / "new")
    with pytest.raises(EnrolmentError, match="stop it first"):
        await join(home, dss.invite(), dss.admit, anew=True)
    running.close()
    await join(home, dss.invite(), dss.admit, anew=True)


@pytest.mark.asyncio
async def test_a_damaged_membership_is_joined_anew(dss: Dss, tmp_path: Path) -> None:
    home = configured(tmp_path / "new")
    await join(home, dss.invite(), dss.admit)
    State(tmp_path / "new").write(CHARTER, "{")
    with pytest.raises(ConfigError, match="damaged"):
        await join(home, dss.invite(), dss.admit)
    await join(home, dss.invite(), dss.admit, anew=True)
    assert parties(tmp_path / "new").node.is_member(dss.guests[-1].public)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "text", ['domain.name = "other.example.org"', "dss.serve = true", "domain.sealed = false"]
)
async def test_where_the_configuration_contradicts_nobody_is_asked(
    dss: Dss, tmp_path: Path, text: str
) -> None:
    with pytest.raises(ConfigError):
        await join(configured(tmp_path / "new", text=text), dss.invite(), dss.admit)
    assert dss.guests == []
    assert not (tmp_path / "new").exists()


@pytest.mark.asyncio
@pytest.mark.parametrize("lie", ["another key", "another role", "another authority", "no secret"])
async def test_what_does_not_keep_to_the_invitation_makes_no_member(
    dss: Dss, tmp_path: Path, lie: str
) -> None:
    async def liar(invitation: Invitation, key: KeyPair, name: str) -> Welcome:
        welcome = await dss.admit(invitation, key, name)
        signer = Authority.generate() if lie == "another authority" else dss.membership.signer
        assert signer is not None
        public = KeyPair.generate().public if lie == "another key" else key.public
        role: Role = "dss" if lie == "another role" else "node"
        said = signer.sign(Member(public, role, name, (), 9), NAME)
        return Welcome(said, welcome.statements, 1, b"" if lie == "no secret" else welcome.secret)

    with pytest.raises(EnrolmentError, match="did not keep to its invitation"):
        await join(configured(tmp_path / "new"), dss.invite(), liar)
    assert read_charter(State(tmp_path / "new")) is None
