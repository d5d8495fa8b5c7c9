"""The links of a running node: opened, added, removed and exchanged while it runs."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from nwip.binding import Echo
from nwip.config import AnyLink, ConfigError
from nwip.linking import Builder, open_link
from nwip.links.base import Link

FAREWELL_LIMIT: Final = 1.0  # seconds to tell a link that everything behind us is lost
FAREWELL_STEP: Final = 0.02

_log = logging.getLogger(__name__)


class LinkSet:
    """What of links is open, by name, with the settings that it was opened with."""

    def __init__(self, builder: Builder, file: str | None, echo: Echo) -> None:
        self._builder = builder
        self._file = file
        self._echo = echo
        self._open: dict[str, tuple[AnyLink, Link]] = {}

    @property
    def settings(self) -> tuple[AnyLink, ...]:
        """The settings of the links that are open."""
        return tuple(settings for settings, _ in self._open.values())

    async def add(self, settings: AnyLink) -> Link:
        """Open one more link. Raises `ConfigError`, also for a name that another link has."""
        name = settings.title
        if name in self._open or name == self._builder.gateway.virtual.name:
            raise ConfigError(
                self._file, "link.name", f'is "{name}", which another link has', "give it another name"
            )
        link = await open_link(self._builder, settings, self.settings, self._file, self._echo)
        self._open[name] = (settings, link)
        return link

    async def remove(self, name: str) -> None:
        """Close a link and let everything go that was known through it. Raises `KeyError`."""
        _, link = self._open.pop(name)
        await self._end([link], partial(self._builder.gateway.go_down, link))

    async def become(self, wanted: Sequence[AnyLink]) -> tuple[list[str], list[str]]:
        """Have just these links open; return the names that were opened and closed.

        A link whose settings are the same is not touched; one whose settings differ is closed and opened
        anew. One that cannot be had is left out, with its reason in the log; the rest go on.
        """
        by_name = {settings.title: settings for settings in wanted}
        closed = [name for name, (settings, _) in self._open.items() if by_name.get(name) != settings]
        for name in closed:
            await self.remove(name)
        added = []
        for name, settings in by_name.items():
            if name not in self._open:
                try:
                    await self.add(settings)
                except ConfigError as error:
                    _log.error("the link %s is left out: %s", name, error)
                else:
                    added.append(name)
        return added, closed

    async def close(self) -> None:
        """Close all, last opened first."""
        links = [link for _, link in reversed(self._open.values())]
        self._open.clear()
        await self._end(links, self._builder.gateway.stop)

    async def _end(self, links: Sequence[Link], goodbye: Callable[[], bool]) -> None:
        """Say on all of them that we go, as a router does, packet by packet, then close them."""
        gateway = self._builder.gateway
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_LIMIT):
                while not goodbye():  # noqa: ASYNC110 - it says how far it is when it is asked
                    await asyncio.sleep(FAREWELL_STEP)
        for link in links:
            await link.close()
            gateway.detach(link)
