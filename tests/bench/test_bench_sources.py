"""Datagrams from many addresses out of one socket, and what comes back to addresses that never answer."""

import socket
from random import Random

import pytest

from nwip.bench.messages import Messages
from nwip.bench.sources import controls, from_address, names
from nwip.bench.victims import Kind, Victims
from nwip.dataplane.kernel import IS_THERE

pytestmark = pytest.mark.skipif(not IS_THERE, reason="sources of one's choice are Linux's")


def udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(5)
    return sock


def test_each_message_has_the_source_that_goes_with_it() -> None:
    sources = [bytes((127, 64, 3, number)) for number in (7, 1, 9)]
    with udp() as receiver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("0.0.0.0", 0))
        at = receiver.getsockname()
        messages = Messages(3, bytearray(b"abc"), 1, 1, names(at, 3), controls=controls(sources))
        assert messages.send(sender.fileno(), 0, 3) == 3
        sender.sendmsg([b"d"], [from_address(b"\x7f\x01\x02\x03")], 0, at)
        came = [receiver.recvfrom(10) for _ in range(4)]
    assert [data for data, _ in came] == [b"a", b"b", b"c", b"d"]
    assert [ip for _, (ip, _) in came] == ["127.64.3.7", "127.64.3.1", "127.64.3.9", "127.1.2.3"]


def test_what_comes_back_is_counted_for_the_kind_that_drew_it() -> None:
    chance = Random(1)  # noqa: S311 - a test is to be repeatable
    with udp() as server, Victims(chance) as victims:
        one, two = victims.add(
            server.getsockname(), [Kind("one", lambda _: b"1"), Kind("two", lambda _: b"22")]
        )
        for exchange in (one, two, two):
            victims.send(exchange)
        sources = set()
        for _ in range(3):
            data, source = server.recvfrom(10)
            sources.add(source[0])
            server.sendto(data * 3 if data == b"22" else b"", source)
        while two.answers < 2:
            victims.listen(1.0)
        assert len(sources) == 3
        assert (one.datagrams, one.octets, one.answered_octets) == (1, 1, 0)
        assert (two.datagrams, two.octets, two.answered_octets, two.ratio) == (2, 4, 12, 3.0)
