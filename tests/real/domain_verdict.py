"""What the nodes' journals say, and whether a copy of the directory agrees with it. Pure."""

from collections.abc import Iterable, Mapping
from statistics import quantiles
from typing import Final, NamedTuple

from real.domain_copy import Copy, Vanished
from real.domain_frames import SERVICE, Key, Message, version_of
from real.domain_nodes import Account

Services = Mapping[tuple[bytes, Key], Message]
SHOWN: Final = 3  # examples in a sentence


class Lags(NamedTuple):
    """Seconds from a registration's Acknowledge until a copy had it, or a later one."""

    longest: float
    median: float
    p99: float
    of: int

    def __str__(self) -> str:
        return f"p50 {self.median:.2f} s, p99 {self.p99:.2f} s, longest {self.longest:.2f} s of {self.of}"


class Truth:
    """What is right: the accounts of the nodes, of which some were killed at a time."""

    def __init__(self) -> None:
        self.services: dict[tuple[bytes, Key], Message] = {}
        self.killed: dict[bytes, float] = {}
        self.refused = 0
        self._retracted: dict[tuple[bytes, Key], int] = {}
        self._times: dict[bytes, list[tuple[Key, int, float]]] = {}

    def learn(self, accounts: Iterable[Account]) -> None:
        """Take in what nodes say now, in place of what they said before."""
        for account in accounts:
            owner = account.identity
            self._drop(owner)
            for service_type, name, value in account.services:
                self.services[owner, (SERVICE, service_type, name)] = value
            for service_type, name, version in account.retracted:
                self._retracted[owner, (SERVICE, service_type, name)] = version
            self._times[owner] = [
                ((SERVICE, service_type, name), version, at)
                for service_type, name, version, at in account.times
            ]
            self.refused += account.refused

    def kill(self, owners: Iterable[bytes], now: float) -> None:
        """Learn that nodes are dead: their services are to go, by the end of their leases."""
        for owner in owners:
            self.killed[owner] = now
            self._drop(owner)

    def differences(self, found: Services) -> str:
        """Return in one sentence what is not as it should be, empty if all is."""
        missing = [place for place in self.services if place not in found]
        extra = [place for place in found if place not in self.services]
        other = [
            place
            for place, value in self.services.items()
            if place in found and list(found[place]) != list(value)
        ]
        return "; ".join(
            f"{len(places)} {what}, as {places[:SHOWN]}"
            for what, places in (("missing", missing), ("too many", extra), ("with another value", other))
            if places
        )

    def unjust(self, vanished: Iterable[Vanished]) -> list[Vanished]:
        """Return what has vanished from a copy though its owner lived and had not retracted it.

        A version is retracted when it or a later one was: the node number counts them, none is used twice.
        """
        return [
            gone
            for gone in vanished
            if gone.at < self.killed.get(gone.owner, gone.at + 1)
            and gone.version > self._retracted.get((gone.owner, gone.key), 0)
        ]

    def lags(self, copy: Copy, since: float, until: float) -> Lags:
        """Return how late a copy had what was acknowledged in a span of time, behind its snapshot."""
        since = max(since, copy.whole_at or until)
        found: list[float] = []
        for owner, times in self._times.items():
            for key, version, at in times:
                if since <= at < until:
                    seen = [when for which, when in copy.seen.get((owner, key), ()) if which >= version]
                    found += [max(0.0, seen[0] - at)] if seen else []
        if len(found) < 2:
            return Lags(0.0, 0.0, 0.0, len(found))
        cuts = quantiles(found, n=100)
        return Lags(max(found), cuts[49], cuts[98], len(found))

    def _drop(self, owner: bytes) -> None:
        for place in [place for place in self.services if place[0] == owner]:
            del self.services[place]


def versions(services: Services) -> dict[tuple[bytes, Key], int]:
    """Return the version of each service: what is left of a value on the way of old clients."""
    return {place: version_of(value) for place, value in services.items()}
