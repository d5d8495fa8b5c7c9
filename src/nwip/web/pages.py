"""What each page says: a title, and blocks one below the other. Pure."""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Final

from nwip.durations import seconds
from nwip.store_words import store_text
from nwip.web.blocks import Block, Charts, Page, Pairs, Sentences, Sketch
from nwip.web.charts import figure
from nwip.web.columns import ALARMS, CONFLICTS, PEERS, TRAFFIC, Tables
from nwip.web.facts import Facts, Row, number, objects, text, words
from nwip.web.history import ALL, NOTHING
from nwip.web.plan import site_of
from nwip.web.tables import matching, table
from nwip.web.watching import Watching

BUSIEST: Final = 12  # other nodes whose traffic is drawn
FOUND: Final = 100  # rows of each kind that a search shows

SILENT: Final = "The node has not told any."


class Pages:
    """The pages of what is being watched, as it is now."""

    def __init__(self, watching: Watching) -> None:
        self._watching = watching

    @property
    def facts(self) -> Facts:
        """What the node says now."""
        return self._watching.facts

    def overview(self) -> Page:
        """Return the first page."""
        standing = [alarm for alarm in self._watching.alarms.all() if not alarm.is_over]
        now = self._watching.now
        said = [(alarm.sentence, seconds(now - alarm.since)) for alarm in standing[:8]]
        blocks: list[Block] = [Sentences("alarms", "Alarms", said)] if said else []
        return Page(
            "Overview", "/", [*blocks, Sketch(), Charts("traffic", "Traffic", [(ALL, "Through this node")])]
        )

    def nodes(self, page: int = 1) -> Page:
        """Return all nodes."""
        rows = self.facts.rows("nodes")
        return Page(
            "Nodes",
            "/nodes",
            [table("nodes", "Nodes", self._tables.nodes(), rows, page=page, nothing=SILENT)],
        )

    def node(self, node: str) -> Page | None:
        """Return the page of one node, of one that has gone too; None where there is none of that number."""
        row = next((row for row in self.facts.rows("nodes") if text(row, "node") == node), None)
        gone = None
        if row is None:
            row, gone = self._watching.alarms.gone().get(node, (None, None))
        if row is None:
            return None
        name, own, tables = text(row, "name"), row.get("self") is True, self._tables
        blocks: list[Block] = [Pairs("facts", "This node" if own else "The node", self._facts_of(row, gone))]
        if not own:
            blocks.append(Charts("traffic", "Traffic with it, as this node counts", [(f"peer:{node}", name)]))
        if own:
            links, clients = self.facts.rows("links"), self.facts.rows("clients")
            blocks.append(table("links", "Its links", tables.links(), links))
            blocks.append(table("clients", "Clients on them", tables.clients(), clients))
        services = [each for each in self.facts.rows("services") if text(each, "owner") == name]
        routes = [each for each in self.facts.rows("routes") if text(each, "owner") == name]
        blocks.append(table("services", "Services that it offers", tables.services(), services))
        blocks.append(table("routes", "Networks that it leads to", tables.routes(), routes))
        return Page(name or node, "/nodes", blocks)

    def services(self, page: int = 1) -> Page:
        """Return all services."""
        rows = self.facts.rows("services")
        found = table("services", "Services", self._tables.services(), rows, page=page, nothing=SILENT)
        return Page("Services", "/services", [found])

    def routes(self, page: int = 1) -> Page:
        """Return all networks."""
        rows = self.facts.rows("routes")
        return Page(
            "Routes",
            "/routes",
            [
                table(
                    "routes", "Routes to IPX networks", self._tables.routes(), rows, page=page, nothing=SILENT
                )
            ],
        )

    def links(self, page: int = 1) -> Page:
        """Return the links of this node, and who is on them."""
        links, clients = self.facts.rows("links"), self.facts.rows("clients")
        return Page(
            "Links",
            "/links",
            [
                table("links", "Links of this node", self._tables.links(), links, nothing=SILENT),
                table("clients", "Clients", self._tables.clients(), clients, page=page),
            ],
        )

    def traffic(self) -> Page:
        """Return traffic and loss of every link, and traffic with the busiest nodes."""
        links = [
            (f"link:{text(row, 'name')}", f"Link {text(row, 'name')}") for row in self.facts.rows("links")
        ]
        others = [(f"peer:{text(row, 'node')}", f"With {text(row, 'name')}") for row in self.facts.others]
        others.sort(key=lambda pair: -self._flow(pair[0]))
        return Page(
            "Traffic",
            "/traffic",
            [
                Charts("all", "All of this node", [(ALL, "Through this node")]),
                Charts("links", "By link", links),
                Charts("peers", f"By node, the {BUSIEST} busiest" if len(others) > BUSIEST else "By node",
                       others[:BUSIEST]),
                table("figures", "In figures: packets a second", TRAFFIC,
                      [self._figures(*pair) for pair in [(ALL, "Through this node"), *links, *others]]),
            ],
        )  # fmt: skip

    def alarms(self, page: int = 1) -> Page:
        """Return all alarms with their age."""
        nothing = "None. All is well." if not self.facts.problem else SILENT
        return Page(
            "Alarms",
            "/alarms",
            [table("alarms", "Alarms", ALARMS, self._alarm_rows(), page=page, nothing=nothing)],
        )

    def dss(self) -> Page:
        """Return the DSSs of the domain, and what this node's own says."""
        servers = table(
            "servers", "DSSs in the directory", self._tables.servers(), self._servers(), nothing=SILENT
        )
        status = self.facts.dss
        if not status:
            return Page("DSS", "/dss", [servers])
        return Page(
            "DSS",
            "/dss",
            [
                Pairs("facts", "The DSS of this node", _pairs_of_dss(status)),
                servers,
                table("peers", "Sessions with other DSSs", PEERS, objects(status, "peers")),
                table("conflicts", "Conflicts", CONFLICTS, objects(status, "conflicts")),
            ],
        )

    def search(self, wanted: str) -> Page:
        """Return whatever has a text in it."""
        tables = self._tables
        kinds = (
            ("nodes", "Nodes", tables.nodes(), self.facts.rows("nodes")),
            ("services", "Services", tables.services(), self.facts.rows("services")),
            ("routes", "Routes", tables.routes(), self.facts.rows("routes")),
            ("links", "Links", tables.links(), self.facts.rows("links")),
            ("clients", "Clients", tables.clients(), self.facts.rows("clients")),
            ("servers", "DSSs", tables.servers(), self._servers()),
            ("alarms", "Alarms", ALARMS, self._alarm_rows()),
        )
        found = [(name, caption, columns, matching(rows, wanted)) for name, caption, columns, rows in kinds]
        blocks: list[Block] = [
            table(name, f"{caption}: {len(rows)} found", columns, rows[:FOUND])
            for name, caption, columns, rows in found
            if rows and wanted
        ]
        if not blocks:
            said = (
                f"Nothing here has {wanted!r} in it." if wanted else "Write a name, an address or a number."
            )
            blocks = [Pairs("nothing", "Nothing found" if wanted else "Search", [("", said)])]
        return Page(f"Search: {wanted}" if wanted else "Search", "", blocks, wanted)

    @property
    def _tables(self) -> Tables:
        return Tables(self.facts, self._watching.history)

    def _servers(self) -> Sequence[Row]:
        return objects(self.facts.about, "servers")

    def _alarm_rows(self) -> list[Row]:
        now = self._watching.now
        return [
            alarm._asdict()
            | {
                "state": "over" if alarm.is_over else "standing",
                "since": now - alarm.since,
                "last": now - alarm.last,
            }
            for alarm in self._watching.alarms.all()
        ]

    def _facts_of(self, row: Row, gone: float | None) -> list[tuple[str, str]]:
        about, own = self.facts.about, row.get("self") is True
        state = "present" if gone is None else f"gone for {seconds(self._watching.now - gone)}"
        pairs = [
            ("State", "present, and the one that is asked" if own else state),
            ("Name", text(row, "name") or "-"),
            ("Node", text(row, "node")),
            ("IPX address", f"{text(about, 'network')}.{text(row, 'node')}"),
            ("Origin", ", ".join(words(row, "endpoints")) or "-"),
            ("Site", site_of(row)),
            ("Hosts", f"{number(row, 'hosts'):.0f}"),
            ("Age", f"{seconds(row.get('age'))} since it renewed" if gone is None else "-"),
        ]
        if own:
            pairs.append(
                ("Forwards", "yes" if about.get("forwards") is not False else "no: its links are closed in")
            )
            pairs.append(("Asks the DSS at", ", ".join(words(about, "dss")) or "-"))
        else:
            pairs.append(
                (
                    "Packets from it, to it",
                    f"{number(row, 'packets_in'):,.0f}, {number(row, 'packets_out'):,.0f}",
                )
            )
            pairs.append(
                (
                    "Octets from it, to it",
                    f"{number(row, 'octets_in'):,.0f}, {number(row, 'octets_out'):,.0f}",
                )
            )
        return pairs

    def _flow(self, series: str) -> float:
        came, went, _ = self._watching.history.latest(series)
        return 0.0 if isnan(came + went) else came + went

    def _figures(self, series: str, title: str) -> Row:
        history = self._watching.history
        values = history.latest(series) if history.names() else NOTHING
        lines = history.curve(series).lines
        most = max((value for line in lines[:2] for value in line if not isnan(value)), default=float("nan"))
        names = ("in", "out", "dropped")
        shown: dict[str, object] = {name: figure(value) for name, value in zip(names, values, strict=True)}
        if series.startswith("peer:"):
            shown["dropped"] = "-"
        return shown | {"of": title, "most": figure(most)}


def _pairs_of_dss(status: Mapping[str, object]) -> list[tuple[str, str]]:
    def part(field: str) -> Row:
        value = status.get(field)
        return value if isinstance(value, dict) else {}

    store, records, owners, sessions = part("store"), part("records"), part("owners"), part("sessions")
    return [
        ("Domain", text(status, "domain")),
        ("Name", text(status, "name")),
        ("Role", text(status, "role")),
        ("Primary", text(part("primary"), "name") or "-"),
        ("Parameters", f"term {text(part('rank'), 'term')}, version {text(part('rank'), 'version')}"),
        ("Sessions", f"{text(sessions, 'nodes')} nodes, {text(sessions, 'readers')} readers"),
        ("Records", " · ".join(f"{kind} {count}" for kind, count in records.items())),
        ("Owners", " · ".join(f"{kind} {count}" for kind, count in owners.items())),
        ("Refused", text(status, "refused")),
        ("Store", store_text(store) if store else "-"),
    ]
