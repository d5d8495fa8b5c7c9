"""`nwip domain` and `nwip join` as they are typed: what they print, and with which exit code they end."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cli.running_node import RunningNode, nwip
from nwip.charter import CHARTER, read_charter
from nwip.cli import remote
from nwip.config import ConfigError
from nwip.control import Answer
from nwip.dss import guest
from nwip.dss.reader import DssRefused
from nwip.security.invitations import Invitation
from nwip.state import State
from security.membership_parts import AUTHORITY, key

INVITED = {
    "invitation": "nwip1:abc",
    "domain": "nwip.example.org",
    "role": "node",
    "name": "museum",
    "networks": [],
    "servers": ["192.0.2.1:396"],
    "seconds": 86400.0,
}
MEMBERS = [
    {"name": "one", "role": "dss", "identity": "3f0a51", "networks": [], "serial": 1, "state": "here"},
    {
        "name": "mu\x1bseum",
        "role": "node",
        "identity": "77",
        "networks": ["00C0FFEE"],
        "serial": 2,
        "state": "",
    },
    {"name": "gone", "role": "", "identity": "88", "networks": [], "serial": 3, "state": "revoked"},
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state directory of whoever types."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("NWIP_CONFIG", str(tmp_path / "nwip.toml"))
    (tmp_path / "nwip.toml").write_text('node.name = "museum"\n')
    return tmp_path / "state"


def line_to(*servers: tuple[str, int]) -> str:
    return Invitation(
        domain="nwip.example.org",
        servers=list(servers),
        dss_key=key("dss").public,
        authority=AUTHORITY.public,
        secret=bytes(16),
    ).encode()


def test_create_says_what_to_do_next(home: Path) -> None:
    result = nwip("domain", "create", "nwip.example.org")
    assert (result.exit_code, result.stderr) == (0, "")
    assert str(home) in result.stdout
    assert "next: nwip up" in result.stdout
    charter = read_charter(State(home))
    assert charter is not None
    assert charter.domain == "nwip.example.org"


def test_create_in_json_shows_no_secret(home: Path) -> None:
    result = nwip("domain", "create", "nwip.example.org", "--json")
    (row,) = json.loads(result.stdout)["domain"]
    assert row["domain"] == "nwip.example.org"
    for name in ("authority", "key", "dss-key"):
        assert (home / name).read_text().strip() not in result.stdout


def test_create_does_not_make_a_second_domain(home: Path) -> None:
    nwip("domain", "create", "nwip.example.org")
    result = nwip("domain", "create", "other.example.org")
    assert result.exit_code == 1
    assert "already" in result.stderr


@pytest.mark.parametrize("name", ["a b", "", "x" * 254, "\x1b[2J"])
def test_create_wants_a_name(home: Path, name: str) -> None:
    result = nwip("domain", "create", name)
    assert result.exit_code == 2
    assert "\x1b" not in result.stderr
    assert not home.exists()


def test_a_directory_that_cannot_be_written_is_one_line(home: Path) -> None:
    home.write_text("in the way")
    result = nwip("domain", "create", "nwip.example.org")
    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1


def test_invite_prints_the_line_to_paste_first(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "c", {"domain-invite": INVITED}) as node:
        result = node.nwip(
            "domain", "invite", "--name", "museum", "--network", "c0ffee", "--server", "dss.test"
        )
        assert result.exit_code == 0
        assert result.stdout.splitlines()[0] == "nwip join nwip1:abc"
        assert "within 24 hours" in result.stdout
        assert "one node called museum" in result.stdout
        assert node.asked == [
            {
                "ask": "domain-invite",
                "name": "museum",
                "role": "node",
                "networks": [0xC0FFEE],
                "servers": ["dss.test"],
            }
        ]
        assert json.loads(node.nwip("domain", "invite", "--json").stdout) == {
            "schema": 1,
            "invite": [INVITED],
        }


@pytest.mark.parametrize(
    ("servers", "only"), [(["127.0.0.1:396", "[::1]:396"], True), (["127.0.0.1:396", "192.0.2.1:396"], False)]
)
def test_a_line_that_leads_nowhere_else_says_so(tmp_path: Path, servers: list[str], *, only: bool) -> None:
    with RunningNode(tmp_path / "c", {"domain-invite": INVITED | {"servers": servers}}) as node:
        assert ("--server" in node.nwip("domain", "invite").stdout) == only


@pytest.mark.parametrize("text", ["0", "XYZ", "FFFFFFFF", "123456789"])
def test_invite_wants_networks(tmp_path: Path, text: str) -> None:
    assert nwip("domain", "invite", "--network", text, "--control", str(tmp_path)).exit_code == 2


def test_members_are_a_table_that_commands_no_terminal(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "c", {"domain-members": MEMBERS}) as node:
        lines = node.nwip("domain", "members").stdout.splitlines()
        assert lines[0].split() == ["NAME", "ROLE", "IDENTITY", "NETWORKS", "STATE"]
        assert lines[1].split() == ["one", "dss", "3f0a51", "-", "here"]
        assert lines[2].split() == ["mu\\x1bseum", "node", "77", "00C0FFEE", "-"]
        assert lines[3].split() == ["gone", "-", "88", "-", "revoked"]
        assert json.loads(node.nwip("domain", "members", "--json").stdout)["members"] == MEMBERS


def test_revoke_and_rotate_say_what_was_done(tmp_path: Path) -> None:
    answers = {
        "domain-revoke": {"name": "museum", "role": "node", "identity": "3f0a51"},
        "domain-rotate": {"domain": "nwip.example.org", "epoch": 2},
    }
    with RunningNode(tmp_path / "c", answers) as node:
        assert node.nwip("domain", "revoke", "museum").stdout == "museum (3f0a51) is revoked\n"
        assert node.asked[-1] == {"ask": "domain-revoke", "member": "museum"}
        assert "epoch 2" in node.nwip("domain", "rotate").stdout
        for what, more in (("revoke", ["museum"]), ("rotate", [])):
            shown = json.loads(node.nwip("domain", what, *more, "--json").stdout)
            assert shown[what] == [answers[f"domain-{what}"]]


@pytest.mark.parametrize("command", [["invite"], ["members"], ["revoke", "x"], ["rotate"]])
def test_a_no_of_the_node_and_no_node_have_their_exit_codes(tmp_path: Path, command: list[str]) -> None:
    no = Answer(1, "this node's domain is open")
    with RunningNode(tmp_path / "c", {f"domain-{command[0]}": no}) as node:
        result = node.nwip("domain", *command)
        assert (result.exit_code, result.stderr) == (1, "nwip: this node's domain is open\n")
    result = nwip("domain", *command, "--control", str(tmp_path / "nobody"))
    assert result.exit_code == 3


@pytest.mark.parametrize("token", ["nwip2:abc", "nwip1:", "hello", line_to(("192.0.2.1", 396))[:-1]])
def test_a_wrong_line_is_a_usage_error_in_one_sentence(home: Path, token: str) -> None:
    result = nwip("join", token)
    assert result.exit_code == 2
    assert result.stderr.startswith("nwip: this invitation is not") or "no invitation" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not home.exists()


def test_a_dss_that_cannot_be_reached_is_exit_code_3_and_the_line_is_still_good(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    result = nwip("join", line_to(("127.0.0.1", port)))
    assert result.exit_code == 3
    assert f"127.0.0.1:{port}" in result.stderr
    assert read_charter(State(home)) is None


def test_who_may_not_read_the_membership_asks_as_a_stranger(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nwip("domain", "create", "nwip.example.org")
    asking = remote.own_membership()
    assert asking is not None
    assert asking.domain == "nwip.example.org"

    def locked(state: State, name: str) -> str:
        raise PermissionError(13, "Permission denied", name)

    with monkeypatch.context() as patch:
        patch.setattr(State, "read", locked)
        assert remote.own_membership() is None
    (home.parent / "nwip.toml").write_text("broken")
    assert remote.own_membership() is None
    (home.parent / "nwip.toml").write_text("")
    (home / CHARTER).write_text("{")
    with pytest.raises(ConfigError, match="damaged"):
        remote.own_membership()


def put(monkeypatch: pytest.MonkeyPatch, going: Callable[..., Awaitable[object]]) -> None:
    monkeypatch.setattr(guest, "join_domain", going)


def test_an_invitation_that_lets_nobody_in_is_exit_code_1(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        await asyncio.sleep(0)
        raise DssRefused("the DSS refused: this invitation has expired")

    put(monkeypatch, refuse)
    result = nwip("join", line_to(("192.0.2.1", 396)))
    assert (result.exit_code, result.stderr) == (1, "nwip: the DSS refused: this invitation has expired\n")


def test_ctrl_c_is_exit_code_130(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*_: object) -> None:
        await asyncio.sleep(0)
        raise KeyboardInterrupt

    put(monkeypatch, interrupted)
    assert nwip("join", line_to(("192.0.2.1", 396))).exit_code == 130


def test_a_domain_that_the_configuration_does_not_name_is_not_joined(home: Path) -> None:
    (home.parent / "nwip.toml").write_text('domain.name = "other.example.org"\n')
    result = nwip("join", line_to(("192.0.2.1", 396)))
    assert result.exit_code == 2
    assert "domain.name" in result.stderr


def test_a_member_is_told_how_to_join_anew(home: Path) -> None:
    nwip("domain", "create", "nwip.example.org")
    before = (home / CHARTER).read_bytes()
    result = nwip("join", line_to(("192.0.2.1", 396)))
    assert result.exit_code == 1
    assert "--anew" in result.stderr
    assert (home / CHARTER).read_bytes() == before
