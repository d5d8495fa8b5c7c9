"""Fuzzes one target under atheris: `python fuzz/one.py TARGET [options of libFuzzer] [corpus ...]`.

What is imported is instrumented, so it imports nothing before atheris is ready.
"""

import logging
import os
import sys
import time
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["nwip"]):
    from targets import TARGETS
    from targets.planted import planted


def counted(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Return a target that tells once a second how many inputs it has had: libFuzzer tells powers of two."""
    inputs, told = 0, time.monotonic()

    def one(data: bytes) -> None:
        nonlocal inputs, told
        target(data)
        inputs += 1
        if time.monotonic() - told >= 1:
            told = time.monotonic()
            os.write(sys.stderr.fileno(), b"inputs: %d\n" % inputs)

    return one


if __name__ == "__main__":
    logging.disable()
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, counted({**TARGETS, "planted": planted}[name]))
    atheris.Fuzz()
