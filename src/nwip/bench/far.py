"""Another node of the domain, as far as the directory can tell: registered, and no more. Run as a program.

Packets for it go to the socket of whoever started it, who counts them.
"""

import asyncio
import os
import sys
from random import Random

from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Endpoint, Node
from nwip.dss.client import DssClient
from nwip.routing.numbering import node_number


def identity_of(address: str) -> bytes:
    """Return the identity of the node at an IPv4 address."""
    return address.encode().ljust(16, b"\0")


def number_of(address: str) -> bytes:
    """Return the node number of the node at an IPv4 address, whatever its port."""
    return node_number((address, 1), Parameters(domain="bench.nwip"), identity_of(address), salt=1)


class Registered:
    """Says when the session is open."""

    def parameters_changed(self, _: Parameters) -> None:
        """Do nothing."""

    def directory_changed(self, _: list[Change]) -> None:
        """Do nothing."""

    def session_opened(self, _: Endpoint) -> None:
        """Say so."""
        print("ready", flush=True)  # noqa: T201 - this is how it says that it is ready

    def session_closed(self, _: str) -> None:
        """Do nothing: it is tried again."""


async def main(dss: Endpoint, here: Endpoint) -> None:
    """Be registered, until terminated."""
    client = DssClient(
        "bench.nwip",
        identity_of(here[0]),
        "far",
        [dss],
        boot=os.urandom(16),
        listener=Registered(),
        random=Random(1),  # noqa: S311 - it spreads reconnections
        local_address=here[0],
    )
    client.offer(Node(number_of(here[0]), "far", [here]))
    await client.run()


if __name__ == "__main__":
    dss_host, dss_port, host, port = sys.argv[1:]
    asyncio.run(main((dss_host, int(dss_port)), (host, int(port))))
