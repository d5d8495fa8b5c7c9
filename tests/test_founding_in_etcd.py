"""DSSs that share a cluster: the first founds the domain, the next belong to it, and all may go and come."""

import asyncio
import contextlib
import json
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from etcd_cluster import EtcdCluster
from real.mistaken import Place

PORTS = {"one": 20396, "two": 21396}


def place(folder: Path, name: str, endpoints: tuple[str, ...] = (), further: str = "") -> Place:
    """Return a DSS at a cluster, or without endpoints one that keeps its directory in a file."""
    port = PORTS[name]
    store = f'store = "etcd"\n[etcd]\nendpoints = {json.dumps(endpoints)}' if endpoints else ""
    dss = f"serve = true\nport = {port}\npeer-port = {port + 1}\n{further}\n{store}\n"
    return Place(folder / name, f"{node(name, port + 2)}[dss]\n{dss}")


def visitor(folder: Path) -> Place:
    """Return a node that goes to whichever DSS is there."""
    servers = json.dumps([f"127.0.0.1:{port}" for port in PORTS.values()])
    return Place(folder / "visitor", f"{node('visitor', 22398)}[dss]\nservers = {servers}\n")


def node(name: str, port: int) -> str:
    paths = 'state = "state"\ncontrol = "c.sock"'
    return f'[domain]\nname = "shared.example"\n[node]\nname = "{name}"\n{paths}\nport = {port}\n'


def status(at: Place) -> dict[str, Any]:
    told = at.nwip("dss", "status", "--json")
    assert told.stdout, told.stderr
    return cast("dict[str, Any]", json.loads(told.stdout)["status"][0])


def until(at: Place, wanted: Any) -> dict[str, Any]:
    end = time.monotonic() + 30
    while not wanted(row := status(at)):
        assert time.monotonic() < end, row
        time.sleep(0.2)
    return row


@pytest.mark.asyncio
@pytest.mark.real("etcd")
async def test_two_dss_share_a_domain_and_say_how_it_stands_with_their_cluster(tmp_path: Path) -> None:
    async with EtcdCluster(tmp_path, 1) as cluster:

        def live() -> None:
            one, two = (place(tmp_path, name, cluster.endpoints) for name in PORTS)
            with ExitStack() as stack:
                stack.enter_context(one.up())
                assert until(one, lambda row: row["role"] == "primary")["rank"]["term"] == 1
                stack.enter_context(two.up())
                row = until(two, lambda row: row["role"] == "secondary" and row["store"]["carries"])
                assert row["primary"]["name"] == "one"
                assert row["store"]["kind"] == "etcd"
                assert row["store"]["place"] == cluster.endpoints[0]
                assert row["records"]["node"] == 2
                assert "shared with 1 other DSSs" in two.nwip("dss", "status").stdout
                cluster.kill(0)
                row = until(two, lambda row: row["store"]["problem"])
                assert row["store"]["failing"] >= 0
                assert any(alarm.startswith("the shared store fails: etcd") for alarm in row["alarms"])
                assert "FAILS for" in two.nwip("dss", "status").stdout
                metrics = two.nwip("metrics").stdout
                assert 'nwip_dss_store_failing_seconds{kind="etcd"}' in metrics
                cluster.start(0)
                until(two, lambda row: not row["store"]["problem"])

        await asyncio.to_thread(live)


@pytest.mark.asyncio
@pytest.mark.real("etcd")
async def test_a_cluster_that_has_lost_all_its_disks_is_filled_anew_by_its_dss(tmp_path: Path) -> None:
    async with EtcdCluster(tmp_path, 1) as cluster:
        one = place(tmp_path, "one", cluster.endpoints)
        with one.up():
            await asyncio.to_thread(until, one, lambda row: row["role"] == "primary")
            cluster.kill(0)
            shutil.rmtree(tmp_path / "n0")
            cluster.start(0)
            async with asyncio.timeout(30):
                keys = ""
                while keys.count("/owner/") < 2 or "/parameters" not in keys:
                    await asyncio.sleep(0.3)
                    with contextlib.suppress(AssertionError):  # it is not up yet
                        keys = await cluster.ctl("get", "--prefix", "--keys-only", "nwip/shared.example/")
            assert keys.count("/record/") == 2, "the node, and the DSS"


