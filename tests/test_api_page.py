"""docs/api.md does what it says: its sessions are run, its frames are read."""

import ast
import asyncio
import doctest
import io
import re
import traceback
from collections.abc import Coroutine
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import nwip
from nodes import Site, two_nodes
from nwip.programs import frames
from nwip.programs.frames import Frame, Splitter

PAGE = Path(__file__).parent.parent / "docs" / "api.md"


async def echo(sock: nwip.IpxSocket) -> None:
    async for packet in sock:
        await sock.send(packet.payload, packet.source)


async def run(example: doctest.Example, names: dict[str, object]) -> str:
    """Run one example as `python -m asyncio` would; return what it prints, its exception as a last line."""
    code = compile(example.source, PAGE.name, "single", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            result = eval(code, names)  # noqa: S307 - the page's own code
            if isinstance(result, Coroutine):
                await result
    except Exception as error:  # noqa: BLE001 - whatever the page says it raises
        return "".join(traceback.format_exception_only(error))
    return printed.getvalue()


async def go_through(page: str, site: Site, dss: tuple[str, int]) -> list[str]:
    """Run every example of a page in order; return those whose output is another, with what it was."""
    parser, checker = doctest.DocTestParser(), doctest.OutputChecker()
    names: dict[str, object] = {"dss": dss}
    wrong = []
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        for example in parser.get_examples(block):
            expected = example.want if example.exc_msg is None else example.exc_msg
            output = await run(example, names)
            if not checker.check_output(expected, output, doctest.ELLIPSIS):
                wrong.append(f"{example.source}  said: {output}")
    return wrong


@pytest.mark.asyncio
async def test_every_session_on_the_page_goes_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = PAGE.read_text("utf-8")
    async with two_nodes(tmp_path) as site, nwip.open_socket(control=site.at_east) as sock:
        await sock.advertise(0x9EC0, "ECHO-EAST")
        echoing = asyncio.ensure_future(echo(sock))
        monkeypatch.setenv("NWIP_CONTROL", str(site.at_west))
        async with nwip.open_socket() as waiting:
            while not await waiting.find(0x9EC0):
                pass
        client = site.west.client
        assert client is not None
        assert client.connected is not None
        assert await go_through(page, site, client.connected) == []
        await sock.close()
        await echoing


@pytest.mark.asyncio
async def test_a_session_that_goes_otherwise_is_found(tmp_path: Path) -> None:
    page = '```python\n>>> 1 + 1\n3\n>>> int("x")\nTraceback (most recent call last):\nValueError: y\n```'
    async with two_nodes(tmp_path) as site:
        assert len(await go_through(page, site, ("127.0.0.1", 1))) == 2


def test_every_public_name_is_on_the_page() -> None:
    table = PAGE.read_text("utf-8").partition("| name | what it is |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) == set(nwip.__all__)


def test_the_frames_on_the_page_are_those_of_the_code() -> None:
    section = PAGE.read_text("utf-8").partition("## The conversation `socket`")[2]
    kinds = {letter.encode() for letter in re.findall(r"^\| `([A-Z])` \|", section, re.MULTILINE)}
    assert kinds == {
        *(frames.PACKET, frames.ADVERTISE, frames.WITHDRAW),
        *(frames.DONE, frames.REFUSED, frames.LOST, frames.RENUMBERED),
    }
    asked, answered = re.findall(r"^    ([0-9A-F ]+)$", section, re.MULTILINE)
    assert list(Splitter().feed(bytes.fromhex(asked))) == [frames.service(frames.ADVERTISE, 0x9EC0, "HELLO")]
    assert list(Splitter().feed(bytes.fromhex(answered))) == [Frame(frames.DONE)]
