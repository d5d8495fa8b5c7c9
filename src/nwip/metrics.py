"""What a node tells, as metrics for Prometheus: one table of them all, and their text form.

Names and units follow Prometheus' conventions (https://prometheus.io/docs/practices/naming/). Labels hold
names of links, nodes and DSSs of the domain and constants of the code, never addresses of players; of nodes
and DSSs the first `MOST` by name, so that the number of series is bounded.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from nwip.alarm_book import KINDS
from nwip.facts import Row, number_in, row_in, rows_in, rows_of

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family

MOST: Final = 256  # nodes, and DSSs, that have series of their own
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Facts = Mapping[str, object]
Samples = Iterable[tuple[tuple[str, ...], float]]


class Metric(NamedTuple):
    """A metric: `samples` takes the facts and gives values of the `labels`, in order, each with a number."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    labels: tuple[str, ...]
    samples: Callable[[Facts], Samples]

    @property
    def sample_name(self) -> str:
        """The name of its samples, as queries have it."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


class Sample(NamedTuple):
    """One number of a metric."""

    name: str
    labels: dict[str, str]
    value: float


def exposition(facts: Facts) -> bytes:
    """Return the answers of the control questions, by name, in Prometheus' text format; see `facts.gather`.

    A metric whose answer is missing has no samples. Serve it as `CONTENT_TYPE`.
    """
    from prometheus_client.exposition import generate_latest  # noqa: PLC0415 - takes a third of a start

    return generate_latest(_Collector(facts))


def samples(facts: Facts) -> Iterator[Sample]:
    """Yield the same numbers as they are."""
    for metric in METRICS:
        for labels, value in dict(metric.samples(facts)).items():
            yield Sample(metric.sample_name, dict(zip(metric.labels, labels, strict=True)), value)


class _Collector:
    """What prometheus-client asks for the families; see its page on custom collectors."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def collect(self) -> Iterator["Family"]:
        """Yield a family for each metric that has samples."""
        from prometheus_client.metrics_core import (  # noqa: PLC0415 - as above
            CounterMetricFamily,
            GaugeMetricFamily,
        )

        for metric in METRICS:
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(metric.name, metric.help, labels=metric.labels)
            for labels, value in dict(metric.samples(self._facts)).items():
                family.add_metric(labels, value)
            if family.samples:
                yield family


def _one(question: str, value: Callable[[Row], float]) -> Callable[[Facts], Samples]:
    """Return the samples of a metric without labels, out of one answer."""
    return lambda facts: [((), value(row_in(facts, question)))] if question in facts else []


def _of_links(value: Callable[[Row], float]) -> Callable[[Facts], Samples]:
    return lambda facts: [((_text(row, "name"),), value(row)) for row in rows_in(facts, "links")]


def _both_ways(rows: Callable[[Facts], list[Row]], what: str, *names: str) -> Callable[[Facts], Samples]:
    """Return the samples of a counter that each row has `_in` and `_out`."""
    return lambda facts: [
        ((*(_text(row, name) for name in names), way), number_in(row, f"{what}_{way}"))
        for row in rows(facts)
        for way in ("in", "out")
    ]


def _links(facts: Facts) -> list[Row]:
    return rows_in(facts, "links")


def _others(facts: Facts) -> list[Row]:
    """Return the other nodes of the domain, the first `MOST` by name."""
    rows = [row for row in rows_in(facts, "nodes") if row.get("self") is not True]
    return sorted(rows, key=lambda row: (_text(row, "name"), _text(row, "node")))[:MOST]


def _dss_peers(facts: Facts) -> list[Row]:
    return rows_of(row_in(facts, "dss-status").get("peers"))[:MOST]


def _lags(facts: Facts) -> Samples:
    return [((_text(row, "name"),), number_in(row, "lag")) for row in _dss_peers(facts)]


def _store_failing(facts: Facts) -> Samples:
    store = row_in(row_in(facts, "dss-status"), "store")
    return [((_text(store, "kind"),), number_in(store, "failing"))] if store.get("kind") else []


def _counts(question: str, member: str) -> Callable[[Facts], Samples]:
    """Return a sample for each number of an object in an answer."""
    return lambda facts: [
        ((name,), number_in(counts, name))
        for counts in [row_in(row_in(facts, question), member)]
        for name in counts
    ]


def _drops(facts: Facts) -> Samples:
    for row in _links(facts):
        drops = row_in(row, "drops")
        yield from (((_text(row, "name"), reason), number_in(drops, reason)) for reason in drops)