def is_heard(row: dict[str, Any]) -> bool:
    """Say whether the visitor has a session with this DSS, beside the node there."""
    return bool(row["sessions"]["nodes"] == 2 and row["owners"]["heard"] >= 3)  # both, and the DSS itself


def brought(source: Place, at: Place) -> None:
    """Move what one DSS hears to another, over the network and through a pipe."""
    told = source.nwip("dss", "export", "--dss", f"127.0.0.1:{PORTS[source.folder.name]}")
    assert not told.returncode, told.stderr
    (at.folder / "moved.jsonl").write_text(told.stdout)
    assert not at.nwip("dss", "import", "moved.jsonl").returncode
    assert '"visitor"' in at.nwip("dss", "records", "--json").stdout


@pytest.mark.asyncio
@pytest.mark.real("etcd")
async def test_a_domain_moves_into_a_cluster_and_back_while_its_node_goes_on(tmp_path: Path) -> None:
    async with EtcdCluster(tmp_path, 1) as cluster:

        def live() -> None:
            old, new, guest = (
                place(tmp_path, "one"),
                place(tmp_path, "two", cluster.endpoints),
                visitor(tmp_path),
            )
            with ExitStack() as stack:
                at_new = stack.enter_context(ExitStack())
                with old.up():
                    stack.enter_context(guest.up())
                    until(old, is_heard)
                    at_new.enter_context(new.up())
                    brought(old, new)
                until(new, is_heard)
                with old.up():
                    brought(new, old)
                    at_new.close()
                    until(old, is_heard)

        await asyncio.to_thread(live)


@pytest.mark.asyncio
@pytest.mark.real("etcd")
async def test_a_dss_at_a_cluster_takes_a_domain_from_one_with_a_file_and_gives_it_back(
    tmp_path: Path,
) -> None:
    async with EtcdCluster(tmp_path, 1) as cluster:

        def live() -> None:
            named = {name: f'peers = ["127.0.0.1:{PORTS[name] + 1}"]' for name in PORTS}
            old, new = (
                place(tmp_path, "one", (), named["two"]),
                place(tmp_path, "two", cluster.endpoints, named["one"]),
            )
            with old.up(), new.up():
                assert until(new, lambda row: row["peers"])["role"] == "new"
                assert not old.nwip("dss", "promote").returncode
                assert not old.nwip("dss", "parameters", "set", "lease=30", "renewal=10").returncode
                row = until(new, lambda row: row["role"] == "secondary" and row["records"]["node"] == 2)
                for here, other in ((new, old), (old, new)):
                    assert not here.nwip("dss", "promote").returncode
                    until(other, lambda row: row["role"] == "secondary")
                    until(here, lambda row: row["role"] == "primary" and not row["store"]["waiting"])
            third = place(tmp_path, "two", cluster.endpoints)
            with third.up():
                row = until(third, lambda row: row["role"] == "secondary")
                assert row["primary"]["name"] != "two"
                assert "30" in third.nwip("dss", "parameters").stdout

        await asyncio.to_thread(live)


def test_a_cluster_that_is_not_there_is_told_and_the_dss_runs(tmp_path: Path) -> None:
    one = place(tmp_path, "one", ("http://127.0.0.1:9",))
    with one.up():
        row = until(one, lambda row: row["store"]["problem"])
        assert row["role"] == "new"
        assert "http://127.0.0.1:9" in row["store"]["problem"]


def test_no_command_and_no_log_shows_the_password(tmp_path: Path) -> None:
    secret = "S3CRET-of-etcd"  # noqa: S105 - a stand-in
    one = place(tmp_path, "one", ("http://127.0.0.1:9",))
    file = one.folder / "nwip.toml"
    file.write_text(file.read_text() + f'user = "nwip"\npassword = "{secret}"\n')
    file.chmod(0o644)
    with one.up():
        until(one, lambda row: row["store"]["problem"])
        said = [one.nwip(*line.split()) for line in ("dss status", "dss status --json", "links", "doctor")]
    output = "".join(done.stdout + done.stderr for done in said)
    assert "holds the password of etcd" in output
    assert secret not in output
