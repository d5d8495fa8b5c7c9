"""Fuzzes every target, or those named, until a while has brought no new edge; prints a table.

    python fuzz/run.py                          each target for 10 minutes in all, shared out
    python fuzz/run.py --seconds 600 dosbox     one target for 10 minutes
    python fuzz/run.py --calm 600 --inputs 1000000 --seconds 7200
        each until 10 minutes have brought no new edge and it had a million inputs, two hours at most

New inputs that reach new code are kept in a work directory (`--work`), and added to the corpus by hand.
A fault leaves `crash-...` there, and the exit code is 1.
"""

import argparse
import asyncio
import contextlib
import json
import re
import sys
import time
from pathlib import Path
from typing import Final, NamedTuple

import psutil
from targets import TARGETS

HERE: Final = Path(__file__).resolve().parent
MEMORY: Final = 768  # MiB that a target may take: growth shows as this
LONGEST: Final = 10  # seconds that an input may take, on a machine that has nothing else to do
STATUS: Final = re.compile(rb"^#(\d+)\s+(\S+)\s+cov: (\d+)")
COUNT: Final = re.compile(rb"^inputs: (\d+)$")


class Result(NamedTuple):
    """What became of a target: `calm` is for how many seconds no new edge was found at the end.

    `busy` are the seconds of CPU that it had: less than `seconds` where others wanted the machine, too.
    """

    target: str
    inputs: int
    edges: int
    seconds: float
    calm: float
    busy: float
    fault: str


class Plan(NamedTuple):
    """When a target has run for long enough: after `seconds`, or when it was calm and had its inputs."""

    seconds: float
    calm: float | None
    inputs: int

    def is_done(self, result: Result) -> bool:
        """Say whether a target may stop."""
        if self.calm is None:
            return result.seconds >= self.seconds
        enough = result.calm >= self.calm and result.inputs >= self.inputs
        return enough or result.seconds >= self.seconds


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has had, 0 if there is none."""
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return 0.0


class Progress:
    """What a process has said of its work, line by line."""

    def __init__(self) -> None:
        self.last: list[str] = []
        self._inputs = self._edges = 0
        self._busy = self._begun = 0.0  # instrumenting does not count
        self._since = time.monotonic()

    def take(self, line: bytes, busy: float) -> None:
        """Take a line, and the seconds of CPU until now."""
        now = time.monotonic()
        self._busy = max(self._busy, busy)
        if status := STATUS.match(line):
            self._begun = self._begun or now
            self._inputs = max(self._inputs, int(status[1]))
            if int(status[3]) > self._edges:
                self._edges, self._since = int(status[3]), now
        elif count := COUNT.match(line):
            self._inputs = max(self._inputs, int(count[1]))
        elif line.strip():
            self.last = [*self.last[-40:], line.decode("utf-8", "replace").rstrip()]

    def result(self, target: str, fault: str = "") -> Result:
        """Return what has become of the target until now."""
        now = time.monotonic()
        took = now - (self._begun or now)
        return Result(target, self._inputs, self._edges, took, now - self._since, self._busy, fault)


async def fuzz(target: str, plan: Plan, work: Path, longest: int) -> Result:
    """Run one target in a process of its own; an input may take `longest` seconds."""
    found, seeds = work / target, HERE / "corpus" / target
    found.mkdir(parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "one.py"),
        target,
        f"-artifact_prefix={work}/{target}.",
        f"-rss_limit_mb={MEMORY}",
        f"-timeout={longest}",
        "-print_final_stats=0",
        "-max_len=8192",
        str(found),
        *([str(seeds)] if seeds.is_dir() else []),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    progress = Progress()
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    try:
        while True:
            try:
                line = await asyncio.wait_for(process.stdout.readline(), 1.0)
            except TimeoutError:
                line = b" "
            if not line:
                return progress.result(target, "\n".join(progress.last) or "it ended")
            progress.take(line, cpu_seconds(process.pid))
            result = progress.result(target)
            if plan.is_done(result):
                return result
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def main() -> int:
    """Run what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, help="of each target at most (default: 600 shared by all)")
    parser.add_argument("--calm", type=float, help="seconds without a new edge after which a target is done")
    parser.add_argument("--inputs", type=int, default=0, help="that each target has at least, with --calm")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time")
    parser.add_argument("--longest", type=int, default=LONGEST, help="seconds that an input may take")
    parser.add_argument("--work", type=Path, default=HERE / "work", help="where findings are kept")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    names = asked.targets or list(TARGETS)
    if unknown := [name for name in names if name not in {*TARGETS, "planted"}]:
        parser.error(f"no target {unknown[0]}: there are {', '.join(TARGETS)}")
    seconds = asked.seconds or 600 * asked.jobs / len(names)
    plan = Plan(seconds, asked.calm, asked.inputs)
    room = asyncio.Semaphore(asked.jobs)

    async def one(name: str) -> Result:
        async with room:
            result = await fuzz(name, plan, asked.work, asked.longest)
            if not asked.json:
                told = "FAULT" if result.fault else "ok"
                row = (
                    f"{name:22} {result.inputs:>12,} inputs {result.edges:>6} edges {result.seconds:>7.0f} s"
                )
                print(f"{row} {result.calm:>6.0f} s calm {result.busy:>6.0f} s of CPU  {told}", flush=True)
                if result.fault:
                    print(result.fault, flush=True)
            return result

    results = await asyncio.gather(*map(one, names))
    total = sum(result.inputs for result in results)
    if asked.json:
        print(json.dumps({"inputs": total, "targets": [result._asdict() for result in results]}, indent=1))
    else:
        print(f"{total:,} inputs in all")
    return 1 if any(result.fault for result in results) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
