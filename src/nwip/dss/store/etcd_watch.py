"""A watch of etcd that goes on at another endpoint: nothing is missed, nothing is told twice."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from itertools import cycle
from typing import Final

import aiohttp

from nwip.dss.store.etcd_endpoints import ANSWER_LIMIT, NO_ETCD, Endpoints
from nwip.dss.store.etcd_errors import Compacted, EtcdError, Refused, Unfit, complaint, plain, sentence
from nwip.dss.store.etcd_forms import Told, WatchAnswer, answers, watched

LONGEST_SILENCE: Final = 10  # times the patience, while there is something to tell
PAUSE: Final = 0.2  # seconds between two rounds over the endpoints


class Watch:
    """Follows the keys from `start` to `end`, from the revision `following` on.

    `cluster` is the cluster whose history that is, 0 where it is not known. `started` is called each time a
    server has confirmed the watch.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        start: bytes,
        end: bytes,
        *,
        following: int,
        cluster: int,
        started: Callable[[], None],
        previous: bool,
    ) -> None:
        self._endpoints = endpoints
        self._start = start
        self._end = end
        self._following = following
        self._cluster = cluster
        self._started = started
        self._previous = previous
        self._lives = False

    async def run(self) -> AsyncGenerator[Told, None]:
        """Yield what happens. Raises `Compacted`, or `EtcdError` when no endpoint takes the watch on.

        An election may take a second or two, so that is said only after rounds of `patience` seconds.
        """
        loop = asyncio.get_running_loop()
        since, reasons = loop.time(), dict[str, str]()
        for turn, endpoint in enumerate(cycle(self._endpoints.in_turn()), start=1):
            self._lives = False
            try:
                async with aclosing(self._at(endpoint)) as telling:
                    async for told in telling:
                        yield told
            except Refused as refused:
                raise EtcdError(sentence({endpoint: str(refused)})) from None
            except Unfit as unfit:
                if self._lives:
                    since, reasons = loop.time(), {}
                reasons[endpoint] = str(unfit)
            if len(reasons) == len(self._endpoints) and loop.time() - since >= self._endpoints.patience:
                raise EtcdError(sentence(reasons))
            if turn % len(self._endpoints) == 0:
                await asyncio.sleep(PAUSE)

    async def _at(self, endpoint: str) -> AsyncGenerator[Told, None]:
        """Watch at one endpoint until it is unfit for that.

        The read that comes first renews a token that is stale, and tells whether there is a majority.
        """
        reached = await self._newest(endpoint)
        if reached + 1 < self._following:
            raise Compacted
        suspicion = Suspicion(LONGEST_SILENCE * self._endpoints.patience)
        confirmed = False
        async with self._endpoints.posted(endpoint, "watch", {"create_request": self._request()}) as response:
            lines = Lines(response, self._endpoints.patience)
            while True:
                line = await lines.next()
                if line is None:
                    newest = await self._newest(endpoint)
                    if not confirmed or suspicion.proven(newest > reached):
                        raise Unfit("it tells nothing of what changes")
                    self._lives = True
                    continue
                answer = _answer(line)
                if answer.created:
                    reached = max(reached, answer.header.revision)
                    confirmed = True
                    self._endpoints.current = endpoint
                    self._started()
                    continue
                self._lives = True
                suspicion.clear()
                told = self._told(answer)
                if told is not None:
                    reached = max(reached, told.revision)
                    yield told

    def _request(self) -> dict[str, object]:
        # Not in fragments: those of 10,000 deletions did not come from etcd 3.4 within 10 seconds.
        return {
            "key": self._start,
            "range_end": self._end,
            "start_revision": self._following,
            "prev_kv": self._previous,
        }

    async def _newest(self, endpoint: str) -> int:
        """Return the newest revision that a majority knows of."""
        question = {"key": self._start, "limit": 1, "keys_only": True}
        header = (await self._endpoints.ask_at(endpoint, "kv/range", question, answers)).header
        if self._cluster not in {0, header.cluster_id}:
            raise Compacted
        return header.revision

    def _told(self, answer: WatchAnswer) -> Told | None:
        events = [event.event() for event in answer.events if event.kv.mod_revision >= self._following]
        if not events:
            return None
        self._following = events[-1].revision + 1
        return Told(events[-1].revision, events)


def _answer(line: bytes) -> WatchAnswer:
    try:
        answer = watched.decode(line).result
    except ValueError:
        raise Unfit(NO_ETCD) from None
    if answer is None:
        raise complaint(200, line)
    if answer.compact_revision:
        raise Compacted
    if answer.canceled:
        raise Unfit(plain(answer.cancel_reason) or "it ended the watch")
    return answer


class Suspicion:
    """A watch that is silent while the revision moves: stuck, or etcd looks up what was before.

    That takes it seconds for thousands of deletions, so one waits; and other rooms of a shared etcd move the
    revision too, so that being wrong must be harmless.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._since: float | None = None

    def proven(self, moved: bool) -> bool:
        """Tell, after a silence, whether it has lasted too long."""
        now = asyncio.get_running_loop().time()
        if not moved:
            self._since = None
        elif self._since is None:
            self._since = now
        return self._since is not None and now - self._since >= self._limit

    def clear(self) -> None:
        """Begin anew: something was told."""
        self._since = None


class Lines:
    """Reads an answer line by line, each whole, in whatever pieces it comes.

    After an absence up to 1,000 revisions come in one line: of more octets than we take, the keys themselves
    are to be read again, which goes by pages.
    """

    def __init__(self, response: aiohttp.ClientResponse, patience: float) -> None:
        self._content = response.content
        self._patience = patience
        self._buffer = bytearray()

    async def next(self) -> bytes | None:
        """Return the next line, or None after a silence. Raises `Unfit` at the end, and `Compacted`."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > ANSWER_LIMIT:
                raise Compacted
            try:
                async with asyncio.timeout(self._patience):
                    chunk = await self._content.readany()
            except TimeoutError:
                return None
            if not chunk:
                raise Unfit("it ended the watch")
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line
