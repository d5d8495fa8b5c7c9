"""A program that offers services in a domain, as a NetWare server would, until it is told to stop.

`python -m nwip.bench.offering HOST PORT COUNT`: prints a line when the DSS has them all.
"""

import asyncio
import sys
import time
from random import Random

from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Endpoint, Kind, Node, Service
from nwip.dss.client import DssClient

IDENTITY = b"S" * 16


class Listener:
    """Sees whether the DSS tells everything back."""

    def __init__(self, count: int) -> None:
        self.told = asyncio.Event()
        self.client: DssClient | None = None
        self._count = count

    def parameters_changed(self, parameters: Parameters) -> None:
        """Nothing to do."""

    def session_opened(self, server: Endpoint) -> None:
        """Nothing to do."""

    def session_closed(self, reason: str) -> None:
        """Nothing to do."""

    def directory_changed(self, changes: list[Change]) -> None:  # noqa: ARG002 - the table has them
        """Look how many services there are."""
        if self.client and sum(1 for _ in self.client.directory.keys(Kind.SERVICE)) >= self._count:
            self.told.set()


async def offer(server: Endpoint, count: int) -> None:
    """Offer services, say so, and wait."""
    listener = Listener(count)
    client = listener.client = DssClient(
        "",
        IDENTITY,
        "services",
        [server],
        boot=time.time_ns().to_bytes(16, "big"),
        listener=listener,
        random=Random(1),  # noqa: S311 - spreads reconnections, keeps no secret
    )
    client.offer(Node(b"\x7e\x06serv", "services", [(server[0], 1)]))
    for number in range(count):
        client.offer(Service(4, f"SERVER{number}", number + 1, b"\0\0\0\0\0\1", 0x451, 1))
    running = asyncio.ensure_future(client.run())
    await listener.told.wait()
    sys.stdout.write("offered\n")
    sys.stdout.flush()
    await running


if __name__ == "__main__":
    asyncio.run(offer((sys.argv[1], int(sys.argv[2])), int(sys.argv[3])))
