"""Limits per source: token buckets in a table of bounded size. Pure."""

from collections import OrderedDict
from collections.abc import Hashable


class TokenBuckets:
    """A token bucket for each key: `rate` tokens a second, at most `burst` at once.

    Holds at most `capacity` keys and forgets the one unused for longest; a key that comes back has a full
    bucket. So it limits each of few sources strictly, and many forged ones only by `burst` each.
    """

    def __init__(self, rate: float, burst: float, capacity: int = 4096) -> None:
        if rate < 0 or burst < 1 or capacity < 1:
            raise ValueError(
                "a bucket needs a rate of 0 or more, room for one token, and a table for one key"
            )
        self._rate = rate
        self._burst = float(burst)
        self._capacity = capacity
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def set_rate(self, rate: float, burst: float) -> None:
        """Change the tokens a second and the room of every bucket from now on."""
        self._rate, self._burst = rate, float(burst)

    def allow(self, key: Hashable, now: float) -> bool:
        """Take a token of `key` at `now` (seconds, never less than before); False when none is left."""
        return self.take(key, 1, now) == 1

    def take(self, key: Hashable, count: int, now: float) -> int:
        """Take as many tokens of `key` as there are at `now`, at most so many; return how many."""
        tokens, since = self._buckets.get(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        taken = min(count, int(tokens))
        self._buckets[key] = (tokens - taken, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        return taken

    @property
    def size(self) -> int:
        """How many keys it holds at present."""
        return len(self._buckets)
