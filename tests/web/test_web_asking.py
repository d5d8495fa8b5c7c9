"""The page asks a node no oftener than it is cheap, and keeps what it was told last."""

from nwip.control import UNREACHABLE, NodeRefused
from nwip.web.asking import PERIOD, SHARE, Asker, as_told
from nwip.web.facts import QUESTIONS
from web.answers import Node, Watched, answers


def test_everything_is_asked_once_a_period_and_what_is_long_less_often() -> None:
    node = Node()
    asker = Asker(node.ask, node.clock)
    for _ in range(10):
        asker.look()
        node.now += PERIOD
    assert node.asked.count("nodes") == 10
    assert node.asked.count("services") < 10
    assert set(node.asked) == set(QUESTIONS)


def test_an_answer_that_takes_long_is_asked_for_less_often() -> None:
    node = Node({"about": {}})
    asker = Asker(node.ask, node.clock)
    node.takes = 1.0
    begun = node.now
    while node.now < begun + 100:
        asker.look()
        node.now += PERIOD
    spent = node.asked.count("nodes") * node.takes
    assert 0 < spent <= (node.now - begun) / SHARE + 2 * node.takes


def test_what_a_silent_node_said_last_is_kept_and_it_is_not_asked_on() -> None:
    watched = Watched()
    watched.look()
    watched.node.is_down = True
    watched.node.asked.clear()
    facts = watched.look()
    assert watched.node.asked == ["about"]
    assert facts.problem == "no nwip node is running here"
    assert [row["name"] for row in facts.rows("nodes")] == ["west", "east", "north"]
    assert facts.at == watched.node.now - PERIOD
    assert as_told(facts) == {}, "a scrape must not see what is no longer so"
    watched.node.is_down = False
    assert watched.look().problem == ""


def test_a_node_without_a_dss_or_of_another_version_is_taken_as_it_is() -> None:
    node = Node({key: value for key, value in answers().items() if key not in {"dss-status", "about"}})
    facts = Asker(node.ask, node.clock).look()
    assert facts.problem == ""
    assert (facts.dss, facts.about) == ({}, {})
    assert len(facts.rows("nodes")) == 3


def test_a_node_that_has_not_joined_says_why_there_is_nothing() -> None:
    node = Node({"about": NodeRefused(UNREACHABLE, "this node has not joined its domain yet")})
    assert Asker(node.ask, node.clock).look().problem == "this node has not joined its domain yet"


def test_answers_that_make_no_sense_are_none() -> None:
    node = Node({"about": [1], "nodes": {"a": 1}, "links": [1, {"name": "a"}], "dss-status": None})
    facts = Asker(node.ask, node.clock).look()
    assert (facts.about, facts.rows("nodes"), facts.dss) == ({}, (), {})
    assert facts.rows("links") == ({"name": "a"},)
