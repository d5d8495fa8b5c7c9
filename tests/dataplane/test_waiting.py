"""What waits for datagrams: by which call, and that nothing else is missed for it."""

import asyncio
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nwip.dataplane.waiting import DatagramSelector, new_loop

READ = selectors.EVENT_READ

pytestmark = pytest.mark.skipif(not hasattr(selectors, "EpollSelector"), reason="there is no epoll")


class Scene:
    """A selector that waits for one end of a pair of datagram sockets and of a pair of streams."""

    def __init__(self, stack: ExitStack) -> None:
        self.selector = stack.enter_context(DatagramSelector())
        datagrams, streams = socket.socketpair(type=socket.SOCK_DGRAM), socket.socketpair()
        for sock in (*datagrams, *streams):
            stack.enter_context(sock)
        (self.datagrams, self.sends_datagrams), (self.stream, self.sends_stream) = datagrams, streams
        self.selector.register(self.datagrams, READ, "datagrams")
        self.selector.register(self.stream, READ, "stream")

    def ready(self) -> list[tuple[str, int]]:
        return sorted((key.data, events) for key, events in self.selector.select(0))


@pytest.fixture
def scene() -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(stack)


def test_both_kinds_are_heard_each_alone_and_together(scene: Scene) -> None:
    assert scene.ready() == []
    scene.sends_datagrams.send(b"1")
    assert scene.ready() == [("datagrams", READ)]
    scene.sends_stream.send(b"2")
    assert scene.ready() == [("datagrams", READ), ("stream", READ)]
    scene.datagrams.recv(1)
    assert scene.ready() == [("stream", READ)]


def test_epoll_has_no_socket_that_datagrams_go_through(scene: Scene) -> None:
    epoll = Path(f"/proc/self/fdinfo/{scene.selector._others.fileno()}").read_text("ascii")
    watched = [int(row.split()[1]) for row in epoll.splitlines() if row.startswith("tfd:")]
    assert watched == [scene.stream.fileno()]


def test_a_packet_socket_and_a_pipe_go_where_they_belong(scene: Scene) -> None:
    raw = scene.selector.register(scene.sends_datagrams.fileno(), READ)
    stream = scene.selector.register(scene.sends_stream.fileno(), READ)
    assert scene.selector.get_key(raw.fd) == raw
    assert scene.selector.get_key(stream.fd) == stream
    assert raw.fd in scene.selector._datagrams.get_map()
    assert stream.fd in scene.selector._others.get_map()


def test_what_is_registered_no_longer_is_not_heard(scene: Scene) -> None:
    scene.sends_datagrams.send(b"1")
    scene.sends_stream.send(b"2")
    for sock in (scene.datagrams, scene.stream):
        assert scene.selector.unregister(sock).fileobj is sock
        with pytest.raises(KeyError):
            scene.selector.unregister(sock)
    assert scene.ready() == []


def test_other_events_are_waited_for_when_asked_for(scene: Scene) -> None:
    for sock in (scene.datagrams, scene.stream):
        scene.selector.modify(sock, selectors.EVENT_WRITE, "writable")
    assert scene.ready() == [("writable", selectors.EVENT_WRITE)] * 2


def test_a_loop_serves_datagrams_streams_and_other_threads() -> None:
    async def talk() -> list[object]:
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair(type=socket.SOCK_DGRAM)
        heard = loop.create_future()
        loop.add_reader(near.fileno(), lambda: heard.set_result(near.recv(9)))
        far.send(b"datagram")
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1")
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        found = [await heard, await reader.read(), await asyncio.to_thread(lambda: "thread")]
        writer.close()
        server.close()
        loop.remove_reader(near.fileno())
        near.close()
        far.close()
        return found

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(asyncio.wait_for(talk(), 5)) == [b"datagram", b"", "thread"]
