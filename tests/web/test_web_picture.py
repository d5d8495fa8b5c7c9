"""The picture of a domain: everything that is known stands in it, apart from each other, and in bounds."""

import xml.etree.ElementTree as ET
from itertools import combinations

import pytest

from nwip.web.picture import WIDE, Box, Picture
from nwip.web.plan import MOST_ITEMS, MOST_NODES, site_of
from nwip.web.watching import NARROW
from web.answers import ABOUT, Watched, answers, link, node

SVG = "{http://www.w3.org/2000/svg}"


def boxes(picture: Picture, kind: str) -> dict[str, Box]:
    return {box.title: box for box in picture.boxes if box.kind == kind}


def seen(**more: object) -> Watched:
    watched = Watched(answers(**more))
    watched.look()
    return watched


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def test_what_is_known_of_a_domain_is_in_its_picture() -> None:
    picture = seen().watching.drawn()
    assert boxes(picture, "node").keys() == {"west", "east", "north"}
    assert boxes(picture, "node")["west"].state == "self"
    assert boxes(picture, "site").keys() == {"site 10.0.0.0/24", "site 10.0.1.0/24", "site 10.0.2.0/24"}
    assert {title: box.note for title, box in boxes(picture, "dss").items()} == {
        "DSS west": "primary",
        "DSS east": "secondary · differs for 22 s",
    }
    assert boxes(picture, "link").keys() == {"doom"}, "the virtual link is the bar"
    assert boxes(picture, "bar").keys() == {"museum.nwip · network 00C0FFEE"}
    assert boxes(picture, "client").keys() == {"02005E000107"}
    assert boxes(picture, "network").keys() == {"0000001A"}
    assert boxes(picture, "node")["east"].page == "/nodes/7E010A000101"


def test_a_node_that_has_gone_stays_in_the_picture_and_says_so() -> None:
    watched = seen()
    watched.look(nodes=[node("west", 1, self=True)])
    watched.node.now += 70
    east = boxes(watched.watching.drawn(), "node")["east"]
    assert (east.state, east.note) == ("gone", "gone for 1 min 10 s")
    assert [wire.state for wire in watched.watching.drawn().wires if wire.name == "wire:7E010A000101"] == [
        "gone"
    ]


def test_traffic_with_a_node_is_on_its_wire() -> None:
    watched = seen()
    watched.look(nodes=[node("west", 1, self=True), node("east", 0x101, packets_in=10, packets_out=20)])
    rates = {wire.name: wire.rate for wire in watched.watching.drawn().wires if wire.kind == "node"}
    assert rates["wire:7E010A000101"] == 15


@pytest.mark.parametrize("columns", [WIDE, NARROW])
@pytest.mark.parametrize("count", [0, 1, 3, 5, 47, 48, 49, 3000])
def test_nothing_stands_on_anything_else_however_many_there_are(count: int, columns: int) -> None:
    nodes = [node(f"n{number}", number * 37 % 0x1000, self=not number) for number in range(count)]
    clients = [
        {"link": "doom", "node": f"{number:012X}", "address": "192.0.2.7:1"} for number in range(count)
    ]
    picture = seen(nodes=nodes, clients=clients, links=[link("v"), link("doom"), link("x")]).watching.drawn(
        columns
    )
    assert len(boxes(picture, "node")) == min(count, MOST_NODES)
    assert len(boxes(picture, "client")) == min(count, MOST_ITEMS)
    assert len({box.name for box in picture.boxes}) == len(picture.boxes)
    assert len({wire.name for wire in picture.wires}) == len(picture.wires)
    for one, other in combinations((box for box in picture.boxes if box.kind != "site"), 2):
        assert not overlap(one, other), (one, other)
    for one, other in combinations((box for box in picture.boxes if box.kind == "site"), 2):
        assert not overlap(one, other), (one, other)
    for box in picture.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= picture.width
        assert box.y + box.height <= picture.height
    more = [box.title for box in picture.boxes if box.kind == "more" and "nodes" in box.title]
    assert more == ([f"and {count - MOST_NODES} nodes more"] if count > MOST_NODES else [])


def test_many_dsss_have_room() -> None:
    servers = [{"name": f"d{number}", "identity": f"{number:032x}"} for number in range(40)]
    picture = seen(about=ABOUT | {"servers": servers}).watching.drawn()
    assert len(boxes(picture, "dss")) == MOST_ITEMS
    for one, other in combinations((box for box in picture.boxes if box.kind != "site"), 2):
        assert not overlap(one, other)


@pytest.mark.parametrize(
    ("endpoints", "site"),
    [
        (["192.0.2.7:43981"], "192.0.2.0/24"),
        (["[2001:db8:1:2::7]:43981"], "2001:db8:1:2::/64"),
        (["nonsense", "192.0.2.7:1"], "192.0.2.0/24"),
        ([], "elsewhere"),
    ],
)
def test_a_site_is_where_addresses_are_close(endpoints: list[str], site: str) -> None:
    assert site_of({"endpoints": endpoints}) == site


@pytest.mark.parametrize("query", ["", "?narrow"])
def test_the_picture_as_svg_is_sound_and_keeps_hostile_names_as_text(query: str) -> None:
    evil = '<script>alert("x")</script>&\u202e'
    watched = seen(nodes=[node(evil, 1, self=True), node("east", 0x101)])
    with watched.client() as client:
        answer = client.get(f"/topology.svg{query}")
    assert answer.headers["content-type"] == "image/svg+xml"
    root = ET.fromstring(answer.text)  # noqa: S314 - our own
    assert root.tag == f"{SVG}svg"
    assert not list(root.iter(f"{SVG}script"))
    titles = [element.text for element in root.iter(f"{SVG}title")]
    assert f"{evil}: 7E010A000001 · this node" in titles
