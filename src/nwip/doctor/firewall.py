"""Reads the rules of nftables (`nft -j list ruleset`) and says what they make of a port of ours. Pure.

As far as they can be read: a rule that asks for more than protocol and port may or may not fit, and is told
as such. What iptables writes on today's systems is in nftables, too. Source: libnftables-json(5).
"""

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final

from nwip.doctor.findings import Finding, fault, warning, well

DEPTH: Final = 16  # chains that jump to each other; the kernel has the same limit
HOOKS: Final = ("prerouting", "input")

Rule = Mapping[str, Any]
Chain = tuple[str, str, str]
"""Family, table and name."""


class Fate(Enum):
    """What becomes of a packet to a port: it goes on, is dropped, or one cannot tell from here."""

    GOES_ON = 0
    ACCEPTED = 1
    MAY_BE_ACCEPTED = 2
    MAY_BE_DROPPED = 3
    DROPPED = 4


_DROPS: Final = frozenset({Fate.MAY_BE_DROPPED, Fate.DROPPED})
_AT_THE_END: Final = {Fate.GOES_ON: Fate.DROPPED, Fate.MAY_BE_ACCEPTED: Fate.MAY_BE_DROPPED}
"""What becomes of a packet at the end of a chain whose policy is drop."""


class Ruleset:
    """A ruleset of nftables; nothing in it is believed to be of any form."""

    def __init__(self, text: str) -> None:
        """Read what nft has written. Raises `ValueError` for what is none of it."""
        entries = json.loads(text)["nftables"]
        self.chains: dict[Chain, Rule] = {}
        self.rules: dict[Chain, list[list[Any]]] = {}
        for entry in entries:
            if "chain" in entry:
                chain = entry["chain"]
                self.chains[chain["family"], chain["table"], chain["name"]] = chain
            elif "rule" in entry:
                rule = entry["rule"]
                place = (rule["family"], rule["table"], rule["chain"])
                self.rules.setdefault(place, []).append(rule.get("expr", []))

    def fate(self, transport: str, port: int, family: str = "ip") -> tuple[Fate, str]:
        """Return what becomes of a first packet to a port ("tcp" or "udp"), and in which chain."""
        worst = (Fate.GOES_ON, "")
        for place, chain in self.chains.items():
            if (
                chain.get("hook") not in HOOKS
                or place[0] not in {family, "inet"}
                or chain.get("type") != "filter"
            ):
                continue
            fate = self._walk(place, transport, port, 0)
            if chain.get("policy") == "drop":
                fate = _AT_THE_END.get(fate, fate)
            if fate in _DROPS and fate.value > worst[0].value:
                worst = (fate, " ".join(place))
        return worst

    def _walk(self, place: Chain, transport: str, port: int, depth: int) -> Fate:
        hope = doubt = False
        for rule in self.rules.get(place, []) if depth < DEPTH else []:
            fits = _fits(rule, transport, port)
            fate = None if fits is False else self._verdict(rule, place, transport, port, depth)
            if fate is Fate.ACCEPTED and fits:
                return Fate.MAY_BE_DROPPED if doubt else fate
            if fate is Fate.DROPPED and fits:
                return Fate.MAY_BE_DROPPED if hope else fate
            hope = hope or fate in {Fate.ACCEPTED, Fate.MAY_BE_ACCEPTED}
            doubt = doubt or fate in _DROPS
        if doubt:
            return Fate.MAY_BE_DROPPED
        return Fate.MAY_BE_ACCEPTED if hope else Fate.GOES_ON

    def _verdict(self, rule: list[Any], place: Chain, transport: str, port: int, depth: int) -> Fate | None:
        for part in rule:
            if "drop" in part or "reject" in part:
                return Fate.DROPPED
            if "accept" in part:
                return Fate.ACCEPTED
            for kind in ("jump", "goto"):
                if kind in part:
                    fate = self._walk((*place[:2], part[kind]["target"]), transport, port, depth + 1)
                    return None if fate is Fate.GOES_ON else fate
        return None


def _fits(rule: Iterable[Any], transport: str, port: int) -> bool | None:
    """Say whether a rule fits a first packet to a port; None where that cannot be told from here."""
    sure = True
    for part in rule:
        if "match" not in part and "xt" not in part:
            continue
        fits = _match(part["match"], transport, port) if "match" in part else None
        if fits is False:
            return False
        sure = sure and fits is True
    return True if sure else None


def _match(match: Rule, transport: str, port: int) -> bool | None:
    left, right, turned = match.get("left", {}), match.get("right"), match.get("op") == "!="
    answer: bool | None = None
    payload, meta, ct = (
        left.get(kind, {}) if isinstance(left, dict) else {} for kind in ("payload", "meta", "ct")
    )
    if payload.get("field") == "dport":
        protocol = payload.get("protocol")
        if protocol not in {transport, "th"}:
            return False
        answer = _holds(right, port)
    elif payload.get("field") in {"protocol", "nexthdr"} or meta.get("key") == "l4proto":
        answer = _holds(right, transport)
    elif meta.get("key") in {"iif", "iifname"} and right == "lo" and not turned:
        return False  # what comes from elsewhere
    elif ct.get("key") == "state":
        answer = _holds(right, "new")
    return answer if answer is None else answer != turned


def _holds(right: object, value: int | str) -> bool | None:
    """Say whether a right side (a value, a range, a set) has a value."""
    match right:
        case int() | str():
            return right == value
        case {"range": [int(low), int(high)]}:
            return isinstance(value, int) and low <= value <= high
        case {"set": list(members)} | list(members):
            answers = [_holds(member, value) for member in members]
            return True if True in answers else None if None in answers else False
    return None


def firewall(ruleset: Ruleset | None, ports: Iterable[tuple[str, int]], why: str = "") -> list[Finding]:
    """Judge what the rules make of each (transport, port); `why` says why there are none to judge."""
    about = "firewall"
    if ruleset is None:
        return [well(about, f"its rules cannot be read: {why}", "see as root: nft list ruleset")]
    found = []
    for transport, port in dict.fromkeys(ports):
        fate, chain = ruleset.fate(transport.lower(), port)
        place, name = chain.rpartition(" ")[::2]
        mend = f"nft insert rule {place} {name} {transport.lower()} dport {port} accept"
        if fate is Fate.DROPPED:
            found.append(fault(about, f"the chain {chain} drops {transport} {port}", mend))
        elif fate is Fate.MAY_BE_DROPPED:
            says = f"the chain {chain} drops {transport} {port} under conditions"
            found.append(warning(about, says, f"if nodes or players get no answer: {mend}"))
    return found or [well(about, "no rule that was read drops what comes to nwip's ports")]
