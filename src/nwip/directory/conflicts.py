"""Conflicts among owners: one service at two addresses, one network number in two places. Pure.

The directory keeps every offer and answers with the nearest, so a conflict breaks nothing here; but half of
the domain then reaches one server and half another. Two gateways that tell of the same server at the same
address are no conflict, they are alternates. Two nodes with one identity are found by the sessions.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from nwip.directory.records import Change, Key, Kind, Record, Route, Service
from nwip.ipx.address import format_network
from nwip.ipx.numbers import ServiceType

_log = logging.getLogger(__name__)

ALARM_LIMIT: Final = 256

# An NDS tree's name stands for the tree, and each of its servers says it at its own address.
SHARED_NAMES: Final = frozenset({ServiceType.TIME_SYNCHRONISATION, ServiceType.DIRECTORY_TREE})


class Alarm(NamedTuple):
    """A conflict that stands since `since`, between these claims, in one `sentence` with its mend."""

    key: Key
    since: float
    claims: tuple[Record, ...]
    sentence: str

    def __str__(self) -> str:
        return self.sentence


class Conflicts:
    """The conflicts that stand now, at most `limit`; `unkept` counts those that found no room.

    `offers` returns all owners' live records of a key, `name_of` what people call an owner, `clock` seconds.
    `network` is the virtual network's number. What a change costs does not grow with the directory, only
    with the number of owners of its key.
    """

    def __init__(
        self,
        offers: Callable[[Key], Sequence[Record]],
        name_of: Callable[[bytes], str],
        network: int,
        clock: Callable[[], float],
        limit: int = ALARM_LIMIT,
    ) -> None:
        self._offers = offers
        self._name_of = name_of
        self._network = network
        self._clock = clock
        self._limit = limit
        self._standing: dict[Key, tuple[float, tuple[Record, ...]]] = {}
        self.unkept = 0

    def __len__(self) -> int:
        """Return how many conflicts stand."""
        return len(self._standing)

    def take(self, changes: Iterable[Change]) -> None:
        """Learn what has happened to the directory, afterwards. A new conflict is logged."""
        for change in changes:
            value = change.record.value
            if isinstance(value, Service | Route):
                key = value.key
                # What goes, or is hidden, can only end a conflict.
                if key in self._standing or not (change.removed or change.hidden):
                    self._judge(key)

    def take_network(self, network: int) -> None:
        """Learn that the virtual network has another number."""
        before, self._network = self._network, network
        for number in {before, network}:
            self._judge((Kind.ROUTE, number, ""))

    def standing(self) -> list[Alarm]:
        """Return the conflicts that stand now, oldest first."""
        return [
            Alarm(key, since, claims, self._sentence(key, claims))
            for key, (since, claims) in self._standing.items()
        ]

    def _judge(self, key: Key) -> None:
        claims = self._claims(key)
        known = self._standing.get(key)
        if not claims:
            self._standing.pop(key, None)
        elif known is not None:
            self._standing[key] = (known[0], claims)
        elif len(self._standing) >= self._limit:
            self.unkept += 1
        else:
            self._standing[key] = (self._clock(), claims)
            _log.warning("%s", self._sentence(key, claims))

    def _claims(self, key: Key) -> tuple[Record, ...]:
        """Return one record for each of the things that cannot all be so, nothing when all agree."""
        offers = self._offers(key)
        if key[0] == Kind.SERVICE:
            if len(offers) < 2 or key[1] in SHARED_NAMES:
                return ()
            first_at = {}
            for record in offers:
                if isinstance(record.value, Service):
                    first_at.setdefault(record.value.address, record)
            return tuple(first_at.values()) if len(first_at) > 1 else ()
        if key[1] == self._network:
            return tuple(offers)
        attached = tuple(
            record for record in offers if isinstance(record.value, Route) and not record.value.hops
        )
        return attached if len(attached) > 1 else ()

    def _sentence(self, key: Key, claims: tuple[Record, ...]) -> str:
        names = self._names(claims[:2])
        more = f", and {len(claims) - 2} more" if len(claims) > 2 else ""
        if isinstance(key[1], int) and key[0] == Kind.ROUTE:
            number = format_network(key[1])
            if key[1] == self._network:
                who = " and ".join(names)
                return (
                    f"network {number} is the domain's own, and there is another of that number behind"
                    f" {who}{more}: give that one another number"
                )
            return (
                f"network {number} is attached to {names[0]} and to {names[1]}{more}: give one of them"
                " another number, unless both are on the same LAN"
            )
        places = [
            f"at {record.value.address} behind {name}"
            for record, name in zip(claims, names, strict=False)
            if isinstance(record.value, Service)
        ]
        return (
            f"service {key[1]:04X} {key[2]} is {' and '.join(places)}{more}:"
            " rename one of the two, or hide one with a filter"
        )

    def _names(self, claims: Sequence[Record]) -> list[str]:
        """Return the owners' names, with their identities where two have the same name."""
        names = [self._name_of(record.owner) for record in claims]
        if len(set(names)) == len(names):
            return names
        return [f"{name} ({record.owner.hex()})" for name, record in zip(names, claims, strict=True)]
