"""Filters of services and networks, as policy of a whole domain. Pure.

One list, held by the primary DSS and handed out with the parameters, so that all gateways filter alike;
Novell's DSS-based filters could differ from gateway to gateway (NIP199). The first filter that fits decides;
what none fits is shown. A hidden record is still kept and passed on: only answers leave it out.
"""

from collections.abc import Callable, Iterable, Iterator
from fnmatch import translate
from re import IGNORECASE
from re import compile as pattern_of
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta, Struct

from nwip.directory.records import Network, Record, Route, Service, Value, Word

FILTER_LIMIT: Final = 64

# At most four stars: a pattern with many takes long to match against a long name.
Pattern = Annotated[str, Meta(max_length=64, pattern=r"\A[^*\x00-\x1f]*(\*[^*\x00-\x1f]*){0,4}\Z")]


class Filter(Struct, frozen=True, array_like=True):
    """One rule; also on the wire. An empty list or text fits everything.

    `types` are SAP service types (a filter with types or a name fits services only); `name` and `owner` are
    patterns of `*` and `?` in any case of letters: `owner` is held against the owner's name and its identity
    in hexadecimal.
    """

    action: Literal["deny", "allow"]
    kind: Literal["service", "route", "any"] = "any"
    types: Annotated[tuple[Word, ...], Meta(max_length=64)] = ()
    name: Pattern = ""
    networks: Annotated[tuple[Network, ...], Meta(max_length=64)] = ()
    owner: Pattern = ""


class Vanishing(NamedTuple):
    """A record that a policy hides, and the filter that does it."""

    record: Record
    filter: Filter


class Policy:
    """Filters, ready to be asked. Two of the same filters are equal; one without filters is false."""

    __slots__ = ("_filters", "_rules")

    def __init__(self, filters: Iterable[Filter] = ()) -> None:
        self._filters = tuple(filters)
        self._rules = [_Rule(rule) for rule in self._filters]

    def __bool__(self) -> bool:
        return bool(self._filters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and self._filters == other._filters

    def __hash__(self) -> int:
        return hash(self._filters)

    @property
    def asks_for_owners(self) -> bool:
        """Whether any filter names an owner."""
        return any(rule.owner for rule in self._filters)

    def hides(self, value: Value, owner: bytes, owner_name: str) -> bool:
        """Say whether a value of that owner is kept from every answer; only services and routes may be."""
        rule = self.decides(value, owner, owner_name)
        return rule is not None and rule.action == "deny"

    def decides(self, value: Value, owner: bytes, owner_name: str) -> Filter | None:
        """Return the filter that decides on a value of that owner, None when none fits."""
        if not isinstance(value, Service | Route):
            return None
        return next((rule.filter for rule in self._rules if rule.fits(value, owner, owner_name)), None)


def dry_run(records: Iterable[tuple[Record, str]], policy: Policy) -> Iterator[Vanishing]:
    """Yield which of these records, given with their owners' names, a policy would hide."""
    for record, owner_name in records:
        rule = policy.decides(record.value, record.owner, owner_name)
        if rule is not None and rule.action == "deny":
            yield Vanishing(record, rule)


class _Rule:
    """A filter with its patterns compiled."""

    __slots__ = ("_name", "_owner", "filter")

    def __init__(self, rule: Filter) -> None:
        self.filter = rule
        self._name = _matcher(rule.name)
        self._owner = _matcher(rule.owner)

    def fits(self, value: Service | Route, owner: bytes, owner_name: str) -> bool:
        rule = self.filter
        if isinstance(value, Service):
            if rule.kind == "route" or (rule.types and value.service_type not in rule.types):
                return False
            if self._name is not None and not self._name(value.name):
                return False
        elif rule.kind == "service" or rule.types or rule.name:
            return False
        if rule.networks and value.network not in rule.networks:
            return False
        return self._owner is None or self._owner(owner_name) or self._owner(owner.hex())


def _matcher(pattern: str) -> Callable[[str], bool] | None:
    if not pattern:
        return None
    matches = pattern_of(translate(pattern.replace("[", "[[]")), IGNORECASE).match
    return lambda text: matches(text) is not None
