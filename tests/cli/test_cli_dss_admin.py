"""`nwip dss`: two real DSSs on loopback, one of them with a node's control socket before it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

import pytest
from click.testing import Result
from msgspec.structs import replace

from cli.running_node import RunningNode, nwip
from nwip.control import ControlServer
from nwip.directory.grants import Grant
from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Node, Record, Route, Service, Value
from nwip.dss.messages import Delta
from nwip.dss.server import DssServer
from nwip.dss_views import DssViews

OWNER, OTHER = bytes(range(16)), b"\xee" * 16
PARAMETERS = Parameters(domain="nwip.example.org", identity=b"D" * 16)
VALUES: tuple[Value, ...] = (
    Node(bytes.fromhex("7E017F000001"), "museum\x9b2J"[:6], [("127.0.0.1", 43981)]),
    Service(4, "MU\x1b[2J", 0xABCD01, b"\0\0\0\0\0\1", 0x451, 1),
    Service(0x47, "PRINTER", 0xABCD01, b"\0\0\0\0\0\1", 0x8060, 0),
    Route(0xABCD01, 0, 1),
)


class Here:
    """As much of a node as its DSS's views see."""

    def __init__(self, dss: DssServer) -> None:
        self.dss = dss


class Domain(NamedTuple):
    """Two DSSs that do not know each other, and the control socket before the first."""

    control: Path
    left: str
    right: str
    loop: asyncio.AbstractEventLoop
    first: DssServer

    def here(self, *arguments: str) -> Result:
        return nwip("dss", *arguments, "--control", str(self.control))


def holds(server: DssServer, owner: bytes, *records: Record) -> None:
    now = asyncio.get_running_loop().time()
    server.engine.take_in(Delta([Lease(owner, 1, 1, 600.0, 120.0)], list(records)), b"", now)


async def _serve(path: Path, started: "threading.Event", stop: asyncio.Event, found: list[object]) -> None:
    servers = []
    for letter, name in ((b"D", "one"), (b"E", "two")):
        server = DssServer(
            PARAMETERS, identity=letter * 16, boot=letter * 16, name=name, admit=lambda _: True
        )
        await server.start([("127.0.0.1", 0)])
        servers.append(server)
    for server in servers:
        holds(server, OWNER, *(Record(OWNER, 1, counter, value) for counter, value in enumerate(VALUES, 1)))
    control = ControlServer(path, DssViews(Here(servers[0])).handlers())
    await control.start()
    found += servers
    started.set()
    await stop.wait()
    await control.close()
    for server in servers:
        await server.close()


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[Domain]:
    started, stop, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()
    found: list[object] = []
    path = tmp_path / "control.sock"
    thread = threading.Thread(target=loop.run_until_complete, args=(_serve(path, started, stop, found),))
    thread.start()
    assert started.wait(30)
    one, two = cast("list[DssServer]", found)
    ports = [server.endpoints[0][1] for server in (one, two)]
    yield Domain(path, f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}", loop, one)
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)
    loop.close()


def run(domain: Domain, records: list[Record], owner: bytes = OWNER) -> None:
    """Let the first DSS hear of records."""

    async def hear() -> None:
        holds(domain.first, owner, *records)

    asyncio.run_coroutine_threadsafe(hear(), domain.loop).result(10)


def test_status_shows_role_records_and_owners(domain: Domain) -> None:
    result = domain.here("status")
    assert result.exit_code == 0
    for line in (
        "dss         one, 44444444444444444444444444444444",
        "role        primary: it owns the domain's parameters",
        "records     2 service, 1 route, 1 node",
        "owners      1 live: 1 heard, 0 not yet heard",
        "store       none",
    ):
        assert line in result.stdout.splitlines()
    (row,) = json.loads(domain.here("status", "--json").stdout)["status"]
    assert row["role"] == "primary"


def test_status_shows_other_dss_and_alarms(tmp_path: Path) -> None:
    peer = {"name": "two", "identity": "ee" * 16, "address": "192.0.2.2", "since": 60, "last_heard": 1.5}
    peer |= {"lag": 0, "records_in": 3, "records_out": 4, "repairs": 1, "synchronised": True}
    answer = {
        "name": "one",
        "role": "secondary",
        "peers": [peer],
        "alarms": ["the store fails: \x1b[2J full"],
    }
    with RunningNode(tmp_path / "control.sock", {"dss-status": answer}) as node:
        result = node.nwip("dss", "status")
    assert "ALARM       the store fails: \\x1b[2J full" in result.stdout
    assert result.stdout.splitlines()[-1].split() == [
        *("two", "eeeeeeee", "192.0.2.2", "1", "min", "0", "s", "1.5", "s", "0.0", "s", "3", "4", "1")
    ]


