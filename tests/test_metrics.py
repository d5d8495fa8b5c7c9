"""Metrics: what a running node tells, in Prometheus' form; the dashboard and the guide name no others."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from nodes import two_nodes, until
from nwip.alarm_book import KINDS
from nwip.control import ask
from nwip.facts import QUESTIONS, gather
from nwip.links.dosbox.player import DosboxPlayer
from nwip.metrics import METRICS, MOST, exposition, samples

ROOT = Path(__file__).parent.parent
DASHBOARD = ROOT / "packaging" / "grafana" / "nwip.json"
GUIDE = ROOT / "docs" / "guides" / "watching.md"
NAMES = {metric.sample_name for metric in METRICS}

LAG = {"name": "second", "lag": 1.5, "records_in": 3, "records_out": 4}
OF_A_DSS = {
    "role": "primary",
    "records": {"service": 2},
    "sessions": {"nodes": 1, "readers": 0},
    "conflicts": [{}],
    "store": {"kind": "etcd", "waiting": 7, "failing": 4.5, "carries": 2},
    "peers": [LAG, LAG],
}


def read(text: bytes) -> dict[str, Family]:
    return {family.name: family for family in text_string_to_metric_families(text.decode())}


@pytest.mark.asyncio
async def test_a_running_node_tells_its_traffic_and_all_is_as_prometheus_reads_it(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as site, DosboxPlayer(("127.0.0.5", 20213)) as ben:
        await ben.register()
        await ben.ping(timeout=0.05)
        gateway = site.west.gateway
        assert gateway is not None
        await until(lambda: gateway.hosts_of(gateway.links[0]))
        facts = await asyncio.to_thread(gather, lambda name: ask(site.at_west, {"ask": name}))
    assert set(facts) == set(QUESTIONS) - {"dss-status"}, "no DSS runs in this node"
    families = read(exposition(facts))
    assert families["nwip_node_info"].samples[0].labels["name"] == "west"
    assert families["nwip_players"].samples[0].value == 1
    packets = {
        (sample.labels["link"], sample.labels["direction"]): sample.value
        for sample in families["nwip_link_packets"].samples
    }
    assert packets["dosbox", "in"] >= 1
    assert {sample.labels["peer"] for sample in families["nwip_peer_packets"].samples} == {"east"}
    assert {sample.labels["kind"] for sample in families["nwip_alarms"].samples} == set(KINDS)
    told = {sample.name for family in families.values() for sample in family.samples}
    assert told == {
        name for name in NAMES if not name.startswith(("nwip_dss_p", "nwip_dss_r", "nwip_dss_s"))
    } - {
        "nwip_dss_conflicts",
        "nwip_dss_unsaved_changes",
    }
    for family in families.values():
        assert family.documentation, family.name
        assert all(sample.name in NAMES for sample in family.samples)


def test_what_a_dss_tells_and_two_of_one_name_are_one_series() -> None:
    families = read(exposition({"dss-status": OF_A_DSS}))
    assert families["nwip_dss_primary"].samples[0].value == 1
    assert families["nwip_dss_unsaved_changes"].samples[0].value == 7
    (failing,) = families["nwip_dss_store_failing_seconds"].samples
    assert (failing.labels, failing.value) == ({"kind": "etcd"}, 4.5)
    assert families["nwip_dss_store_carries"].samples[0].value == 2
    assert [sample.value for sample in families["nwip_dss_peer_lag_seconds"].samples] == [1.5]
    assert "nwip_link_up" not in families


def test_the_number_of_series_is_bounded_however_large_the_domain() -> None:
    nodes = [
        {"name": f"n{number:05}", "node": f"{number:012}", "packets_in": 1} for number in range(3 * MOST)
    ]
    found = [sample for sample in samples({"nodes": nodes}) if sample.name == "nwip_peer_packets_total"]
    assert len(found) == 2 * MOST


def test_names_from_the_network_cannot_break_the_form() -> None:
    evil = 'a"} 1\nnwip_evil{x="'
    families = read(exposition({"nodes": [{"name": evil, "node": "1", "packets_in": 5}]}))
    assert families["nwip_peer_packets"].samples[0].labels["peer"] == evil
    assert set(families) == {"nwip_build_info", "nwip_peer_packets", "nwip_peer_bytes"}


@pytest.mark.parametrize("nonsense", [None, 3, "x", [3], {"links": 3}, [{"name": None, "drops": 4}]])
def test_answers_of_another_version_do_no_harm(nonsense: object) -> None:
    read(exposition(dict.fromkeys(QUESTIONS, nonsense)))


def test_names_units_and_help_follow_the_conventions() -> None:
    assert len(NAMES) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(r"nwip_[a-z_]+", metric.name)
        assert not metric.name.endswith(("_total", "_octets")), metric.name
        assert re.fullmatch(r"[A-Z].+\.", metric.help), metric.help


def test_the_dashboard_asks_for_what_there_is() -> None:
    board = json.loads(DASHBOARD.read_text("utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked += [variable["definition"] for variable in board["templating"]["list"] if "definition" in variable]
    named = {name for expr in asked for name in re.findall(r"\bnwip_\w+", expr)}
    assert len(named) > 10
    assert named <= NAMES, named - NAMES
    labels = {metric.sample_name: {*metric.labels, "instance"} for metric in METRICS}
    for panel in board["panels"]:
        for target in panel["targets"]:
            (name,) = re.findall(r"\bnwip_\w+", target["expr"])
            used = re.findall(r"{{(\w+)}}", target["legendFormat"]) + re.findall(
                r"(\w+)=~?\"", target["expr"]
            )
            assert set(used) <= labels[name], target
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(places)) == len(places)


def test_the_guide_has_the_table_of_all_metrics_and_all_kinds_of_alarm() -> None:
    page = GUIDE.read_text("utf-8")
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
        assert f"| `{metric.sample_name}` | {metric.kind} | {labels} | {metric.help} |" in page
    for kind, meaning in KINDS.items():
        assert f"| `{kind}` | {meaning} |" in page


def test_nwip_up_imports_neither_prometheus_client_nor_rich() -> None:
    script = "import sys; import nwip.running, nwip.cli.running, nwip.watch_views; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"prometheus_client", "rich"} & set(done.stdout.split())
