"""The DNS way: SRV before NS, glue, referrals, lame delegations, and name servers that fail."""

import asyncio
from collections import Counter
from random import Random

import dns.message
import dns.name
import pytest

from discovery.name_server import Answer, name_server, zone
from nwip.directory.records import Endpoint
from nwip.discovery import name_questions
from nwip.discovery.names import DnsWay
from nwip.discovery.steps import Hints, Step

NS = ("lab.test NS dss1.lab.test.", "dss1.lab.test A 192.0.2.1", "dss1.lab.test AAAA 2001:db8::1")


def look(
    answer: Answer, domain: str = "lab.test", search: str = "", seed: int = 1
) -> tuple[list[Endpoint], list[Step]]:
    steps: list[Step] = []
    with name_server(answer) as resolver:
        if search:
            resolver.search = [dns.name.from_text(search)]
        way = DnsWay(resolver, Random(seed), lambda address: address != "192.0.2.9")  # noqa: S311
        return asyncio.run(way(Hints(domain), steps.append)), steps


def test_the_name_servers_of_the_domain_are_its_dsss() -> None:
    found, steps = look(zone(*NS))
    assert set(found) == {
        ("192.0.2.1", 396),
        ("192.0.2.1", 10396),
        ("2001:db8::1", 396),
        ("2001:db8::1", 10396),
    }
    assert [port for _, port in found] == [396, 396, 10396, 10396], (
        "the usual port of all before the other one"
    )
    assert [(step.asked, step.helps) for step in steps] == [
        ("SRV _nwip-dss._tcp.lab.test", False),
        ("NS lab.test", True),
    ]


def test_srv_says_host_and_port_and_comes_first() -> None:
    found, _ = look(zone("_nwip-dss._tcp.lab.test SRV 10 5 1396 dss1.lab.test.", *NS))
    assert set(found) == {("192.0.2.1", 1396), ("2001:db8::1", 1396)}


def test_srv_goes_by_priority_then_by_weight() -> None:
    records = [
        "_nwip-dss._tcp.lab.test SRV 20 0 1 a.lab.test.",
        "_nwip-dss._tcp.lab.test SRV 10 90 2 a.lab.test.",
        "_nwip-dss._tcp.lab.test SRV 10 10 3 a.lab.test.",
        "a.lab.test A 192.0.2.1",
    ]
    orders = Counter(tuple(port for _, port in look(zone(*records), seed=seed)[0]) for seed in range(100))
    assert set(orders) == {(2, 3, 1), (3, 2, 1)}
    assert orders[2, 3, 1] > 75, "nine times of ten"


def test_srv_may_say_that_there_is_none() -> None:
    found, steps = look(zone("_nwip-dss._tcp.lab.test SRV 0 0 0 ."))
    assert found == []
    assert steps[0].answer == "nothing"


def test_the_nearest_of_several_name_servers_is_asked_first() -> None:
    found, _ = look(zone("lab.test NS a.x.", "lab.test NS b.x.", "a.x A 192.0.2.1", "b.x A 192.0.2.9"))
    assert [host for host, _ in found][:2] == ["192.0.2.9", "192.0.2.1"]


def test_a_lame_delegation_is_recognised_and_read_from_the_zone_above() -> None:
    found, steps = look(zone("test NS ns.test.", "ns.test A 127.0.0.1", *NS, lame="lab.test"))
    assert ("192.0.2.1", 396) in found
    assert [(step.asked, step.answer) for step in steps][:3] == [
        ("SRV _nwip-dss._tcp.lab.test", "no name server can tell (SERVFAIL)"),
        ("NS lab.test", "no name server can tell (SERVFAIL)"),
        (
            "delegation of lab.test",
            "lame: the zone test delegates it to servers that do not answer for it",
        ),
    ]
    assert steps[3].asked == "NS lab.test in the zone above it"


def test_a_name_server_that_only_refers_is_understood() -> None:
    found, _ = look(zone(*NS, referral=True))
    assert ("192.0.2.1", 396) in found


def test_a_domain_that_does_not_exist_is_not_looked_for_further() -> None:
    found, steps = look(zone("test NS ns.test.", "ns.test A 127.0.0.1"))
    assert found == []
    assert [step.answer for step in steps] == ["does not exist", "does not exist"]


def test_without_a_domain_only_srv_of_the_search_domains_is_asked() -> None:
    records = ["_nwip-dss._tcp.corp.test SRV 0 0 396 a.test.", "a.test A 192.0.2.4", "corp.test NS a.test."]
    assert look(zone(*records), "", "corp.test")[0] == [("192.0.2.4", 396)]
    found, steps = look(zone(*records[1:]), "", "corp.test")
    assert found == []
    assert [step.asked for step in steps] == ["SRV _nwip-dss._tcp.corp.test"]


def test_without_domain_and_search_domain_nothing_is_asked() -> None:
    found, (step,) = look(zone(*NS), "")
    assert found == []
    assert "no search domain" in step.answer


def test_name_servers_that_are_silent_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_questions, "QUESTION_LIMIT", 0.2)
    found, steps = look(lambda _: None)
    assert found == []
    assert [step.answer for step in steps] == ["no name server answers in time"] * 2


def test_a_name_server_with_thousands_of_records_costs_a_few_questions() -> None:
    asked: Counter[str] = Counter()
    base = zone(*[f"lab.test NS n{number}.x." for number in range(40)], "n1.x A 192.0.2.1")

    def answer(question: dns.message.Message) -> dns.message.Message | None:
        asked[question.question[0].rdtype.name] += 1
        return base(question)

    look(answer)
    assert asked["A"] + asked["AAAA"] <= 16
