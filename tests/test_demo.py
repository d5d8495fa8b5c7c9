"""`nwip demo`, as a new user starts it."""

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"

pytestmark = pytest.mark.asyncio


async def demo(*options: str, folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nwip", "demo", *options),
        env={**os.environ, "TMPDIR": str(folder), "COLUMNS": "120"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def finished(process: asyncio.subprocess.Process) -> str:
    async with asyncio.timeout(20):
        output, errors = await process.communicate()
    assert errors.decode() == ""
    return output.decode()


async def test_it_shows_a_domain_and_ends_by_itself_within_twenty_seconds(tmp_path: Path) -> None:
    process = await demo(folder=tmp_path)
    output = await finished(process)
    assert process.returncode == 0
    for promised in (
        "Three nodes have found the DSS at 127.0.0.1:",
        "Anna has connected to the gateway west, Ben to east",
        "answer from ",
        "Ben hears: 'Who is there?'",
        "200 packets to Ben and back: 0 lost",
        "DEMO-LOBBY",
        "Next steps",
    ):
        assert promised in output
    assert list(tmp_path.iterdir()) == []
    shown = README.read_text("utf-8").partition("<!-- demo output -->\n\n```\n")[2].partition("```")[0]
    assert masked(shown) == masked(output)


def masked(text: str) -> str:
    """Put one mark for every number that differs from run to run, and one blank for every gap."""
    text = re.sub(r"\b(?!7E01|00C0FFEE)[0-9A-F]{12}\b", "NODE", text)
    return re.sub(r"\s+", " ", re.sub(r":\d+\b|\b\d+(\.\d+)? m?s\b", "#", text)).strip()


async def test_its_facts_are_one_object_for_programs(tmp_path: Path) -> None:
    process = await demo("--json", folder=tmp_path)
    facts = json.loads(await finished(process))
    assert process.returncode == 0
    assert facts["schema"] == 1
    assert [row["name"] for row in facts["nodes"]] == ["dss", "east", "west"]
    assert [row["link"] for row in facts["clients"]] == ["west", "east"]
    assert [row["from"] for row in facts["ping"]] == [facts["clients"][1]["node"]]
    assert facts["round_trips"]["lost"] == 0
    assert facts["services"][0]["owner"] == "east"
    assert facts["nearest"] == facts["services"][0]["address"]


@pytest.mark.real("dosbox")
async def test_two_real_dosboxes_can_play_the_players(tmp_path: Path) -> None:
    process = await demo("--dosbox", "--json", folder=tmp_path)
    facts = json.loads(await finished(process))
    assert process.returncode == 0
    assert all("Response from" in text for text in facts["dosbox"].values())


async def test_with_keep_it_stays_until_it_is_interrupted(tmp_path: Path) -> None:
    process = await demo("--keep", folder=tmp_path)
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while b"ipxnet connect 127.0.0.2" not in (line := await process.stdout.readline()):
            assert line
    process.send_signal(signal.SIGINT)
    await finished(process)
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []
