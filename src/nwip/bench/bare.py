"""The yardstick: a relay that looks at nothing, so what it costs is the kernel's way in and out.

It takes batches as a gateway does, and sends them as they are to the receivers in turn; with `--copies` each
packet to all of them. Run as a program by `nwip bench`; prints the port at which it listens.
"""

import argparse
import signal
import socket
from array import array
from typing import Final

from nwip.bench.clients import names
from nwip.bench.messages import BATCH, NAME_SIZE, Messages
from nwip.bench.sink import SLOT

BUFFER: Final = 4 << 20  # octets, as nwip asks for
MSG_WAITFORONE: Final = 0x10000  # recvmmsg(2)


def relay(sock: socket.socket, port: int, peers: int) -> None:
    """Send what comes to the receivers, one after the other, for ever."""
    descriptor, buffer = sock.fileno(), bytearray(BATCH * SLOT)
    taken = Messages(BATCH, buffer, SLOT, SLOT)
    to = bytearray(BATCH * NAME_SIZE)
    given = Messages(BATCH, buffer, SLOT, SLOT, to)
    once_round = names(port, peers) * (1 + BATCH // peers)
    everyone = memoryview(once_round + once_round[: BATCH * NAME_SIZE])
    turns = len(once_round) // NAME_SIZE
    turn, sizes = 0, [SLOT] * BATCH
    while True:
        came = taken.receive(descriptor, MSG_WAITFORONE)
        if came <= 0:
            continue
        if (now := taken.came[:came].tolist()) != sizes[:came]:
            sizes[:came] = now
            given.sizes[:came] = memoryview(array(given.sizes.format, now))
        start = turn * NAME_SIZE
        to[: came * NAME_SIZE] = everyone[start : start + came * NAME_SIZE]
        turn = (turn + came) % turns
        send_all(given, descriptor, came)


def copy(sock: socket.socket, port: int, peers: int) -> None:
    """Send each packet that comes to all receivers, for ever."""
    descriptor, buffer = sock.fileno(), bytearray(SLOT)
    taken = Messages(1, buffer, SLOT, SLOT)
    given = Messages(peers, buffer, 0, SLOT, names(port, peers))
    size = SLOT
    while True:
        if taken.receive(descriptor, MSG_WAITFORONE) <= 0:
            continue
        if taken.came[0] != size:
            size = taken.came[0]
            given.sizes[:] = memoryview(array(given.sizes.format, [size] * peers))
        send_all(given, descriptor, peers)


def send_all(messages: Messages, descriptor: int, count: int) -> None:
    """Send so many messages; one that the kernel refuses is left out."""
    sent = 0
    while sent < count:
        try:
            sent += messages.send(descriptor, sent, count - sent)
        except OSError:
            sent += 1


def main() -> None:
    """Be a relay for the receivers at a port, until terminated."""
    parser = argparse.ArgumentParser(description="A relay that looks at nothing.")
    parser.add_argument("port", type=int, help="of the receivers")
    parser.add_argument("peers", type=int)
    parser.add_argument("--copies", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started us, and terminates us
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        sock.bind(("127.0.0.1", 0))
        print(sock.getsockname()[1], flush=True)  # noqa: T201 - this is how it says that it is ready
        (copy if options.copies else relay)(sock, options.port, options.peers)


if __name__ == "__main__":
    main()
