"""The client of etcd against servers that do what a real etcd does only by accident."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

import pytest

from nwip.dss.store import etcd_endpoints, etcd_watch
from nwip.dss.store.etcd_gateway import Access, Compacted, EtcdError, Event, Gateway, Put, Told

pytestmark = pytest.mark.asyncio

PATIENCE = 0.3
HEADER = {"cluster_id": "14841639068965178418", "revision": "10"}

Script = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


def range_answer(**header: str) -> bytes:
    return json.dumps({"header": HEADER | header}).encode()


def created(**header: str) -> bytes:
    return json.dumps({"result": {"header": HEADER | header, "created": True}}).encode() + b"\n"


def told(revision: int, key: bytes = b"k") -> bytes:
    event = {"kv": {"key": base64.b64encode(key).decode(), "mod_revision": str(revision)}}
    return json.dumps({"result": {"header": HEADER, "events": [event]}}).encode() + b"\n"


def event(revision: int) -> Told:
    return Told(revision, [Event(b"k", b"", None, revision)])


def http(body: bytes, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def server(script: Script) -> AsyncIterator[str]:
    """Give the URL of a server that answers every request by a script of (call, where to write)."""
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
                await reader.readexactly(length)
                assert ("hasleader: true" in head.lower()) == ("/v3/watch" in head)
                await script(head.split()[1].removeprefix("/v3/"), writer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            serving.discard(task)
            writer.transport.abort()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await asyncio.sleep(0)


def always(octets: bytes, *, close: bool = False) -> Script:
    async def script(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        if close:
            writer.close()

    return script


async def silent(_: str, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def watching(*pieces: bytes, newest: Sequence[int] = (10,), close: bool = False) -> Script:
    """Answer reads with the newest revisions in turn, and a watch with pieces, each sent by itself."""
    revisions = list(newest)

    async def script(call: str, writer: asyncio.StreamWriter) -> None:
        if call != "watch":
            revision = revisions.pop(0) if len(revisions) > 1 else revisions[0]
            writer.write(http(range_answer(revision=str(revision))))
            return
        writer.write(STREAM)
        for piece in pieces:
            writer.write(chunk(piece))
            await writer.drain()
            await asyncio.sleep(0)
        if close:
            writer.close()

    return script


GOOD = always(http(range_answer()))
NO_LEADER = {"error": "etcdserver: no leader", "message": "etcdserver: no leader", "code": 14}


@asynccontextmanager
async def gateway(*scripts: Script) -> AsyncIterator[Gateway]:
    if not scripts:
        raise ValueError
    async with server(scripts[0]) as first:
        endpoints = [first]
        if len(scripts) == 1:
            opened = Gateway(Access(tuple(endpoints)), patience=PATIENCE)
            try:
                yield opened
            finally:
                await opened.close()
            return
        async with server(scripts[1]) as second:
            opened = Gateway(Access((first, second)), patience=PATIENCE)
            try:
                yield opened
            finally:
                await opened.close()


BAD = {
    "without a leader": always(http(json.dumps(NO_LEADER).encode(), 503)),
    "silent": silent,
    "a web server": always(http(b"<html>Not found", 404)),
    "a web server that says yes": always(http(b"{}")),
    "an etcd without a name": always(http(b'{"header":{}}')),
    "no HTTP": always(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "cut in the middle": always(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", close=True),
    "silent in the middle": always(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
    "closed at once": always(b"", close=True),
    "not JSON": always(http(b'{"header":{"cluster_id":"1","revision":"x')),
    "a redirection": always(b"HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
}


@pytest.mark.parametrize("bad", BAD)
async def test_an_endpoint_that_cannot_do_it_is_passed_over(bad: str) -> None:
    async with gateway(BAD[bad], GOOD) as etcd:
        first = etcd.endpoint
        assert (await etcd.read(b"k")).revision == 10
        assert etcd.endpoint != first
        assert await etcd.write([Put(b"k", b"")]) == 10


@pytest.mark.parametrize("bad", BAD)
async def test_when_no_endpoint_can_it_is_said_in_one_line_with_the_mend(bad: str) -> None:
    async with gateway(BAD[bad]) as etcd:
        with pytest.raises(EtcdError) as caught:
            await etcd.read(b"k")
    assert str(caught.value).startswith(f"etcd cannot be used ({etcd.endpoint}: ")
    assert "); see that" in str(caught.value)
    assert str(caught.value).isprintable()


async def test_what_a_server_says_is_made_fit_for_a_log() -> None:
    body = json.dumps({"message": "no\n\x1b[31mred " + "long" * 1000, "code": 3}).encode()
    async with gateway(always(http(body, 400))) as etcd:
        with pytest.raises(EtcdError, match=r"no \[31mred long") as caught:
            await etcd.read(b"k")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


async def test_nobody_is_followed_to_another_place() -> None:
    async def script(call: str, writer: asyncio.StreamWriter) -> None:
        elsewhere = b"HTTP/1.1 307 x\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
        writer.write(http(range_answer()) if call == "/elsewhere" else elsewhere)

    async with gateway(script) as etcd:
        with pytest.raises(EtcdError, match="307"):
            await etcd.read(b"k")


async def test_an_answer_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_endpoints, "ANSWER_LIMIT", 1 << 16)
    async with gateway(always(STREAM + chunk(bytes(1 << 14)) * 5)) as etcd:
        with pytest.raises(EtcdError, match="too long"):
            await etcd.read(b"k")


async def test_an_error_in_place_of_a_lease_does_not_mean_that_it_is_gone() -> None:
    no_leader = {"error": {"grpc_code": 14, "http_code": 503, "message": "etcdserver: no leader"}}
    async with gateway(always(http(json.dumps(no_leader).encode()))) as etcd:
        with pytest.raises(EtcdError, match="no leader"):
            await etcd.keep_alive(1)


async def first_told(etcd: Gateway, count: int, revision: int = 11) -> list[Told]:
    found: list[Told] = []
    async with asyncio.timeout(20), aclosing(etcd.watch(b"k", b"l", revision, lambda: None)) as watch:
        async for one in watch:
            found.append(one)
            if len(found) == count:
                break
    return found


async def test_a_watch_may_come_octet_by_octet_or_all_at_once() -> None:
    lines = created() + told(11) + told(12) + told(13)
    for pieces in ([bytes([octet]) for octet in lines], [lines]):
        async with gateway(watching(*pieces)) as etcd:
            assert await first_told(etcd, 3) == [event(11), event(12), event(13)]


async def test_a_watch_goes_on_elsewhere_from_what_it_has_told() -> None:
    half = watching(created(), told(11), told(12)[:20], close=True)
    rest = watching(created(), told(11), told(12), told(13), newest=[13])
    async with gateway(half, rest) as etcd:
        assert await first_told(etcd, 3) == [event(11), event(12), event(13)]


@pytest.mark.parametrize(
    "bad",
    [
        watching(),
        watching(b"garbage\n"),
        watching(json.dumps({"error": {"grpc_code": 14, "message": "no leader"}}).encode() + b"\n"),
        watching(json.dumps({"result": {"header": HEADER, "canceled": True}}).encode() + b"\n"),
        silent,
    ],
)
async def test_a_watch_that_is_not_confirmed_is_tried_elsewhere(bad: Script) -> None:
    async with gateway(bad, watching(created(), told(11))) as etcd:
        assert await first_told(etcd, 1) == [event(11)]


async def test_a_watch_that_stays_silent_while_the_revision_moves_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(etcd_watch, "LONGEST_SILENCE", 1)
    stuck = watching(created(), newest=[10, 12])
    async with gateway(stuck, watching(created(), told(11), newest=[12])) as etcd:
        assert await first_told(etcd, 1) == [event(11)]


async def test_another_cluster_behind_the_same_addresses_is_noticed() -> None:
    other = always(http(range_answer(cluster_id="7")))
    async with gateway(GOOD, other) as etcd:
        await etcd.read(b"k")
        etcd._endpoints.current = list(etcd._endpoints.in_turn())[1]
        with pytest.raises(Compacted):
            await first_told(etcd, 1)
        with pytest.raises(Compacted):
            await etcd.read(b"k", revision=9)


async def test_a_line_too_long_to_take_means_that_all_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_watch, "ANSWER_LIMIT", 1 << 16)
    async with gateway(watching(created(), *[bytes(1 << 14)] * 5)) as etcd:
        with pytest.raises(Compacted):
            await first_told(etcd, 1)
