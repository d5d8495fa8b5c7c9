"""Keeps what has been seen of the node, and wakes who waits for news."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from nwip.web.alarms import AlarmBook
from nwip.web.asking import PERIOD
from nwip.web.facts import Facts
from nwip.web.history import History
from nwip.web.picture import WIDE, Picture, picture
from nwip.web.plan import plan

NARROW: Final = 1  # gateways beside each other on a telephone

_log = logging.getLogger(__name__)


class Watching:
    """The present state of the node, and how it came to it. `version` goes up with every look.

    `look()` is `Asker.look`; `clock()` is the clock of its times; `epoch` added to these gives UNIX time.
    """

    def __init__(self, look: Callable[[], Facts], clock: Callable[[], float], epoch: float) -> None:
        self.facts = Facts(problem="the node has not been asked yet")
        self.history = History()
        self.alarms = AlarmBook()
        self.version = 0
        self.epoch = epoch
        self.closed = False
        self._look = look
        self._clock = clock
        self._news = asyncio.Event()

    @property
    def now(self) -> float:
        """The time on the clock of all that is kept here."""
        return self._clock()

    async def run(self) -> None:
        """Look at the node every `PERIOD` seconds, until cancelled."""
        while True:
            try:
                self.take(await asyncio.to_thread(self._look))
            except Exception:  # noqa: BLE001 - one answer that makes no sense stops no page
                _log.exception("what the node has answered could not be taken")
            await asyncio.sleep(PERIOD)

    def take(self, facts: Facts) -> None:
        """Take what was seen, and wake who waits."""
        self.facts = facts
        self.history.take(facts)
        self.alarms.take(facts, self.now)
        self.version += 1
        self._wake()

    def close(self) -> None:
        """Let nobody wait any longer."""
        self.closed = True
        self._wake()

    async def news(self, version: int) -> None:
        """Return when there is a version later than this, or all is closed."""
        while self.version <= version and not self.closed:
            await self._news.wait()

    def drawn(self, columns: int = WIDE) -> Picture:
        """Return the picture of the domain as it is now."""
        found = plan(self.facts, self.history, self.alarms.gone(), self.now)
        return picture(found, columns)

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
