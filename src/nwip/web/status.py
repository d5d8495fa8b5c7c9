"""The line at the top of every page: whether the node answers, and how many alarms stand. Pure."""

from nwip.durations import seconds
from nwip.web.facts import Row, number, objects
from nwip.web.watching import Watching


def status(watching: Watching) -> Row:
    """Return `state` ("ok", "warn" or "bad"), `words`, the sentence `problem` behind it, and the figures."""
    facts, now = watching.facts, watching.now
    standing = len(watching.alarms.standing())
    if facts.problem:
        since = "" if facts.at is None else f" for {seconds(now - facts.at)}"
        state, said = "bad", f"the node has not answered{since}"
    elif standing:
        state, said = "warn", f"{standing} alarm{'s' if standing > 1 else ''}"
    else:
        state, said = "ok", "all is well"
    return {"state": state, "words": said, "problem": facts.problem, "figures": figures(watching)}


def figures(watching: Watching) -> list[Row]:
    """Return what there is of each, and the page that lists it."""
    facts = watching.facts
    hosts = sum(number(row, "hosts") for row in facts.rows("nodes"))
    return [
        {"name": "Nodes", "value": str(len(facts.rows("nodes"))), "page": "/nodes"},
        {"name": "DSSs", "value": str(len(objects(facts.about, "servers"))), "page": "/dss"},
        {"name": "Services", "value": str(len(facts.rows("services"))), "page": "/services"},
        {"name": "Routes", "value": str(len(facts.rows("routes"))), "page": "/routes"},
        {"name": "Hosts", "value": f"{hosts:.0f}", "page": "/nodes"},
        {"name": "Clients here", "value": str(len(facts.rows("clients"))), "page": "/links"},
        {"name": "Alarms", "value": str(len(watching.alarms.standing())), "page": "/alarms"},
    ]  # fmt: skip
