"""What a doctor reads out of the rules of a firewall: of nft itself in a namespace, and of nonsense."""

import itertools
import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from nwip.doctor.findings import Verdict
from nwip.doctor.firewall import Fate, Ruleset, firewall

_numbers = itertools.count()


@pytest.fixture
def namespace() -> Iterator[str]:
    name = f"nwip-fw-{os.getpid()}-{next(_numbers)}"
    subprocess.run(["ip", "netns", "add", name], check=True, timeout=10)
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=True, timeout=10)


def ruleset(namespace: str, rules: str) -> Ruleset:
    """Let the kernel take rules, and read what nft then tells of them."""
    inside = ["ip", "netns", "exec", namespace, "nft"]
    subprocess.run([*inside, "-f", "-"], input=rules, text=True, check=True, timeout=10)
    told = subprocess.run([*inside, "-j", "list", "ruleset"], capture_output=True, check=True, timeout=10)
    return Ruleset(told.stdout.decode())


def chain(body: str, policy: str = "accept", hook: str = "input") -> str:
    head = f"type filter hook {hook} priority 0; policy {policy};"
    return f"table inet filter {{\nchain in {{\n{head}\n{body}\n}}\n}}\n"


def jumping(ours: str) -> str:
    return f"table inet filter {{\nchain ours {{\n{ours}\n}}\n}}\n{chain('jump ours')}"


CASES = [
    (chain(""), Fate.GOES_ON),
    (chain("", "drop"), Fate.DROPPED),
    (chain("", "drop", "output"), Fate.GOES_ON),
    (chain("udp dport 43981 accept", "drop"), Fate.GOES_ON),
    (chain("udp dport 43000-44000 drop"), Fate.DROPPED),
    (chain("udp dport { 213, 43981 } reject"), Fate.DROPPED),
    (chain("udp dport != 43981 accept", "drop"), Fate.DROPPED),
    (chain("tcp dport 43981 drop"), Fate.GOES_ON),
    (chain("meta l4proto udp drop"), Fate.DROPPED),
    (chain("ip protocol tcp drop"), Fate.GOES_ON),
    (chain("ip saddr 192.0.2.0/24 udp dport 43981 drop"), Fate.MAY_BE_DROPPED),
    (chain("ip saddr 192.0.2.0/24 accept", "drop"), Fate.MAY_BE_DROPPED),
    (chain("ip saddr 192.0.2.0/24 accept\ndrop"), Fate.MAY_BE_DROPPED),
    (chain("ip saddr 192.0.2.0/24 accept"), Fate.GOES_ON),
    (chain("ct state established,related accept; iifname lo accept", "drop"), Fate.DROPPED),
    (chain("ct state { established, related } accept; udp dport 43981 accept", "drop"), Fate.GOES_ON),
    (chain("ct state new udp dport 43981 accept", "drop"), Fate.GOES_ON),
    (chain("ct state invalid drop"), Fate.GOES_ON),
    (jumping("udp dport 43981 accept\ndrop"), Fate.GOES_ON),
    (jumping("udp dport 43981 drop"), Fate.DROPPED),
    (jumping("ip saddr 192.0.2.0/24 drop"), Fate.MAY_BE_DROPPED),
]


@pytest.mark.real("root", "netns", "nft")
@pytest.mark.parametrize(("rules", "fate"), CASES)
def test_what_becomes_of_a_packet_to_the_data_port(namespace: str, rules: str, fate: Fate) -> None:
    assert ruleset(namespace, rules).fate("udp", 43981)[0] is fate


@pytest.mark.real("root", "netns", "nft")
def test_the_mend_of_a_port_that_is_dropped_is_a_rule_that_nft_takes(namespace: str) -> None:
    rules = ruleset(namespace, chain("udp dport 43981 drop"))
    (finding,) = firewall(rules, [("TCP", 396), ("UDP", 43981), ("UDP", 43981)])
    assert finding.verdict is Verdict.FAULT
    assert finding.says == "the chain inet filter in drops UDP 43981"
    inside = ["ip", "netns", "exec", namespace]
    subprocess.run([*inside, *finding.mend.split()], check=True, timeout=10)
    told = subprocess.run(
        [*inside, "nft", "-j", "list", "ruleset"], capture_output=True, check=True, timeout=10
    )
    (after,) = firewall(Ruleset(told.stdout.decode()), [("UDP", 43981)])
    assert after.verdict is Verdict.OK


def test_rules_that_cannot_be_read_are_no_fault_and_say_why() -> None:
    (finding,) = firewall(None, [("UDP", 1)], "only root may")
    assert finding.verdict is Verdict.OK
    assert "only root may" in finding.says


def test_chains_that_jump_to_each_other_come_to_an_end() -> None:
    place = {"family": "ip", "table": "t"}
    loop = [{"jump": {"target": "a"}}]
    entries = [
        {"chain": {**place, "name": "a", "hook": "input", "type": "filter", "policy": "accept"}},
        {"rule": {**place, "chain": "a", "expr": loop}},
    ]
    assert Ruleset(json.dumps({"nftables": entries})).fate("udp", 1)[0] is Fate.GOES_ON


def test_a_condition_that_is_not_known_leaves_a_doubt() -> None:
    place = {"family": "ip", "table": "t"}
    entries = [
        {"chain": {**place, "name": "a", "hook": "input", "type": "filter", "policy": "accept"}},
        {"rule": {**place, "chain": "a", "expr": [{"xt": {"type": "match", "name": "u32"}}, {"drop": None}]}},
    ]
    (finding,) = firewall(Ruleset(json.dumps({"nftables": entries})), [("UDP", 43981)])
    assert finding.verdict is Verdict.WARNING


@pytest.mark.parametrize("text", ["", "{}", '{"nftables": 7}', '{"nftables": [{"chain": {}}]}', "[1]"])
def test_what_is_no_ruleset_is_one_of_three_errors(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Ruleset(text)
