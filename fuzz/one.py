"""Fuzzes one target under atheris: `python fuzz/one.py TARGET [options of libFuzzer] [corpus ...]`.

What is imported is instrumented, so it imports nothing before atheris is ready.
"""

import logging
import sys

import atheris

with atheris.instrument_imports(include=["nwip"]):
    from targets import TARGETS
    from targets.planted import planted

if __name__ == "__main__":
    logging.disable()
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, {**TARGETS, "planted": planted}[name])
    atheris.Fuzz()