def test_records_of_the_dss_here_and_of_one_over_the_network_are_the_same(domain: Domain) -> None:
    found = []
    for arguments in (("--control", str(domain.control)), ("--dss", domain.left)):
        rows = json.loads(nwip("dss", "records", "--json", *arguments).stdout)["records"]
        for row in rows:
            assert 120 <= row.pop("age") < 180
            assert 420 < row.pop("left") <= 480
            row.pop("from")
        found.append(rows)
    assert found[0] == found[1]
    assert [row["what"] for row in found[0]] == [
        "7E017F000001", "00ABCD01", "0004 MU\x1b[2J", "0047 PRINTER",
    ]  # fmt: skip


def test_records_are_chosen_and_shown_without_what_commands_a_terminal(domain: Domain) -> None:
    result = domain.here("records", "--type", "4", "--age", ">30s", "--owner", "museum", "--kind", "service")
    assert result.exit_code == 0
    assert "MU\\x1b[2J" in result.stdout
    assert "1.2" in result.stdout
    assert result.stdout.count("\n") == 2
    none = domain.here("records", "--age", "<30s")
    assert (none.exit_code, none.stderr) == (1, "nwip: no records found\n")


@pytest.mark.parametrize("age", ["30s", ">", ">30 weeks", "=3", ">-1", ">nan"])
def test_what_is_no_age_is_a_usage_error(age: str) -> None:
    result = nwip("dss", "records", "--age", age)
    assert result.exit_code == 2
    assert "'>30s'" in result.stderr


def test_diff_of_two_that_hold_the_same_is_exit_code_0(domain: Domain) -> None:
    result = nwip("dss", "diff", domain.left, domain.right)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "hold the same: 4 records" in result.stdout


def test_diff_says_what_is_only_at_one_or_newer_and_which_parameters_differ(domain: Domain) -> None:
    run(domain, [Record(OWNER, 1, 9, VALUES[2])])
    run(domain, [Record(OTHER, 1, 1, Route(0xABCD02, 0, 1))], OTHER)

    async def change() -> None:
        domain.first.set_parameters(replace(PARAMETERS, version=2, lease=30.0))

    asyncio.run_coroutine_threadsafe(change(), domain.loop).result(10)
    result = nwip("dss", "diff", domain.left, domain.right, "--json")
    assert result.exit_code == 1
    assert "differ in 2 records and 2 parameters" in result.stderr
    answer = json.loads(result.stdout)
    assert {(row["difference"], row["what"]) for row in answer["diff"]} == {
        ("newer-left", "0047 PRINTER"),
        ("only-left", "00ABCD02"),
    }
    assert {row["key"] for row in answer["parameters"]} == {"version", "lease"}
    turned = nwip("dss", "diff", domain.right, domain.left)
    assert {line.split()[0] for line in turned.stdout.splitlines()} >= {"newer-right", "only-right", "lease"}


def test_diff_with_a_dss_that_is_not_there_is_exit_code_3(domain: Domain) -> None:
    assert nwip("dss", "diff", domain.left, "127.0.0.1:1").exit_code == 3
    assert nwip("dss", "diff", domain.left, ":x").exit_code == 2


def test_promote_says_who_is_primary_already(domain: Domain) -> None:
    result = domain.here("promote")
    assert (result.exit_code, result.stdout) == (0, "one is the primary already (term 1)\n")


def test_promote_says_from_whom_to_whom(tmp_path: Path) -> None:
    answer = {"changed": True, "before": {"name": "two"}, "primary": {"name": "one"}, "term": 4}
    with RunningNode(tmp_path / "control.sock", {"dss-promote": answer}) as node:
        result = node.nwip("dss", "promote")
    assert result.stdout == "the primary was two; now it is one (term 4)\n"


def test_forget_drops_and_says_that_the_living_come_back(domain: Domain) -> None:
    result = domain.here("forget", "museum")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"4 records of museum ({OWNER.hex()}) dropped")
    assert "comes back by itself" in result.stdout
    assert domain.here("records").exit_code == 1
    assert domain.here("forget", "museum").exit_code == 1


def test_parameters_are_shown_with_their_defaults_here_and_over_the_network(domain: Domain) -> None:
    here, there = domain.here("parameters"), nwip("dss", "parameters", "--dss", domain.left)
    assert here.stdout == there.stdout
    lines = [line.split() for line in here.stdout.splitlines()]
    assert ["network", "4E574950", "4E574950"] in lines
    assert ["lease", "15", "15"] in lines
    assert ["filters", "none", "none"] in lines


