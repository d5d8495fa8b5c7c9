"""Keeps the addresses of a tunnel's peers up to date: those of the configuration, and those of a list."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from nwip.links.rfc1234.fetch import fetch
from nwip.links.rfc1234.peer_list import (
    MOST_PEERS,
    ListError,
    is_address,
    is_usable,
    parse_peers,
)

REFRESH_INTERVAL: Final = 600.0  # seconds, give or take a tenth at random
RETRY_INTERVAL: Final = 60.0  # seconds after a fetch that failed
QUESTIONS: Final = 16  # names looked up at once
ADDRESSES: Final = 8  # of one name

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the IPv4 addresses of a name; raises `OSError` when it has none, or they cannot be found."""

_log = logging.getLogger("nwip.links.rfc1234")


class Peers:
    """The peers of the link `link`: names or IPv4 addresses from the configuration, and those of a list.

    `source` is the URL (http, https) or path of the list, None for none. Everything is looked up anew every
    `interval` seconds, without a restart; what cannot be had then stays as it was. `kept` is a file where the
    last good list is kept for the next start, None for none. `changed` gets all addresses, each time anew;
    at most `MOST_PEERS` names. `chance` returns a random number from 0 to 1.
    """

    def __init__(
        self,
        link: str,
        configured: Sequence[str],
        source: str | None,
        *,
        resolve: Resolve,
        changed: Callable[[frozenset[str]], None],
        chance: Callable[[], float],
        interval: float = REFRESH_INTERVAL,
        kept: Path | None = None,
    ) -> None:
        self.source = source
        self.state = "not fetched yet"
        self._link = link
        self._configured = tuple(configured)
        self._resolve = resolve
        self._changed = changed
        self._chance = chance
        self._interval = interval
        self._kept = kept
        self._listed: tuple[str, ...] = ()
        self._addresses: dict[str, tuple[str, ...]] = {}

    async def run(self) -> None:
        """Look everything up, again and again, until cancelled."""
        self._take_kept()
        self._publish()
        while True:
            good = await self.refresh()
            pause = self._interval if good else min(self._interval, RETRY_INTERVAL)
            await asyncio.sleep(pause * (0.9 + 0.2 * self._chance()))

    async def refresh(self) -> bool:
        """Fetch the list and look up every name, once; False when the list could not be had."""
        good = await self._fetch()
        names = self._names()
        limit = asyncio.Semaphore(QUESTIONS)
        found = await asyncio.gather(*(self._look_up(name, limit) for name in names))
        self._addresses = dict(zip(names, found, strict=True))
        self._publish()
        return good

    def _names(self) -> list[str]:
        return list(dict.fromkeys((*self._configured, *self._listed)))[:MOST_PEERS]

    async def _fetch(self) -> bool:
        if self.source is None:
            return True
        try:
            data = await fetch(self.source)
            listed = parse_peers(data)
        except ListError as error:
            self.state = f"cannot be used: {error}; {len(self._listed)} peers of the last good one stand"
            _log.warning("link %s: the list of peers at %s %s", self._link, self.source, self.state)
            return False
        if listed.complaint:
            _log.warning("link %s: the list of peers at %s: %s", self._link, self.source, listed.complaint)
        self._listed = listed.names
        self.state = f"{len(listed.names)} peers"
        self._keep(data)
        return True

    async def _look_up(self, name: str, limit: asyncio.Semaphore) -> tuple[str, ...]:
        if is_address(name):
            return (name,)
        async with limit:
            try:
                found = await self._resolve(name)
            except OSError as error:
                _log.warning("link %s: peer %s cannot be found: %s", self._link, name, error)
                return self._addresses.get(name, ())
        return tuple(address for address in found if is_address(address) and is_usable(address))[:ADDRESSES]

    def _publish(self) -> None:
        known = [self._addresses.get(name, (name,) if is_address(name) else ()) for name in self._names()]
        self._changed(frozenset(address for addresses in known for address in addresses))

    def _take_kept(self) -> None:
        if self._kept is None or self.source is None or not self._kept.exists():
            return
        try:
            self._listed = parse_peers(self._kept.read_bytes()).names
        except (OSError, ListError) as error:
            _log.warning("link %s: the kept list of peers cannot be used: %s", self._link, error)

    def _keep(self, data: bytes) -> None:
        if self._kept is None:
            return
        beside = self._kept.with_suffix(".new")
        try:
            beside.write_bytes(data)
            beside.replace(self._kept)
        except OSError as error:
            _log.warning("link %s: the list of peers cannot be kept: %s", self._link, error.strerror)
