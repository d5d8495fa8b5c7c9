"""Every page as HTML: the facts in tables, what came from the network as text, a node that is not there."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser

import pytest

from nwip.web.application import LISTED, MENU
from nwip.web.tables import PAGE_SIZE
from web.answers import STATUS, Watched, answers, link, node

PAGES = [path for path, _ in MENU] + [
    "/search?q=east",
    "/search",
    "/nodes/7E010A000001",
    "/nodes/7E010A000101",
]
VOID = {"meta", "link", "img", "input", "source", "br"}


class Reader(HTMLParser):
    """Reads a page as a browser without scripts does, and notes what is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.open)

    def handle_data(self, data: str) -> None:
        if self.open and {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def read(watched: Watched, path: str, status: int = 200) -> Reader:
    with watched.client() as client:
        answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    reader = Reader(answer.text)
    assert reader.open == []
    return reader


def seen(given: Mapping[str, object] | None = None) -> Watched:
    watched = Watched(given)
    for _ in range(2):
        watched.look()
    return watched


def row(reader: Reader, first: str) -> list[str]:
    (found,) = [cells for cells in reader.rows if cells and cells[0] == first]
    return found


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_one_heading_names_and_scripts_of_its_own_only(path: str) -> None:
    reader = read(seen(), path)
    assert len(reader.all("h1")) == len(reader.all("main")) == len(reader.all("title")) == 1
    assert reader.all("html")[0]["lang"] == "en"
    assert all("alt" in image for image in reader.all("img"))
    assert all("style" not in attributes for _, attributes in reader.tags)
    assert all(not name.startswith("on") for _, attributes in reader.tags for name in attributes)
    assert all((script["src"] or "").startswith("/static/") for script in reader.all("script"))
    names = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", PAGES)
def test_every_link_of_every_page_leads_somewhere(path: str) -> None:
    watched = seen()
    reader = read(watched, path)
    targets = {
        tag.get("href") or tag.get("src")
        for name in ("a", "link", "img", "script")
        for tag in reader.all(name)
    }
    with watched.client() as client:
        for target in targets - {"#main"}:
            assert target
            assert target.startswith("/"), target
            assert client.get(target).status_code == 200, target


def test_the_tables_hold_what_the_node_says() -> None:
    watched = seen()
    assert row(read(watched, "/services"), "ARCHIVE") == [
        "ARCHIVE", "0004", "file server", "0000001A.000000000001.0451", "1", "east", "3.0 s",
    ]  # fmt: skip
    assert row(read(watched, "/routes"), "0000001A") == ["0000001A", "1", "2", "east", "7E010A000101"]
    assert row(read(watched, "/nodes"), "east")[:4] == [
        "east",
        "7E010A000101",
        "10.0.1.1:43981",
        "10.0.1.0/24",
    ]
    assert row(read(watched, "/links"), "02005E000107")[1:5] == [
        "doom",
        "192.0.2.7:40000",
        "1 min 1 s",
        "2.0 s",
    ]
    assert ["network 0000001A", "west: 1 hop"] in read(watched, "/dss").rows


def test_a_link_says_its_state_its_drops_and_where_it_is() -> None:
    watched = seen(
        answers(
            links=[link("lan", state="muted", why="another gateway routes", drops={"full": 4, "hops": 0})]
        )
    )
    cells = row(read(watched, "/links"), "lan")
    assert "muted: another gateway routes" in cells
    assert "full 4" in cells
    assert "listens on: UDP 10.0.0.1:213" in cells


def test_traffic_in_figures_for_each_link_and_node() -> None:
    watched = Watched()
    for count in (0, 100):
        watched.look(
            links=[link("doom", packets_in=count, drops={"full": count // 10})],
            nodes=[node("west", 1, self=True), node("east", 2, packets_out=count * 2)],
        )
    rows = read(watched, "/traffic").rows
    assert ["Link doom", "50", "0", "5", "50"] in rows
    assert ["With east", "0", "100", "-", "100"] in rows


def test_alarms_are_told_with_their_age_at_the_top_and_in_a_table() -> None:
    watched = seen()
    watched.look(nodes=[node("west", 1, self=True)])
    watched.node.now += 65
    with watched.client() as client:
        text = client.get("/").text
    assert "3 alarms" in text
    assert re.search(r"the node east is gone [^<]* <span class=\"age\">for 1 min 5 s", text)
    sentence = "the node east is gone from the directory: see whether it runs"
    cells = next(cells for cells in read(watched, "/alarms").rows if sentence in cells)
    assert cells == ["standing", sentence, "node-gone", "east", "1 min 5 s", "1 min 5 s ago"]
    watched.look(**answers(**{"dss-status": STATUS | {"alarms": []}}))
    assert {cells[0] for cells in read(watched, "/alarms").rows[1:]} == {"over"}


def test_the_page_of_the_dss_says_where_its_store_is_and_that_it_fails() -> None:
    watched = seen()
    store = {"kind": "etcd", "place": "http://192.0.2.1:2379", "problem": "no <quorum>", "failing": 61.0}
    watched.look(**answers(**{"dss-status": STATUS | {"store": store}}))
    with watched.client() as client:
        text = client.get("/dss").text
    assert "etcd at http://192.0.2.1:2379; FAILS for 1 min 1 s: no &lt;quorum&gt;" in text


def test_the_page_of_a_node_has_what_is_its_and_nothing_of_others() -> None:
    watched = seen()
    with watched.client() as client:
        east, west = (client.get(f"/nodes/7E010A000{number}").text for number in ("101", "001"))
        assert "ARCHIVE" in east
        assert "0000001A" in east
        assert "02005E000107" not in east
        assert "ARCHIVE" not in west
        assert "02005E000107" in west
        assert client.get("/nodes/7E0100000000").status_code == 404


def test_a_node_that_has_gone_still_has_its_page() -> None:
    watched = seen()
    watched.look(nodes=[node("west", 1, self=True)])
    watched.node.now += 5
    with watched.client() as client:
        assert "gone for 5.0 s" in client.get("/nodes/7E010A000101").text


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("archive", "ARCHIVE"),
        ("0451", "ARCHIVE"),
        ("0004", "ARCHIVE"),
        ("1a", "0000001A"),
        ("192.0.2.7", "02005E000107"),
    ],
)
def test_a_search_finds_by_any_part_in_any_case(wanted: str, found: str) -> None:
    assert found in [cells[0] for cells in read(seen(), f"/search?q={wanted}").rows]


def test_a_search_without_a_find_says_so_and_is_not_taken_for_html() -> None:
    with seen().client() as client:
        text = client.get("/search", params={"q": "<img src=x onerror=alert(1)>"}).text
    assert "<img src=x" not in text
    assert "Nothing here has" in text


def test_names_from_the_network_are_text() -> None:
    evil = '"><script>alert(1)</script><a href="javascript:alert(1)">'
    given = answers(
        nodes=[node(evil, 1, self=True), node(evil, 2)],
        alarms=[{"alarm": evil, "about": evil}],
        links=[link(evil, where={evil: evil}, drops={evil: 3})],
        services=[{"type": 4, "name": evil, "owner": evil}],
        about={"name": evil, "domain": evil, "network": evil, "servers": [{"name": evil}]},
    )
    watched = seen(given)
    for path in PAGES:
        reader = read(watched, path.replace("0101", "0002"), 200)
        assert all(script.get("src") for script in reader.all("script"))
        assert all(not (tag.get("href") or "").startswith("javascript") for tag in reader.all("a"))


def test_a_long_table_has_pages() -> None:
    services = [{"type": 4, "name": f"S{number:05}", "owner": "east"} for number in range(PAGE_SIZE * 2 + 1)]
    watched = seen(answers(services=services))
    first, last = read(watched, "/services"), read(watched, "/services?page=3")
    assert len(first.rows) == 1 + PAGE_SIZE
    assert [cells[0] for cells in last.rows[1:]] == [f"S{PAGE_SIZE * 2:05}"]
    assert {"href": "?page=2", "rel": "next"} in first.all("a")
    for odd in ("0", "-1", "99", "x", "9" * 400, "²"):
        assert len(read(watched, f"/services?page={odd}").rows) > 1


def test_while_no_node_runs_every_page_says_so() -> None:
    watched = Watched()
    watched.node.is_down = True
    watched.look()
    for path in [*LISTED, "/", "/search?q=a"]:
        with watched.client() as client:
            text = client.get(path).text
        assert "no nwip node is running here" in text
        assert "the node has not answered" in text


def test_when_a_node_falls_silent_its_last_words_stay_and_are_said_to_be_old() -> None:
    watched = seen()
    watched.node.is_down = True
    watched.look()
    watched.node.now += 60
    with watched.client() as client:
        text = client.get("/services").text
    assert "ARCHIVE" in text
    assert "the node has not answered for 1 min 2 s" in text
    assert "what it said last" in text


def test_what_is_not_there_is_said_kindly() -> None:
    watched = seen()
    assert read(watched, "/nothing%3Cb%3E", 404).all("h1")
    with watched.client() as client:
        assert client.get("/static/../application.py").status_code == 404
        assert client.get("/static/%2e%2e/application.py").status_code == 404


def test_metrics_are_there_when_somebody_makes_them_and_are_what_he_makes() -> None:
    watched = seen()
    with watched.client() as client:
        assert client.get("/metrics").status_code == 404
    told: list[Mapping[str, object]] = []

    def exposition(answers: Mapping[str, object]) -> bytes:
        told.append(answers)
        return b"nwip_up 1\n"

    with watched.client(exposition) as client:
        answer = client.get("/metrics")
    assert answer.text == "nwip_up 1\n"
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert {"nodes", "links", "clients", "alarms", "dss-status"} <= told[0].keys()
