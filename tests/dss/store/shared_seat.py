"""A DSS at a simulated store: tells it and hears from it, at once or little by little."""

from collections.abc import Generator
from itertools import islice

from dss.replicated_domain import Site
from dss.store.simulated_store import Cloud, parts_of
from nwip.dss.store.sharing import Sharing

MEDIUM = b"M" * 16
ASKED_AT_ONCE = 4
STRAY = 12.0  # seconds until a write comes about that was given up


class Seat:
    """A DSS at the store, with two tasks as the real one has: one hears, one writes and asks.

    `heard` is how much of the tale it knows, None when it has to load again.
    """

    def __init__(self, number: int, site: Site, sharing: Sharing) -> None:
        self.number = number
        self.site = site
        self.sharing = sharing
        self.reaches = True
        self.heard: int | None = None
        self.late = 0.0  # until when nothing of the tale reaches it
        self.slow = 0.0  # until when each of its tasks does only `pace` steps in a moment
        self.pace = 1
        self.lag = 1  # steps until an answer is there
        self.keeps_at = 0.0
        self.carried = False
        self.fails_after: int | None = None  # parts of its next batch that are written; it does not hear so
        self.strays = False  # its next batch is written once more, much later
        self._stepped_at = 0.0
        self._tasks: dict[str, Generator[None]] = {}
        self._cloud, self._now = Cloud(), 0.0

    def exchange(self, cloud: Cloud, now: float) -> bool:
        """Tell the store and hear from it; say whether something was new."""
        self._cloud, self._now = cloud, now
        if not (self.reaches and cloud.works):
            for task in self._tasks.values():
                task.close()
            self._tasks, self.heard = {}, None
            return self._carry(carried=False)
        if now >= self.slow:
            moved = sum(1 for _ in iter(self._step, False)) > 0
        elif moved := now != self._stepped_at:
            self._stepped_at = now
            for _ in range(self.pace):
                self._step()
        return self._carry(carried=self.heard is not None and now >= self.slow) or moved

    def _step(self) -> bool:
        """Let each task do its next step; say whether one had something to do."""
        moved = False
        for name, begin in (("hear", self._hear), ("write", self._write)):
            task = self._tasks.setdefault(name, begin())
            if next(task, self) is self:
                del self._tasks[name]
            else:
                moved = True
        return moved

    def _hear(self) -> Generator[None]:
        cloud = self._cloud
        if self.heard is None or self.heard < cloud.forgotten:
            self.heard, kept = len(cloud.tale), cloud.kept()
            yield
            yield from self.sharing.found(kept, self._now)
        while self._now >= self.late and self.heard < len(cloud.tale):
            writer, batch = cloud.tale[self.heard]
            self.heard += 1
            if writer != self.number:
                yield from self.sharing.told(batch, self._now)
            yield

    def _write(self) -> Generator[None]:
        while self.sharing.wanted or self.sharing.missed:
            yield from self._write_batch()
            owned = {owner: self._cloud.owned(owner) for owner in self.sharing.ask(ASKED_AT_ONCE)}
            for _ in range(self.lag):
                yield
            for owner, batch in owned.items():
                yield from self.sharing.answered(owner, batch, self._now)

    def _write_batch(self) -> Generator[None]:
        if not self.sharing.wanted:
            return
        batch = self.sharing.take()
        limit, self.fails_after = self.fails_after, None
        kept = False
        try:
            yield
            for part in islice(parts_of(batch), limit):
                self._cloud.write(self.number, part, self._now)
                yield
            kept = limit is None
        finally:
            if not kept:
                self.sharing.put_back(batch)
        if self.strays:
            self.strays = False
            self._cloud.astray.append((self._now + STRAY, batch))

    def _carry(self, *, carried: bool) -> bool:
        if self.carried == carried:
            return False
        self.carried = carried
        self.site.replication.carried_by(MEDIUM if carried else b"", self._now)
        return True
