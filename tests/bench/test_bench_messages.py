"""Prebuilt messages: each with its own octets, size and destination, sent and received by batch."""

import socket

import pytest

from nwip.bench.clients import names
from nwip.bench.messages import BATCH, Messages, set_column
from nwip.dataplane.kernel import IS_THERE, MSG_DONTWAIT

pytestmark = pytest.mark.skipif(not IS_THERE, reason="this system has no recvmmsg")


def test_messages_go_where_their_names_say_with_their_own_octets() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("0.0.0.0", 0))
        receiver.settimeout(5)
        messages = Messages(3, bytearray(b"onetwofour"), 3, 3, names(receiver.getsockname()[1], 3))
        set_column(messages.sizes, [3, 3, 4])
        assert messages.send(sender.fileno(), 1, 2) == 2
        assert messages.send(sender.fileno(), 0, 1) == 1
        assert [receiver.recv(100) for _ in range(3)] == [b"two", b"four", b"one"]


def test_a_batch_is_received_with_the_size_of_each() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        buffer = bytearray(BATCH * 8)
        messages = Messages(BATCH, buffer, 8, 8)
        assert messages.receive(receiver.fileno(), MSG_DONTWAIT) == -1
        for octets in (b"a", b"bcd", b"longer than a slot"):
            sender.sendto(octets, receiver.getsockname())
        assert messages.receive(receiver.fileno(), MSG_DONTWAIT) == 3
        assert messages.came[:3].tolist() == [1, 3, 8]
        assert [bytes(buffer[at : at + 8]).rstrip(b"\0") for at in (0, 8, 16)] == [b"a", b"bcd", b"longer t"]


def test_what_the_kernel_refuses_is_an_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, pytest.raises(OSError, match="sendmmsg"):
        Messages(1, bytearray(1), 1, 1).send(sender.fileno(), 0, 1)
