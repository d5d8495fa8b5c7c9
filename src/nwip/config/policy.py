"""What is policy of a whole domain in `nwip.toml`: how fast it ages, what it hides, who may register what."""

from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from nwip.directory.filters import Filter, Pattern
from nwip.directory.grants import NETWORKS_LIMIT, Grant
from nwip.directory.parameters import DEFAULT_LEASE, DEFAULT_RENEWAL, DEFAULT_SYNCHRONISATION
from nwip.ipx.address import parse_network

TypeText = Annotated[str, Meta(pattern=r"\A[0-9A-Fa-f]{1,4}\Z")]
NetworkText = Annotated[str, Meta(pattern=r"\A0{0,7}[1-9A-Fa-f][0-9A-Fa-f]{0,7}\Z", max_length=8)]


class Profile(NamedTuple):
    """Seconds: how long a silent node is believed, how often nodes renew, how often DSSs compare."""

    lease: float
    renewal: float
    synchronisation: float


def profile(name: str) -> Profile:
    """Return the intervals of a profile; "classic" are Novell's five minutes, as they are remembered."""
    if name == "classic":
        return Profile(lease=900.0, renewal=300.0, synchronisation=300.0)
    return Profile(DEFAULT_LEASE, DEFAULT_RENEWAL, DEFAULT_SYNCHRONISATION)


class FilterSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """`[[filter]]`: one rule; the first that fits a service or network decides."""

    action: Literal["deny", "allow"]
    kind: Literal["service", "route", "any"] = "any"
    types: Annotated[tuple[TypeText, ...], Meta(max_length=64)] = ()
    name: Pattern = ""
    networks: Annotated[tuple[NetworkText, ...], Meta(max_length=64)] = ()
    owner: Pattern = ""

    def filter(self) -> Filter:
        """Return the rule as the domain's parameters hold it."""
        return Filter(
            self.action,
            self.kind,
            tuple(int(text, 16) for text in self.types),
            self.name,
            tuple(parse_network(text) for text in self.networks),
            self.owner,
        )


class GrantSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """`[[grant]]`: networks that some nodes may register, where `domain.networks` is "listed"."""

    networks: Annotated[tuple[NetworkText, ...], Meta(min_length=1, max_length=NETWORKS_LIMIT)]
    owner: Pattern = ""
    source: Annotated[str, Meta(max_length=49)] = ""

    def grant(self) -> Grant:
        """Return it as the domain's parameters hold it. Raises `ValueError` for a source that is none."""
        return Grant(tuple(parse_network(text) for text in self.networks), self.owner, self.source)
