"""What a doctor makes of the etcd cluster that keeps a directory: from facts, and from real ones."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from etcd_cluster import EtcdCluster
from nwip.doctor.etcd import etcd
from nwip.doctor.facts import EtcdNode
from nwip.doctor.findings import Verdict
from nwip.doctor.reaching_etcd import ask_cluster
from real.mistaken import Place

WELL = EtcdNode("http://a:1", "3.5.9", healthy=True)
GONE = EtcdNode("http://b:1", "", healthy=False, error="Connection refused")
ALONE = EtcdNode("http://c:1", "3.5.9", healthy=False)


def verdicts(*nodes: EtcdNode) -> list[str]:
    return [str(finding.verdict) for finding in etcd(nodes)]


def test_what_is_amiss_is_a_fault_only_where_no_node_can_be_used() -> None:
    assert verdicts(WELL) == ["ok"]
    assert verdicts(WELL, GONE, ALONE) == ["ok", "warning", "warning"]
    assert verdicts(GONE, ALONE) == ["fault", "fault"]
    gone, alone = etcd([GONE, ALONE])
    assert gone.says == "http://b:1 is not reached: Connection refused"
    assert "most of its cluster" in alone.says
    assert all("goes on from memory" in finding.mend for finding in (gone, alone))


@pytest.mark.parametrize(
    ("version", "advice"), [("3.4.23", True), ("3.5.9", False), ("3.10.0", False), ("", True)]
)
def test_a_version_that_is_not_mended_any_more_is_well_with_advice(version: str, advice: bool) -> None:
    (finding,) = etcd([WELL._replace(version=version)])
    assert finding.verdict is Verdict.OK
    assert ("--pre-vote" in finding.mend) == advice


class _Elsewhere(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>another service</html>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.asyncio
async def test_what_is_no_etcd_and_what_is_not_there_are_told_apart(elsewhere: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}"
        other, none = await ask_cluster((elsewhere, nowhere), None)
    assert other.error == "what answers there is no etcd, or speaks https"
    assert none.error == "Connection refused"


@pytest.mark.asyncio
@pytest.mark.real("etcd")
async def test_a_real_cluster_that_loses_its_quorum(tmp_path: Path) -> None:
    (tmp_path / "etcd").mkdir()
    async with EtcdCluster(tmp_path / "etcd", 2) as cluster:
        place = Place(
            tmp_path / "here",
            f'[node]\nstate = "state"\ncontrol = "c.sock"\n[dss]\nport = 20396\nstore = "etcd"\n'
            f"[etcd]\nendpoints = {json.dumps(cluster.endpoints)}\n",
        )
        told = await asyncio.to_thread(place.nwip, "doctor", "--json")
        found = [each for each in json.loads(told.stdout)["findings"] if each["about"] == "etcd"]
        assert [each["verdict"] for each in found] == ["ok", "ok"]
        assert f"{cluster.endpoints[0]} answers and can write, version 3." in found[0]["says"]
        cluster.kill(1)
        async with asyncio.timeout(20):
            while (nodes := await ask_cluster(cluster.endpoints, None))[0].healthy:
                await asyncio.sleep(0.1)
        assert [node.error for node in nodes] == ["", "Connection refused"]
        assert [each.verdict for each in etcd(nodes)] == [Verdict.FAULT, Verdict.FAULT]


def test_certificates_that_cannot_be_used_are_a_fault_with_the_key(tmp_path: Path) -> None:
    text = '[node]\nstate = "state"\n[dss]\nstore = "etcd"\n[etcd]\nendpoints = ["https://192.0.2.1:2379"]\n'
    told = Place(tmp_path / "here", text + 'ca = "none.crt"\n').nwip("doctor", "--json")
    (found,) = [each for each in json.loads(told.stdout)["findings"] if each["about"] == "etcd"]
    assert found["verdict"] == "fault"
    assert found["says"] == "key 'etcd.ca' means none.crt: No such file or directory"
