"""DSSs that share a cluster: the first founds the domain, the next belong to it, and all may go and come."""

import asyncio
import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from etcd_cluster import EtcdCluster
from real.mistaken import Place

PORTS = {"one": 20396, "two": 21396}


def place(folder: Path, name: str, endpoints: tuple[str, ...], further: str = "") -> Place:
    port = PORTS[name]
    return Place(
        folder / name,
        f"""
        [domain]
        name = "shared.example"
        [node]
        name = "{name}"
        state = "state"
        control = "c.sock"
        port = {port + 2}
        [dss]
        serve = true
        port = {port}
        peer-port = {port + 1}
        store = "etcd"
        {further}
        [etcd]
        endpoints = {json.dumps(endpoints)}
        """,
    )


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
