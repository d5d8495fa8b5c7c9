"""The node's control socket: how the command line asks a running node.

A UNIX stream socket that only its user may open. A request is one line of JSON, `{"ask": "services", ...}`;
its answer is one line too: `{"ok": true, "data": ...}`, or `{"ok": false, "error": SENTENCE, "code": N}`
with the exit code that fits: 1 the answer is no, 2 the question is wrong, 3 the node could not answer. A
connection may ask again and again.

Some questions begin a *conversation*: the answer's first line is `{"ok": true, ...}`, and what follows it,
both ways and until either side closes, is of that conversation's own form: further lines, or octets.
"""

import asyncio
import contextlib
import errno
import logging
import os
import socket
import stat
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

REQUEST_LIMIT: Final = 65_536  # octets of a request
ANSWER_LIMIT: Final = 1 << 28  # octets of an answer; a full directory takes some 40 million
CONNECTION_LIMIT: Final = 64  # at a time; what comes beyond is closed at once
CONVERSATION_LIMIT: Final = 32  # of the connections: the others are left for questions
LINE_LIMIT: Final = 1 << 20  # octets of a line in a conversation, as the asker reads it
IDLE_LIMIT: Final = 60.0  # seconds between requests, and for an answer to be taken; not in a conversation
PATH_LIMIT: Final = 107  # octets of a UNIX socket's path: unix(7), less the final zero

NO: Final = 1
WRONG: Final = 2
UNREACHABLE: Final = 3

Handler = Callable[[Mapping[str, object]], Awaitable[object]]
"""Takes a request and returns what JSON can hold; raises `Answer` to say no."""


