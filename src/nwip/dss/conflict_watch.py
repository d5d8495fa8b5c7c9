"""Raises an alarm when claims begin to contradict each other, and says when they no longer do. Pure."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from nwip.directory.conflicts import Conflict, conflict_of
from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Key, Kind, Node, Record, endpoint_text
from nwip.directory.table import Directory
from nwip.dss.messages import Delta
from nwip.ipx.address import format_network

WATCHED: Final = 1024  # conflicts whose end is told; more of them have one cause
TAKEOVER_LEASES: Final = 2  # leases that a takeover may last: who has died is gone after one

NewsListener = Callable[[Delta, bytes], None]
RemovalListener = Callable[[Sequence[Change]], None]
ParametersListener = Callable[[Parameters], None]

_log = logging.getLogger(__name__)


class Claimed(Protocol):
    """Where claims are made: an `Exchange`."""

    listeners: list[NewsListener]
    removal_listeners: list[RemovalListener]
    parameter_listeners: list[ParametersListener]

    @property
    def directory(self) -> Directory:
        """What is claimed."""
        ...

    @property
    def parameters(self) -> Parameters:
        """The parameters of the domain."""
        ...


class ConflictWatch:
    """Looks at the keys that change in an exchange, so that nobody need walk through the directory.

    Notes at most 1024 conflicts at a time, and as many takeovers; what is more is not told until others end.
    A takeover that lasts for two leases is told as a conflict: see `advance`.
    """

    def __init__(self, exchange: Claimed) -> None:
        self._exchange = exchange
        self._policy = (exchange.parameters.network, exchange.parameters.filters)
        self._known: dict[Key, None] = {}
        self._takeovers: dict[Key, float | None] = {}  # and until when each may last; None: not yet counted
        exchange.listeners.append(self._news)
        exchange.removal_listeners.append(self._removed)
        exchange.parameter_listeners.append(self._parameters_changed)

    def __len__(self) -> int:
        """Return how many conflicts there are."""
        return len(self._known)

    def standing(self) -> Iterator[Conflict]:
        """Yield the conflicts that there are, the oldest first."""
        for key in tuple(self._known):
            conflict = self._conflict(key)
            if conflict is not None:
                yield conflict

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        return min((until or 0.0 for until in self._takeovers.values()), default=None)

    def advance(self, now: float) -> None:
        """Tell of the takeovers that last."""
        for key, until in tuple(self._takeovers.items()):
            if until is None:
                self._takeovers[key] = now + TAKEOVER_LEASES * self._exchange.parameters.lease
            elif until <= now:
                conflict = self._conflict(key)
                if conflict is not None and len(self._known) < WATCHED:
                    del self._takeovers[key]
                    self._begin(conflict)
                else:
                    self._takeovers[key] = None

    def look_again(self) -> None:
        """Look at the whole directory: it was filled or shows other things, without a word of each."""
        directory = self._exchange.directory
        for key in (
            *self._known,
            *self._takeovers,
            *directory.keys(Kind.ROUTE),
            *directory.keys(Kind.SERVICE),
        ):
            self._look_at(key)

    def _news(self, delta: Delta, origin: bytes) -> None:
        del origin
        for record in delta.records:
            self._look_at(record.key)
        for gone in delta.withdrawals:
            self._look_at(gone.key)

    def _removed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._look_at(change.record.key)

    def _parameters_changed(self, parameters: Parameters) -> None:
        policy = (parameters.network, parameters.filters)
        if policy != self._policy:
            self._policy = policy
            self.look_again()

    def _conflict(self, key: Key) -> Conflict | None:
        return conflict_of(self._exchange.directory.claims(key), self._exchange.parameters.network)

    def _look_at(self, key: Key) -> None:
        conflict = self._conflict(key)
        if conflict is None:
            self._takeovers.pop(key, None)
            if key in self._known:
                del self._known[key]
                _log.info("the conflict about %s has ended", about(key))
        elif key in self._known:
            return
        elif not conflict.takeover:
            self._takeovers.pop(key, None)
            if len(self._known) < WATCHED:
                self._begin(conflict)
        elif key not in self._takeovers and len(self._takeovers) < WATCHED:
            self._takeovers[key] = None

    def _begin(self, conflict: Conflict) -> None:
        self._known[conflict.key] = None
        _log.warning("%s", sentence(conflict, self._exchange.directory))


def sentence(conflict: Conflict, directory: Directory) -> str:
    """Return what an operator is to know of a conflict: both origins, and what to do."""
    what = about(conflict.key)
    claims = " and ".join(origin(record, directory) for record in conflict.claims[:4])
    if len(conflict.claims) > 4:
        claims += f" and {len(conflict.claims) - 4} more"
    if conflict.virtual:
        return f"{what} is the virtual network, but {claims} has it too: give that segment another number"
    if conflict.key[0] is Kind.SERVICE:
        return f"{what} is claimed at two addresses, by {claims}: rename one of the two servers"
    if conflict.turns:
        return (
            f"{what} has two active gateways, {claims}: mend the cable if it is one LAN,"
            " or give one of two LANs another number"
        )
    return (
        f"{what} is the own segment of {claims}: give one another number, unless they are on one LAN together"
    )


def about(key: Key) -> str:
    """Return what a key of a route or service is in words."""
    kind, what, name = key
    if kind is Kind.ROUTE and isinstance(what, int):
        return f"network {format_network(what)}"
    return f"service {what:04X} {name}" if isinstance(what, int) else name


def origin(record: Record, directory: Directory) -> str:
    """Return who claims it: the node's name, its address and identity, and for a service where it is."""
    node: Node | None = directory.node_of(record.owner)
    who = f"node {node.name} at {endpoint_text(node.endpoints[0])}" if node else f"node {record.owner.hex()}"
    place = getattr(record.value, "address", None)
    return f"{who} ({place})" if place is not None else who
