"""The words of discovery: the ways to find a DSS, what one way tells the next, and what was tried. Pure."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from nwip.directory.records import Endpoint

LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN_PATTERN: Final = rf"\A{LABEL}(\.{LABEL})*\Z"
DOMAIN_LIMIT: Final = 253

AUTORETRIES: Final = 1  # the Novell client's own, as remembered: NET.CFG AUTORETRIES and AUTORETRY SECS
AUTORETRY_SECS: Final = 10.0

_DOMAIN: Final = re.compile(DOMAIN_PATTERN)


class Way(StrEnum):
    """The ways to find a DSS, in the order in which they are tried."""

    PREFERRED = "preferred"
    DHCP = "dhcp"
    DNS = "dns"
    NEAREST = "nearest"


class Step(NamedTuple):
    """One thing that was tried: by which way, what was asked, what came of it, and whether that helps."""

    way: Way
    asked: str
    answer: str
    helps: bool


@dataclass(slots=True)
class Hints:
    """What is known before a way is tried; a way that learns more writes it here for those after it.

    `domain` empty stands for whichever is found. A DSS that is silent is tried `autoretries` times,
    `autoretry_secs` seconds apart. `nsq_broadcast` False forbids to ask the subnet.
    """

    domain: str = ""
    autoretries: int = AUTORETRIES
    autoretry_secs: float = AUTORETRY_SECS
    nsq_broadcast: bool | None = None
    nearest_servers: list[str] = field(default_factory=list)


Say = Callable[[Step], None]
Source = Callable[[Hints, Say], Awaitable[list[Endpoint]]]
"""One way: takes the hints, says what it does, returns where a DSS may be, the best first; never raises."""


def is_domain_name(text: str) -> bool:
    """Say whether a text can be the name of a domain: labels of letters, digits, hyphens (RFC 1123)."""
    return len(text) <= DOMAIN_LIMIT and _DOMAIN.match(text) is not None
