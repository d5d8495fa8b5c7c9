"""What the kernel lets in during a flood, asked of the kernel itself."""

import socket
import struct
from typing import Self

import pytest

from nwip.dataplane.packet_filter import EQUAL, RETURN, SO_DETACH_FILTER, Step, assemble, attach, detach
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.ipx.ping import ping, registration
from nwip.links.dosbox.flood import Shares
from nwip.links.dosbox.sieve import MOST_ADDRESSES, sieve

REGISTRATION = registration().encode()
OF_DOSBOX_X = registration(b"\x02\0\0\0\0\1").encode()
GAME = Packet(Address(0, b"\xff" * 6, 0x869C), Address(0, b"\x02\0\0\0\0\2", 0x869C), payload=b"x").encode()
PING = ping(Address(0, b"\x02\0\0\0\0\2", 2)).encode()
TO_A_SERVER = Packet(Address(0, b"\0\0\0\0\0\1", 2), Address(0, b"\x02\0\0\0\0\2", 2)).encode()
TRIALS = 400

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "SO_PASSCRED"), reason="classic BPF on sockets is Linux's"
)


def octets(ip: str) -> bytes:
    return socket.inet_aton(ip)


class Kernel:
    """A socket with a program, and sources on loopback."""

    def __init__(self, program: bytes) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1", 0))
        attach(self.socket, program)

    def passes(self, data: bytes, source: str, times: int = 1) -> int:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((source, 0))
            for _ in range(times):
                sender.sendto(data, self.socket.getsockname())
        came = 0
        try:
            while True:
                assert self.socket.recv(2048) == data
                came += 1
        except BlockingIOError:
            return came

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50, MOST_ADDRESSES])
def test_players_pass_and_nobody_else(count: int) -> None:
    players = [octets(f"127.9.{number >> 6}.{4 * (number & 63) + 1}") for number in range(count)]
    with Kernel(sieve(Shares(0, 0), players)) as kernel:
        for player in players[:3] + players[-3:]:
            known = int.from_bytes(player, "big")
            assert kernel.passes(GAME, socket.inet_ntoa(player)) == 1
            assert kernel.passes(PING, socket.inet_ntoa(player)) == 1
            assert kernel.passes(TO_A_SERVER, socket.inet_ntoa(player)) == 1
            for stranger in (known - 1, known + 1):
                assert kernel.passes(GAME, socket.inet_ntoa(struct.pack("!I", stranger))) == 0
        assert kernel.passes(GAME, "127.0.0.2") == 0
        assert kernel.passes(GAME, "127.200.0.2") == 0


def test_of_registrations_a_share_passes_whoever_they_come_from() -> None:
    with Kernel(sieve(Shares(0.5, 1), [octets("127.0.0.5")])) as kernel:
        for data in (REGISTRATION, OF_DOSBOX_X):
            for source in ("127.0.0.5", "127.0.0.6"):
                assert 0.3 * TRIALS < kernel.passes(data, source, TRIALS) < 0.7 * TRIALS
        assert kernel.passes(GAME, "127.0.0.6", 10) == 10


def test_of_what_strangers_send_a_share_passes() -> None:
    with Kernel(sieve(Shares(1, 0.5), [octets("127.0.0.5")])) as kernel:
        assert 0.3 * TRIALS < kernel.passes(GAME, "127.0.0.6", TRIALS) < 0.7 * TRIALS
        assert kernel.passes(GAME, "127.0.0.5", 10) == 10
        assert kernel.passes(REGISTRATION, "127.0.0.6", 10) == 10


@pytest.mark.parametrize("players", [None, [struct.pack("!I", n) for n in range(MOST_ADDRESSES + 1)]])
def test_where_players_cannot_be_told_only_registrations_are_few(players: list[bytes] | None) -> None:
    with Kernel(sieve(Shares(0, 0), players)) as kernel:
        assert kernel.passes(GAME, "127.0.0.6") == 1
        assert kernel.passes(REGISTRATION, "127.0.0.6", 10) == 0


def test_what_is_cut_short_does_not_pass_and_all_does_when_it_is_over() -> None:
    with Kernel(sieve(Shares(1, 1), [])) as kernel:
        assert kernel.passes(b"short", "127.0.0.5") == 0
        detach(kernel.socket)
        assert kernel.passes(b"short", "127.0.0.5") == 1
        assert SO_DETACH_FILTER == 27


def test_a_program_that_the_kernel_would_not_take_is_not_made() -> None:
    far = [Step(EQUAL, 1, holds="end"), *[Step(RETURN)] * 300, Step(RETURN, label="end")]
    with pytest.raises(ValueError, match="300 steps on"):
        assemble(far)
    with pytest.raises(ValueError, match="the kernel takes 4096"):
        assemble([Step(RETURN)] * 5000)