def test_parameters_are_set_with_filters_from_a_file_first_dry(domain: Domain, tmp_path: Path) -> None:
    file = tmp_path / "filters.toml"
    file.write_text('[[filter]]\naction = "deny"\nname = "PRINT*"\n')
    dry = domain.here("parameters", "set", "network=C0FFEE", "--filters", str(file), "--dry-run")
    assert dry.exit_code == 0, dry.stderr
    assert "0047 PRINTER" in dry.stdout
    assert "these nodes must be restarted: museum" in dry.stdout
    assert "nothing was changed" in dry.stdout
    assert domain.first.parameters == PARAMETERS
    done = domain.here("parameters", "set", "lease=30", "--filters", str(file), "--json")
    (row,) = json.loads(done.stdout)["set"]
    assert row["version"] == 2
    assert domain.first.parameters.filters[0].name == "PRINT*"
    assert "hidden" in domain.here("records", "--type", "47").stdout
    assert "nothing changes" in domain.here("parameters", "set", "lease=30").stdout


def test_grants_are_set_from_a_file(domain: Domain, tmp_path: Path) -> None:
    file = tmp_path / "grants.toml"
    file.write_text('[[grant]]\nnetworks = ["C0FFEE", "1"]\nowner = "museum"\nsource = "192.0.2.0/24"\n')
    done = domain.here("parameters", "set", "networks=listed", "--grants", str(file))
    assert done.exit_code == 0, done.stderr
    assert domain.first.parameters.networks == "listed"
    assert domain.first.parameters.grants == (Grant((0xC0FFEE, 1), "museum", "192.0.2.0/24"),)
    lines = domain.here("parameters").stdout.splitlines()
    assert any(line.split()[:2] == ["networks", "listed"] for line in lines)
    assert any("networks 00C0FFEE,00000001 owner museum source 192.0.2.0/24" in line for line in lines)
    file.write_text("")
    assert domain.here("parameters", "set", "--grants", str(file)).exit_code == 0
    assert not domain.first.parameters.grants


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "KEY=VALUE"),
        (("lease",), "KEY=VALUE"),
        (("lease=30", "lease=40"), "twice"),
        (("lease=9",), "more than twice the renewal"),
        (("bogus=1",), "there are: profile, network"),
    ],
)
def test_what_cannot_be_set_is_exit_code_2(domain: Domain, arguments: tuple[str, ...], said: str) -> None:
    result = domain.here("parameters", "set", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_export_is_imported_again_after_a_loss(domain: Domain, tmp_path: Path) -> None:
    file = tmp_path / "backup.jsonl"
    assert domain.here("export", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    known = json.loads(domain.here("import", str(file), "--json").stdout)["import"][0]
    assert known["records"] == {"new": 0, "known": 4, "older": 0, "refused": 0}
    run(domain, [Record(OWNER, 1, 9, VALUES[2])])
    result = domain.here("import", str(file))
    assert "0 records new, 3 known, 1 older than what is here, 0 refused" in result.stdout
    assert "kept as they are here" in result.stdout


def test_an_export_over_the_network_has_the_same_records(domain: Domain) -> None:
    here = domain.here("export").stdout.splitlines()
    there = nwip("dss", "export", "--dss", domain.left).stdout.splitlines()
    records = [[line for line in lines if '"type":"record"' in line] for lines in (here, there)]
    assert len(records[0]) == 4
    assert sorted(records[0]) == sorted(records[1])


def test_a_long_file_comes_in_parts_and_a_damaged_line_changes_nothing(
    domain: Domain, tmp_path: Path
) -> None:
    run(domain, [Record(OTHER, 1, number, Route(number, 0, 1)) for number in range(1, 1001)], OTHER)
    file = tmp_path / "backup.jsonl"
    assert domain.here("export", str(file)).exit_code == 0
    assert "1004 known" in domain.here("import", str(file)).stdout
    lines = file.read_bytes().splitlines(keepends=True)
    for damage, said in (
        (b'{"type":"record"\n', "line 900 is damaged"),
        (b"\xff\n", "line 900 is not UTF-8"),
    ):
        file.write_bytes(b"".join([*lines[:899], damage, *lines[900:]]))
        result = domain.here("import", str(file))
        assert result.exit_code == 2
        assert said in result.stderr
        assert "nothing was imported" in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_file_of_another_domain_is_refused(domain: Domain, tmp_path: Path) -> None:
    file = tmp_path / "other.jsonl"
    file.write_text('{"type":"header","schema":1,"domain":"other.example.org"}\n')
    result = domain.here("import", str(file))
    assert result.exit_code == 2
    assert "line 1 says domain other.example.org" in result.stderr


def test_a_file_that_cannot_be_written_leaves_nothing_behind(domain: Domain, tmp_path: Path) -> None:
    result = domain.here("export", str(tmp_path / "none" / "backup.jsonl"))
    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.glob(".*"))
