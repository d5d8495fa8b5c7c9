"""Looks at something again and again while a load goes on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def looking(look: Callable[[], None], every: float) -> Iterator[None]:
    """Call `look` in a thread beside the block, with so many seconds before each time; once at least."""
    done = threading.Event()

    def watch() -> None:
        is_first = True
        while not done.wait(every) or is_first:
            is_first = False
            look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
