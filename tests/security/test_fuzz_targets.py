"""What `make fuzz` runs for hours, for a moment: every target on its corpus, and on inputs near it."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from targets import TARGETS
from targets.steps import Fault, Step, promise, script, steps

from nwip.wire import WireError

FUZZ = Path(__file__).parents[2] / "fuzz"
NEARBY = 40


def corpus(target: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((FUZZ / "corpus" / target).iterdir())]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_lives_through_its_corpus_and_what_is_near_it(target: str) -> None:
    inputs = corpus(target)
    assert inputs
    chance = random.Random(target)  # noqa: S311 - the same inputs every time
    for first in inputs:
        TARGETS[target](first)
    for _ in range(NEARBY):
        data = bytearray(chance.choice(inputs))
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(3):
                case 0:
                    data[at : at + 1] = chance.randbytes(1)
                case 1:
                    del data[at : at + chance.randrange(1, 9)]
                case _:
                    data[at:at] = chance.choice(inputs)[: chance.randrange(64)]
        TARGETS[target](bytes(data))


def test_no_corpus_is_without_a_target() -> None:
    assert {path.name for path in (FUZZ / "corpus").iterdir()} == set(TARGETS)


def test_steps_are_what_was_written() -> None:
    said = [Step(3, 9, 1.024, b"abc"), Step(15, 0, 0.0, b""), Step(0, 15, 1.024, bytes(300))]
    assert list(steps(script(*said))) == said
    assert list(steps(script(*said)[:-1]))[-1].data == bytes(299)
    assert not list(steps(b"\0\0\0"))


def test_a_broken_promise_is_a_fault_and_no_wire_error() -> None:
    with pytest.raises(Fault) as caught:
        promise(False, "so it is")
    assert not isinstance(caught.value, WireError)


@pytest.mark.real("atheris")
def test_the_runner_counts_inputs_and_finds_a_planted_fault(tmp_path: Path) -> None:
    asked = [sys.executable, str(FUZZ / "run.py"), "--json", "--seconds", "1", "--work", str(tmp_path)]
    well = subprocess.run([*asked, "rip"], capture_output=True, text=True, timeout=60, check=False)
    assert well.returncode == 0, well.stderr
    (told,) = json.loads(well.stdout)["targets"]
    assert told["target"] == "rip"
    assert told["inputs"] > 0
    assert told["edges"] > 0
    ill = subprocess.run([*asked, "planted"], capture_output=True, text=True, timeout=60, check=False)
    assert ill.returncode == 1
    assert "Fault: this one is planted" in ill.stdout