class Conversation(NamedTuple):
    """A handler that takes its connection over: `hold(request, reader, writer)`.

    It raises `Answer` to say no, or says `begin(writer, ...)` and then whatever is agreed for this question.
    It returns to end the conversation, which it must soon do when the reader is at its end: the peer has
    closed (`hung_up` waits for that). The connection is closed for it. `OSError` and `EOFError` mean a peer
    that has gone.
    """

    hold: Callable[[Mapping[str, object], asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


_log = logging.getLogger(__name__)


class Answer(Exception):  # noqa: N818 - it is an answer, and no fault of the program
    """What a handler raises when the answer is no: an exit code and one sentence for people."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class NodeUnreachable(Exception):  # noqa: N818 - reads as what happened, as in the exit codes
    """No node has answered; the message is one sentence for people."""


class NodeRefused(Exception):  # noqa: N818 - reads as what happened, as in the exit codes
    """The node's answer is no: the exit code that fits, and one sentence for people."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def begin(writer: asyncio.StreamWriter, **facts: object) -> None:
    """Say yes to a conversation: its first line, with what the peer is to know."""
    writer.write(msgspec.json.encode({"ok": True, **facts}) + b"\n")


async def hung_up(reader: asyncio.StreamReader) -> None:
    """Wait until the peer has closed its side; what it says until then is thrown away."""
    with contextlib.suppress(OSError):
        while await reader.read(REQUEST_LIMIT):
            pass


class ControlServer:
    """Answers requests at `path` with the handlers, by the name that was asked."""

    def __init__(
        self, path: Path, handlers: Mapping[str, Handler | Conversation], *, idle_limit: float = IDLE_LIMIT
    ) -> None:
        self._path = path
        self._handlers = handlers
        self._idle_limit = idle_limit
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._conversations = 0

    async def start(self) -> None:
        """Listen. Replaces a socket file that nobody listens on.

        Raises `OSError`: `EADDRINUSE` when a node listens there, `EEXIST` when the file is no socket,
        `ENAMETOOLONG` when the path does not fit a socket's address.
        """
        if len(os.fsencode(self._path)) > PATH_LIMIT:
            raise OSError(
                errno.ENAMETOOLONG,
                f"a control socket's path has at most {PATH_LIMIT} octets",
                str(self._path),
            )
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear_way(self._path)
        sock = _bind(self._path)
        try:
            self._inode = self._path.stat().st_ino
            self._server = await asyncio.start_unix_server(self._accept, sock=sock, limit=REQUEST_LIMIT)
        except BaseException:
            sock.close()
            raise

    async def close(self) -> None:
        """End every connection and remove the socket file, if it is still ours; safe to call twice."""
        if self._server is None:
            return
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        self._server.close()
        self._server = None
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= CONNECTION_LIMIT:
            writer.transport.abort()
            return
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(self._idle_limit):
                    line = await reader.readuntil(b"\n")
                request = _request(line)
                handler = self._handlers.get(str(request.get("ask"))) if request is not None else None
                if isinstance(handler, Conversation):
                    await self._converse(handler, request or {}, reader, writer)
                    return
                await self._send(writer, await self._answer(handler, request))
        except asyncio.LimitOverrunError:
            with contextlib.suppress(OSError, TimeoutError):
                await self._send(writer, _refusal(WRONG, f"a request has at most {REQUEST_LIMIT} octets"))
        except (OSError, EOFError, TimeoutError):
            pass  # the client has gone, or sleeps
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            writer.close()

    async def _send(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        writer.write(answer + b"\n")
        async with asyncio.timeout(self._idle_limit):
            await writer.drain()

    async def _answer(self, handler: Handler | None, request: Mapping[str, object] | None) -> bytes:
        if request is None:
            return _refusal(WRONG, "a request is one JSON object on one line")
        if handler is None:
            return _refusal(WRONG, "this node does not know that question")
        try:
            return msgspec.json.encode({"ok": True, "data": await handler(request)})
        except Answer as answer:
            return _refusal(answer.code, answer.sentence)
        except Exception:  # noqa: BLE001 - a fault in one answer is logged, and stops neither node nor socket
            _log.exception("the question %r failed", request["ask"])
            return _refusal(UNREACHABLE, "the node failed to answer; its log says why")

    async def _converse(
        self,
        conversation: Conversation,
        request: Mapping[str, object],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        if self._conversations == CONVERSATION_LIMIT:
            await self._send(
                writer, _refusal(NO, f"this node holds {CONVERSATION_LIMIT} conversations already")
            )
            return
        self._conversations += 1
        try:
            await conversation.hold(request, reader, writer)
        except Answer as answer:
            await self._send(writer, _refusal(answer.code, answer.sentence))
        except (OSError, EOFError):
            raise
        except Exception:  # noqa: BLE001 - as above; after the first line there is no word for it
            _log.exception("the conversation %r failed", request["ask"])
        finally:
            self._conversations -= 1


class _Reply(msgspec.Struct):
    ok: bool
    data: object = None
    error: str = ""
    code: int = NO


def ask(path: Path, question: Mapping[str, object], timeout: float = 5.0) -> object:
    """Ask the node that listens at `path` and return its answer's data; `timeout` in seconds.

    Raises `NodeUnreachable` or `NodeRefused`.
    """
    deadline = time.monotonic() + timeout
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.settimeout(timeout)
            sock.connect(os.fsencode(path))
            sock.sendall(msgspec.json.encode(question) + b"\n")
            line = _read_line(sock, deadline)
        except (OSError, ValueError) as error:
            raise _unreachable(path, error, timeout) from None
    return _reply(path, line).data


async def converse(
    path: Path,
    question: Mapping[str, object],
    timeout: float = 5.0,  # noqa: ASYNC109 - as `ask` has it: for the first line only
) -> tuple[dict[str, object], asyncio.StreamReader, asyncio.StreamWriter]:
    """Begin a conversation with the node at `path`; return its first line's members and the two directions.

    Lines of up to 1 MiB can be read. The caller closes the writer. Raises `NodeUnreachable` or `NodeRefused`.
    """
    writer = None
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_unix_connection(path, limit=LINE_LIMIT)
            writer.write(msgspec.json.encode(question) + b"\n")
            line = await reader.readline()
        _reply(path, line)
        return msgspec.json.decode(line, type=dict[str, object]), reader, writer
    except (OSError, ValueError) as error:
        _close(writer)
        raise _unreachable(path, error, timeout) from None
    except BaseException:
        _close(writer)
        raise


def _close(writer: asyncio.StreamWriter | None) -> None:
    if writer is not None:
        writer.close()


def _unreachable(path: Path, error: Exception, timeout: float) -> NodeUnreachable:
    if isinstance(error, TimeoutError):
        return NodeUnreachable(f"the node at {path} did not answer within {timeout:g} seconds")
    if isinstance(error, PermissionError):
        return NodeUnreachable(f"the node at {path} is another user's: ask as that user")
    return NodeUnreachable(
        f"no nwip node is running here (looked at {path}); start one with 'nwip up', or name a DSS with --dss"
    )


def _reply(path: Path, line: bytes) -> _Reply:
    """Read an answer's line. Raises `NodeUnreachable` where it is none, `NodeRefused` where it says no."""
    try:
        reply = msgspec.json.decode(line, type=_Reply)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise NodeUnreachable(f"what answers at {path} is not an nwip node of this version") from None
    if not reply.ok:
        raise NodeRefused(reply.code, reply.error)
    return reply


def _read_line(sock: socket.socket, deadline: float) -> bytes:
    """Read to the end of the line, or of the connection."""
    parts, size = [], 0
    while size < ANSWER_LIMIT:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        part = sock.recv(65_536)
        parts.append(part)
        size += len(part)
        if not part or part.endswith(b"\n"):
            break
    return b"".join(parts)


def _request(line: bytes) -> dict[str, object] | None:
    """Read a request's line; None where it is no JSON object."""
    try:
        return msgspec.json.decode(line, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _refusal(code: int, sentence: str) -> bytes:
    return msgspec.json.encode({"ok": False, "error": sentence, "code": code})


def _clear_way(path: Path) -> None:
    """Remove a socket file that nobody listens on. Raises `OSError` for anything else that is there."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "this is not a socket, and is left alone", str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fsencode(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass  # it listens, with a full queue
    raise OSError(errno.EADDRINUSE, "a node already listens here", str(path))


def _bind(path: Path) -> socket.socket:
    """Return a listening socket whose file nobody but its owner may open."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        sock.bind(os.fsencode(path))
        sock.listen()
    except BaseException:
        sock.close()
        raise
    finally:
        os.umask(mask)
    return sock
