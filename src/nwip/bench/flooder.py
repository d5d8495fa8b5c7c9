"""A program that floods a DOSBox-protocol server with registrations from forged addresses.

`python -m nwip.bench.flooder HOST PORT RATE SECONDS SOURCES`: the sources are addresses of 127.64.0.0/10,
all different, which never answer. Begins when it reads a line, and prints how many it has sent.
"""

import random
import socket
import sys
import time
from contextlib import suppress
from typing import Final

from nwip.bench.messages import BATCH, Messages
from nwip.bench.sources import controls, names
from nwip.directory.records import Endpoint
from nwip.ipx.ping import registration

FIRST: Final = 0x7F400000  # 127.64.0.0
ROOM: Final = 1 << 22
SMALLEST_BUFFER: Final = 2048  # octets: nobody looks at the answers
LONGEST_NAP: Final = 0.001  # seconds


def flood(to: Endpoint, rate: float, seconds: float, sources: int) -> int:
    """Send registrations, `rate` a second; return how many went out."""
    packet = registration().encode()
    chosen = random.Random(sources).sample(range(ROOM), sources)  # noqa: S311 - repeatable
    messages = Messages(
        sources,
        bytearray(packet * sources),
        len(packet),
        len(packet),
        names(to, sources),
        controls=controls((FIRST + number).to_bytes(4, "big") for number in chosen),
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALLEST_BUFFER)
        sock.bind(("0.0.0.0", 0))
        descriptor, at, sent = sock.fileno(), 0, 0
        start = time.perf_counter()
        while (gone := time.perf_counter() - start) < seconds:
            due = int(gone * rate) - sent
            if due < BATCH:
                time.sleep(min(LONGEST_NAP, BATCH / rate))
                continue
            count = min(BATCH, sources - at)
            with suppress(OSError):
                sent += messages.send(descriptor, at, count)
            at = (at + count) % sources
    return sent


def main() -> None:
    """Run as a program."""
    host, port, rate, seconds, sources = sys.argv[1:]
    sys.stdin.readline()
    sent = flood((host, int(port)), float(rate), float(seconds), int(sources))
    sys.stdout.write(f"{sent}\n")


if __name__ == "__main__":
    main()