def _alarms(facts: Facts) -> Samples:
    standing = [row.get("kind") for row in rows_in(facts, "alarms") if row.get("is_over") is not True]
    return [((kind,), float(standing.count(kind))) for kind in KINDS] if "alarms" in facts else []


def _text(row: Row, name: str) -> str:
    return str(row.get(name, ""))


def _about_node(facts: Facts) -> Samples:
    row = row_in(facts, "node")
    return [(tuple(_text(row, name) for name in ("name", "domain", "network", "node")), 1.0)] if row else []


METRICS: Final = (
    Metric("nwip_build_info", "gauge", "The version of nwip that tells this; always 1.", ("version",),
           lambda _: [((version("nwip"),), 1.0)]),
    Metric("nwip_node_info", "gauge", "Who this node is; always 1.", ("name", "domain", "network", "node"),
           _about_node),
    Metric("nwip_uptime_seconds", "gauge", "For how long this node has run.", (),
           _one("node", lambda row: number_in(row, "up"))),
    Metric("nwip_dss_connected", "gauge", "Whether this node has a session with a DSS (1) or not (0).", (),
           _one("node", lambda row: float(bool(row.get("dss"))))),
    Metric("nwip_directory_entries", "gauge", "What the domain holds, as this node knows it, by kind.",
           ("kind",), _counts("node", "counts")),
    Metric("nwip_players", "gauge", "Players on the DOSBox and WebSocket links of this node.", (),
           _one("node", lambda row: number_in(row, "players"))),
    Metric("nwip_events", "counter", "Events since this node was started.", (),
           _one("node", lambda row: number_in(row, "events"))),
    Metric("nwip_alarms", "gauge", "Alarms that stand, by kind.", ("kind",), _alarms),
    Metric("nwip_link_up", "gauge", "Whether a link is served (1), or only listened to (0).", ("link",),
           _of_links(lambda row: float(not row.get("state")))),
    Metric("nwip_link_hosts", "gauge", "Hosts on a joined link.", ("link",),
           _of_links(lambda row: number_in(row, "hosts"))),
    Metric("nwip_link_packets", "counter", "IPX packets on a link, by direction.",
           ("link", "direction"), _both_ways(_links, "packets", "name")),
    Metric("nwip_link_bytes", "counter", "Octets of the IPX packets on a link, by direction.",
           ("link", "direction"), _both_ways(_links, "octets", "name")),
    Metric("nwip_link_dropped_packets", "counter", "Packets that were dropped on a link, by reason.",
           ("link", "reason"), _drops),
    Metric("nwip_peer_packets", "counter", "IPX packets exchanged with another node, by direction.",
           ("peer", "node", "direction"), _both_ways(_others, "packets", "name", "node")),
    Metric("nwip_peer_bytes", "counter", "Octets of those packets; sampled where packets pass in batches.",
           ("peer", "node", "direction"), _both_ways(_others, "octets", "name", "node")),
    Metric("nwip_dss_primary", "gauge", "Whether the DSS here is the primary (1) or not (0).", (),
           _one("dss-status", lambda row: float(row.get("role") == "primary"))),
    Metric("nwip_dss_records", "gauge", "Records that the DSS here holds, by kind.", ("kind",),
           _counts("dss-status", "records")),
    Metric("nwip_dss_sessions", "gauge", "Sessions of the DSS here, by kind.", ("kind",),
           _counts("dss-status", "sessions")),
    Metric("nwip_dss_conflicts", "gauge", "Contradictions that the DSS here sees, 64 at most.", (),
           _one("dss-status", lambda row: float(len(rows_of(row.get("conflicts")))))),
    Metric("nwip_dss_unsaved_changes", "gauge", "Changes that the DSS here has not saved yet.", (),
           _one("dss-status", lambda row: number_in(row_in(row, "store"), "waiting"))),
    Metric("nwip_dss_store_failing_seconds", "gauge",
           "For how long the store of the DSS here has failed; 0 while it works.", ("kind",), _store_failing),
    Metric("nwip_dss_store_carries", "gauge", "Other DSSs that the shared store of the DSS here serves.", (),
           _one("dss-status", lambda row: number_in(row_in(row, "store"), "carries"))),
    Metric("nwip_dss_peer_lag_seconds", "gauge", "For how long another DSS has differed; 0 while it agrees.",
           ("dss",), _lags),
    Metric("nwip_dss_peer_records", "counter", "Records exchanged with another DSS, by direction.",
           ("dss", "direction"), _both_ways(_dss_peers, "records", "name")),
)  # fmt: skip
"""All of them. The page docs/guides/watching.md has this table for people."""
