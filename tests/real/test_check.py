"""`nwip check` on real programs: on their own machine, without privilege, and over a cable."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nwip.control import ask
from real.dosbox import dosbox_in
from real.namespaces import two_hosts
from real.port_holders import (
    HTTP,
    Checked,
    check,
    check_as_another,
    held,
    held_by_a_copy,
    node_up,
    one_host,
)

pytestmark = pytest.mark.real("netns")

BORROWED = "another known service on a borrowed port"
LOOK = "unknown, look closer"
OURS = "nwip/NetWare/IP"
FAR = "10.77.0.1"
SHORTLY = ("--timeout", "0.2")  # where nothing is expected to answer

NODE = """
[domain]
name = "games.test"
[node]
name = "museum"
address = "{address}"
[dss]
serve = true
listen = ["{address}"]
[[link]]
kind = "dosbox"
listen = ["{address}"]
"""
OF_A_NODE = {"396/tcp": OURS, "396/udp": OURS, "213/udp": OURS, "2010/tcp": OURS, "43981/udp": OURS}


@pytest.fixture(name="host")
def a_host() -> Iterator[str]:
    with one_host() as name:
        yield name


@pytest.fixture(name="cable")
def a_cable() -> Iterator[tuple[str, str]]:
    with two_hosts(f"{FAR}/24", "10.77.0.2/24") as names:
        yield names


def reasons(checked: Checked, port: int, transport: str) -> str:
    told = checked.found[port, transport]["reasons"]
    assert isinstance(told, list)
    return "; ".join(told)


def process(checked: Checked, port: int, transport: str) -> dict[str, object]:
    found = checked.found[port, transport]["process"]
    assert isinstance(found, dict)
    return found


def test_where_nothing_is_all_is_free_here_and_closed_from_afar(cable: tuple[str, str]) -> None:
    here, there = check(cable[0]), check(cable[1], FAR)
    assert (here.code, there.code) == (0, 0)
    assert len(here.found) == len(there.found) == 12
    assert {one["state"] for one in here.found.values()} == {"free"}
    assert {one["verdict"] for one in there.found.values()} == {"closed"}


def test_a_node_with_its_dss_is_known_here_and_from_afar(cable: tuple[str, str], tmp_path: Path) -> None:
    with node_up(cable[0], tmp_path, NODE.format(address=FAR)):
        here, there = check(cable[0]), check(cable[1], FAR)
    assert (here.code, here.verdicts()) == (there.code, there.verdicts()) == (0, OF_A_NODE)
    for seen in (here, there):
        assert seen.found[396, "tcp"]["protocol"] == "DSS of the domain games.test, museum"
        assert str(seen.found[2010, "tcp"]["protocol"]).startswith("DSS")
        assert seen.found[213, "udp"]["protocol"] == "DOSBox IPX, nwip's server"
    assert process(here, 396, "tcp")["is_nwip"]
    assert there.found[396, "tcp"]["process"] is None


def test_checking_a_node_changes_nothing_in_it(cable: tuple[str, str], tmp_path: Path) -> None:
    def state(control: Path) -> list[object]:
        told = [
            ask(control, {"ask": name}) for name in ("services", "routes", "clients", "links", "dss-status")
        ]
        *rest, links, dss = told
        assert isinstance(links, list)
        assert isinstance(dss, dict)
        tables = [
            {key: link[key] for key in ("name", "hosts", "packets_in", "packets_out")} for link in links
        ]
        counts = {key: dss[key] for key in ("sessions", "records", "owners", "refused", "peers", "alarms")}
        return [*rest, tables, counts]

    with node_up(cable[0], tmp_path, NODE.format(address=FAR)) as control:
        before = state(control)
        for words in ((), ("127.0.0.1",)):
            check(cable[0], *words)
        check(cable[1], FAR)
        assert state(control) == before


def test_a_sealed_dss_is_known(host: str, tmp_path: Path) -> None:
    file = tmp_path / "create.toml"
    file.write_text(f'[node]\nstate = "{tmp_path}/state"\n', "utf-8")
    create = [sys.executable, "-m", "nwip", "--config", str(file), "domain", "create", "games.test"]
    subprocess.run(create, check=True, timeout=30, capture_output=True)
    with node_up(host, tmp_path, NODE.format(address="127.0.0.1")):
        here = check(host)
    assert here.found[396, "tcp"]["protocol"] == "DSS of a sealed domain"
    assert here.verdicts() == OF_A_NODE
    assert "its process is nwip" in reasons(here, 43981, "udp")


@pytest.mark.real("dosbox")
@pytest.mark.asyncio
async def test_a_dosbox_server_is_known_and_keeps_its_table_as_it_was(
    cable: tuple[str, str], tmp_path: Path
) -> None:
    commands = [
        "ipxnet startserver 213",
        "ipxnet status > before.txt",
        ":wait",
        "rescan",
        "if not exist checked.txt goto wait",
        "ipxnet status > after.txt",
        "exit",
    ]
    async with dosbox_in(cable[0], tmp_path, commands) as box:
        async with asyncio.timeout(30):
            while "from port" not in box.text("BEFORE.TXT"):
                await asyncio.sleep(0.05)
        here = await asyncio.to_thread(check, cable[0])
        there = await asyncio.to_thread(check, cable[1], FAR)
        (tmp_path / "CHECKED.TXT").touch()
        await box.finished(within=30)
    assert box.text("AFTER.TXT") == box.text("BEFORE.TXT") != ""
    assert (here.code, here.found[213, "udp"]["verdict"]) == (1, BORROWED)
    assert process(here, 213, "udp")["package"] in {"dosbox", None}
    assert (there.code, there.verdicts()) == (0, {"213/udp": "open or filtered"})


@pytest.mark.real("dosbox")
@pytest.mark.asyncio
async def test_a_dosbox_server_is_known_from_afar_to_who_takes_a_place_there(
    cable: tuple[str, str], tmp_path: Path
) -> None:
    async with dosbox_in(cable[0], tmp_path, ["ipxnet startserver 213", "ipxnet status > up.txt"]) as box:
        async with asyncio.timeout(30):
            while "from port" not in box.text("UP.TXT"):
                await asyncio.sleep(0.05)
        there = await asyncio.to_thread(check, cable[1], FAR, "--register")
    assert (there.code, there.verdicts()) == (1, {"213/udp": BORROWED})


def test_a_web_server_on_396_is_known_here_and_from_afar(cable: tuple[str, str]) -> None:
    with held(cable[0], "396", program=HTTP) as server:
        here, there = check(cable[0]), check(cable[1], FAR)
    for seen in (here, there):
        assert (seen.code, seen.verdicts()) == (1, {"396/tcp": BORROWED})
        assert seen.found[396, "tcp"]["protocol"] == "HTTP"
    found = process(here, 396, "tcp")
    assert (found["pid"], found["user"]) == (server.pid, "root")
    assert found["started"]
    assert found["parent"]


def test_a_mute_listener_is_to_be_looked_at(cable: tuple[str, str]) -> None:
    with held(cable[0], "tcp/396", "udp/43981"):
        here, there = check(cable[0], *SHORTLY), check(cable[1], FAR, *SHORTLY)
    assert (here.code, here.verdicts()) == (1, {"396/tcp": LOOK, "43981/udp": LOOK})
    assert (there.code, there.verdicts()) == (1, {"396/tcp": LOOK, "43981/udp": "open or filtered"})
    assert "no protocol that is known" in reasons(here, 396, "tcp")


def test_a_process_whose_executable_is_gone_is_to_be_looked_at(host: str, tmp_path: Path) -> None:
    with held_by_a_copy(host, tmp_path, "tcp/396", deleted=True) as copy:
        here = check(host, *SHORTLY)
    assert (here.code, here.verdicts()) == (1, {"396/tcp": LOOK})
    assert "was deleted" in reasons(here, 396, "tcp")
    found = process(here, 396, "tcp")
    assert (found["pid"], found["deleted"], found["executable"]) == (
        copy.pid,
        True,
        str(tmp_path / "backdoor"),
    )


def test_a_web_server_from_a_temporary_directory_is_to_be_looked_at(host: str, tmp_path: Path) -> None:
    with held_by_a_copy(host, tmp_path, "udp/213"):
        here = check(host, *SHORTLY)
    assert (here.code, here.verdicts()) == (1, {"213/udp": LOOK})
    assert "directory for temporary files" in reasons(here, 213, "udp")


def test_without_privilege_a_socket_of_another_user_is_seen_and_what_is_not_is_said(host: str) -> None:
    with held(host, "tcp/524", "udp/396"):
        here = check_as_another(host, *SHORTLY)
    assert (here.code, here.verdicts()) == (1, {"524/tcp": LOOK, "396/udp": LOOK})
    assert here.found[524, "tcp"]["process"] is None
    assert "takes privilege" in reasons(here, 524, "tcp")
    assert any("other users are not seen" in note for note in here.notes)
    assert here.found[213, "tcp"]["verdict"] == "free"


def test_without_privilege_another_users_dss_is_known_by_what_it_answers(host: str, tmp_path: Path) -> None:
    with node_up(host, tmp_path, NODE.format(address="127.0.0.1")):
        here = check_as_another(host)
    assert here.found[396, "tcp"]["verdict"] == OURS
    assert here.found[396, "tcp"]["process"] is None


def test_a_dss_on_a_port_of_something_else_is_a_misconfiguration(host: str, tmp_path: Path) -> None:
    text = NODE.format(address="127.0.0.1").replace("serve = true", "serve = true\nport = 524")
    with node_up(host, tmp_path, text):
        here = check(host)
    assert (here.code, here.found[524, "tcp"]["verdict"]) == (1, "misconfiguration")
    assert "belongs on TCP 396" in reasons(here, 524, "tcp")


def test_processes_that_share_a_port_are_told_each_by_itself(host: str) -> None:
    with held(host, "396", "127.0.0.1", program=HTTP) as web, held(host, "tcp/396@127.0.0.2") as mute:
        rows = [one for one in check(host).rows if (one["port"], one["transport"]) == (396, "tcp")]
    told = [(one["address"], one["verdict"], one["process"]) for one in rows]
    assert [(address, verdict) for address, verdict, _ in told] == [
        ("127.0.0.1", BORROWED),
        ("127.0.0.2", LOOK),
    ]
    assert [found["pid"] for _, _, found in told if isinstance(found, dict)] == [web.pid, mute.pid]


def test_a_server_on_ipv6_is_known(host: str) -> None:
    with held(host, "396", "::", program=HTTP):
        here, there = check(host), check(host, "::1")
    assert here.verdicts() == there.verdicts() == {"396/tcp": BORROWED}


def test_a_port_that_is_held_without_listening_is_to_be_looked_at(host: str) -> None:
    with held(host, "tcp/396@127.0.0.9"):
        here = check(host)
    assert (here.code, here.verdicts()) == (1, {"396/tcp": LOOK})
    assert "cannot be bound" in reasons(here, 396, "tcp")


def test_a_host_that_is_not_there_cannot_be_reached(cable: tuple[str, str]) -> None:
    gone = check(cable[1], "10.77.0.77", "--timeout", "0.2")
    assert (gone.code, gone.found) == (3, {})
    assert "does not answer" in gone.notes[0]


def test_a_dss_that_does_not_admit_us_is_known_all_the_same(tmp_path: Path) -> None:
    text = NODE.format(address="192.0.2.1")
    with two_hosts("192.0.2.1/24", "192.0.2.2/24") as (near, far), node_up(near, tmp_path, text):
        there = check(far, "192.0.2.1", "--port", "396")
    assert there.verdicts() == {"396/tcp": OURS, "396/udp": "open or filtered"}
    assert "refuses" in reasons(there, 396, "tcp")


def test_of_a_small_network_those_who_are_there_are_told(cable: tuple[str, str]) -> None:
    with held(cable[0], "396", program=HTTP):
        told = check(cable[1], "10.77.0.0/29", "--timeout", "0.3", "--port", "396")
    assert told.code == 1
    assert {one["host"] for one in told.rows} == {"10.77.0.1", "10.77.0.2"}
    assert told.notes == ["4 addresses of networks have not answered at all"]
