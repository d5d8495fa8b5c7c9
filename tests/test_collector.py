"""Full collections do not come by themselves while the collector runs, and old cycles go when it is time."""

import asyncio
import gc
import weakref

from dataplane.simulated_loop import run
from nwip.collector import FULL_EVERY, Collector


class Knot:
    """Something that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


def full_collections() -> int:
    return int(gc.get_stats()[2]["collections"])


def test_much_that_comes_and_stays_brings_no_full_collection_but_the_hour_does() -> None:
    async def story() -> None:
        collector = Collector()
        collector.start()
        try:
            knot = Knot()
            gone = weakref.ref(knot)
            before = full_collections()
            kept = [[{number}] for number in range(200_000)]
            del knot
            assert full_collections() == before
            await asyncio.sleep(1.1 * FULL_EVERY)
            assert full_collections() == before + 1
            assert gone() is None
            assert len(kept) == 200_000
        finally:
            collector.stop()

    run(story())


def test_afterwards_all_is_as_python_has_it() -> None:
    async def story() -> None:
        before = gc.get_threshold()
        collector = Collector()
        collector.start()
        assert gc.get_threshold() != before
        collector.stop()
        assert gc.get_threshold() == before
        await asyncio.sleep(10 * FULL_EVERY)  # its timer is gone too

    run(story())
