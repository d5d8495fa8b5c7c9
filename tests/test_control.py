"""The control socket: server and client over a real UNIX socket."""

import asyncio
import contextlib
import errno
import json
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from nwip.control import (
    CONNECTION_LIMIT,
    CONVERSATION_LIMIT,
    REQUEST_LIMIT,
    Answer,
    ControlServer,
    Conversation,
    Handler,
    NodeRefused,
    NodeUnreachable,
    ask,
    begin,
    converse,
    hung_up,
)


async def echo(request: Mapping[str, object]) -> object:
    return dict(request)


async def no(_: Mapping[str, object]) -> object:
    raise Answer(1, "there is none")


async def broken(_: Mapping[str, object]) -> object:
    raise ZeroDivisionError


async def unprintable(_: Mapping[str, object]) -> object:
    return object()


async def endless(_: Mapping[str, object]) -> object:
    return await asyncio.get_running_loop().create_future()


async def mirror(
    request: Mapping[str, object], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Send back what comes, until the peer closes."""
    if request.get("refuse"):
        raise Answer(1, "not today")
    begin(writer, greeting=request.get("name"))
    while octets := await reader.read(1000):
        writer.write(octets)


async def faulty(*_: object) -> None:
    raise ZeroDivisionError


async def silent(_: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    begin(writer)
    await hung_up(reader)


HANDLERS: dict[str, Handler | Conversation] = {
    "echo": echo,
    "no": no,
    "broken": broken,
    "unprintable": unprintable,
    "endless": endless,
    "mirror": Conversation(mirror),
    "faulty": Conversation(faulty),
    "silent": Conversation(silent),
}


@contextlib.asynccontextmanager
async def node(path: Path, idle_limit: float = 60.0) -> AsyncIterator[ControlServer]:
    server = ControlServer(path, HANDLERS, idle_limit=idle_limit)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


async def raw(path: Path, *lines: bytes) -> list[dict[str, object]]:
    """Send lines on one connection; the answers to them, fewer when the node hangs up."""
    reader, writer = await asyncio.open_unix_connection(path, limit=1 << 20)
    answers = []
    async with asyncio.timeout(10):
        for line in lines:
            writer.write(line)
            answers.append(await reader.readline())
    writer.close()
    return [json.loads(answer) for answer in answers if answer]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "control.sock"


@pytest.mark.asyncio
async def test_a_question_is_answered_with_its_handlers_data(path: Path) -> None:
    async with node(path):
        question = {"ask": "echo", "name": "DRÜCKER\x1b", "numbers": [1, 2.5, None]}
        assert await asyncio.to_thread(ask, path, question, 10) == question


@pytest.mark.asyncio
async def test_nobody_but_its_user_may_open_the_socket(path: Path) -> None:
    async with node(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.asyncio
async def test_a_connection_may_ask_again_after_any_answer(path: Path) -> None:
    async with node(path):
        answers = await raw(path, b'{"ask": "no"}\n', b"\xff{\n", b'{"ask": "echo"}\n')
    assert answers == [
        {"ok": False, "error": "there is none", "code": 1},
        {"ok": False, "error": "a request is one JSON object on one line", "code": 2},
        {"ok": True, "data": {"ask": "echo"}},
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "line", [b"\n", b"[]\n", b"{}\n", b'{"ask": 7}\n', b'{"ask": ["echo"]}\n', b"[" * 60_000 + b"\n", b"\0\n"]
)
async def test_a_wrong_request_is_refused_as_usage(path: Path, line: bytes) -> None:
    async with node(path):
        (answer,) = await raw(path, line)
    assert (answer["ok"], answer["code"]) == (False, 2)


@pytest.mark.asyncio
async def test_a_request_without_end_is_refused_and_the_connection_closed(path: Path) -> None:
    async with node(path):
        answers = await raw(path, b"x" * (REQUEST_LIMIT + 1), b"")
    assert len(answers) == 1
    assert answers[0]["code"] == 2


@pytest.mark.asyncio
@pytest.mark.parametrize("question", ["broken", "unprintable"])
async def test_a_fault_in_a_handler_is_logged_and_the_node_goes_on(
    path: Path, question: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with node(path):
        with pytest.raises(NodeRefused, match="failed to answer") as refused:
            await asyncio.to_thread(ask, path, {"ask": question}, 10)
        assert await asyncio.to_thread(ask, path, {"ask": "echo"}, 10) == {"ask": "echo"}
    assert refused.value.code == 3
    assert question in caplog.text


@pytest.mark.asyncio
async def test_a_silent_connection_is_closed_after_the_idle_limit(path: Path) -> None:
    async with node(path, idle_limit=0.05):
        assert await raw(path, b"") == []


@pytest.mark.asyncio
async def test_connections_beyond_the_limit_are_closed_at_once(path: Path) -> None:
    async with node(path):
        held = [await asyncio.open_unix_connection(path) for _ in range(CONNECTION_LIMIT)]
        for reader, writer in held:
            writer.write(b'{"ask": "echo"}\n')
            assert await asyncio.wait_for(reader.readline(), 10)
        assert await raw(path, b"") == []
        for _, writer in held:
            writer.close()


@pytest.mark.asyncio
async def test_closing_ends_unfinished_answers_and_removes_the_file(path: Path) -> None:
    async with node(path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"ask": "endless"}\n')
        await writer.drain()
        other = await raw(path, b'{"ask": "echo"}\n')
        assert other
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    assert not path.exists()


@pytest.mark.asyncio
async def test_a_socket_file_that_nobody_listens_on_is_replaced(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    async with node(path):
        assert await asyncio.to_thread(ask, path, {"ask": "echo"}, 10) == {"ask": "echo"}


@pytest.mark.asyncio
async def test_a_second_node_does_not_take_the_socket_of_the_first(path: Path) -> None:
    async with node(path):
        second = ControlServer(path, {})
        with pytest.raises(OSError, match="already listens") as refused:
            await second.start()
        assert refused.value.errno == errno.EADDRINUSE
        await second.close()
        assert await asyncio.to_thread(ask, path, {"ask": "echo"}, 10) == {"ask": "echo"}


@pytest.mark.asyncio
async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("text")
    with pytest.raises(FileExistsError, match="not a socket"):
        await ControlServer(path, {}).start()
    assert path.read_text() == "text"


@pytest.mark.asyncio
async def test_a_path_that_no_socket_can_have_is_named(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 100)
    with pytest.raises(OSError, match="at most 107 octets") as refused:
        await ControlServer(path, {}).start()
    assert refused.value.errno == errno.ENAMETOOLONG


@pytest.mark.asyncio
async def test_a_node_that_closes_leaves_the_socket_of_its_successor(path: Path) -> None:
    first = ControlServer(path, HANDLERS)
    await first.start()
    path.unlink()
    async with node(path):
        await first.close()
        assert await asyncio.to_thread(ask, path, {"ask": "echo"}, 10) == {"ask": "echo"}
    await first.close()


@pytest.mark.asyncio
async def test_a_node_that_does_not_answer_in_time_is_unreachable(path: Path) -> None:
    async with node(path):
        with pytest.raises(NodeUnreachable, match=r"within 0\.05 seconds"):
            await asyncio.to_thread(ask, path, {"ask": "endless"}, 0.05)


@pytest.mark.parametrize("name", ["absent", "a" * 300, "absent/absent"])
def test_without_a_node_the_client_says_where_it_looked_and_what_to_do(tmp_path: Path, name: str) -> None:
    with pytest.raises(NodeUnreachable) as unreachable:
        ask(tmp_path / name, {"ask": "echo"}, 1)
    text = str(unreachable.value)
    assert str(tmp_path / name) in text
    assert "start one with 'nwip up', or name a DSS with --dss" in text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n", b'{"ok": "yes"}\n', b'{"ok": true, "d']
)
async def test_what_is_no_node_is_told_from_one(tmp_path: Path, answer: bytes) -> None:
    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    path = tmp_path / "socket"
    async with await asyncio.start_unix_server(stranger, path):
        with pytest.raises(NodeUnreachable, match="not an nwip node"):
            await asyncio.to_thread(ask, path, {"ask": "echo"}, 10)


@pytest.mark.asyncio
async def test_a_conversation_goes_on_in_octets_both_ways_until_the_peer_closes(path: Path) -> None:
    async with node(path, idle_limit=0.05), asyncio.timeout(10):
        first, reader, writer = await converse(path, {"ask": "mirror", "name": "x"})
        assert first == {"ok": True, "greeting": "x"}
        for octets in (b"\x00\xff\n", b"more"):
            writer.write(octets)
            assert await reader.readexactly(len(octets)) == octets
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()


@pytest.mark.asyncio
async def test_a_conversation_may_begin_on_a_connection_that_has_asked_before(path: Path) -> None:
    async with node(path):
        answers = await raw(path, b'{"ask": "echo"}\n', b'{"ask": "mirror"}\n', b"7\n")
    assert answers == [{"ok": True, "data": {"ask": "echo"}}, {"ok": True, "greeting": None}, 7]


@pytest.mark.asyncio
async def test_a_conversation_outlives_the_idle_limit_of_questions(path: Path) -> None:
    async with node(path, idle_limit=0.01), asyncio.timeout(10):
        _, reader, writer = await converse(path, {"ask": "silent"})
        assert await raw(path, b"") == []  # a silent connection has come to its end meanwhile
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.read()
        writer.close()


@pytest.mark.asyncio
async def test_a_conversation_that_is_refused_says_why(path: Path) -> None:
    async with node(path):
        with pytest.raises(NodeRefused, match="not today") as refused:
            await converse(path, {"ask": "mirror", "refuse": True})
    assert refused.value.code == 1


@pytest.mark.asyncio
async def test_a_fault_in_a_conversation_is_logged_and_the_node_goes_on(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with node(path):
        with pytest.raises(NodeUnreachable):
            await converse(path, {"ask": "faulty"})
        assert await asyncio.to_thread(ask, path, {"ask": "echo"}, 10) == {"ask": "echo"}
    assert "faulty" in caplog.text


@pytest.mark.asyncio
async def test_conversations_leave_connections_for_questions(path: Path) -> None:
    async with node(path), asyncio.timeout(30):
        held = [await converse(path, {"ask": "silent"}) for _ in range(CONVERSATION_LIMIT)]
        with pytest.raises(NodeRefused, match="32 conversations"):
            await converse(path, {"ask": "silent"})
        assert await asyncio.to_thread(ask, path, {"ask": "echo"}, 10) == {"ask": "echo"}
        _, reader, writer = held.pop()
        writer.write_eof()
        assert await reader.read() == b""  # one has ended: another may begin
        _, _, another = await converse(path, {"ask": "silent"})
        for each in (writer, another, *(writer for _, _, writer in held)):
            each.close()


@pytest.mark.asyncio
async def test_closing_ends_conversations(path: Path) -> None:
    async with node(path):
        _, reader, writer = await converse(path, {"ask": "silent"})
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


@pytest.mark.asyncio
async def test_without_a_node_a_conversation_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(NodeUnreachable, match="absent"):
        await converse(tmp_path / "absent", {"ask": "silent"})


@pytest.mark.asyncio
async def test_a_conversation_that_does_not_begin_in_time_is_unreachable(path: Path) -> None:
    async with node(path):
        with pytest.raises(NodeUnreachable, match=r"within 0\.05 seconds"):
            await converse(path, {"ask": "endless"}, 0.05)
