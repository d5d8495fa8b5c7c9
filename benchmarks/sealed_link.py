"""What a packet costs from one node's link to another's, over loopback: plain, and sealed.

Prints a table, or with --json one object. Two links in one process with a real socket each: the CPU time is
that of both sides, calls of the kernel included. Both links go the way of single packets here, because no
gateway remembers anything; what batches save is measured by `nwip bench sealed`. The bare AEAD, once to seal
and once to open, is measured on the same octets. In turn in one run (A B C A B C), medians.
"""

import argparse
import asyncio
import json
import secrets
import statistics
import time
from collections.abc import Sequence
from functools import partial

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from nwip.dataplane.port import open_port
from nwip.dataplane.waiting import new_loop
from nwip.ipx.address import Address
from nwip.ipx.packet import HEADER_SIZE, Packet
from nwip.links.base import Arrival, Hop, Link
from nwip.links.domain_link import DomainLink
from nwip.links.sealed import SealedLink
from nwip.links.virtual import VirtualLink
from nwip.routing.numbering import HASHED_PREFIX
from nwip.security.domain_secrets import DomainSecrets
from nwip.security.keys import KeyPair
from nwip.security.membership import Membership
from nwip.security.roster import Roster
from nwip.security.statements import Authority, Member

DOMAIN, NETWORK = "bench.test", 0x00C0FFEE
SIZES = (64, 576, 1200, 1500)
BURST = 64
NUMBERS = [HASHED_PREFIX + bytes((0, 0, 0, number)) for number in (1, 2)]


class Counting:
    """A node that counts what its link receives."""

    def __init__(self) -> None:
        self.packets = 0

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:  # noqa: ARG002
        """Count a batch."""
        self.packets += len(batch)

    def host_gained(self, link: Link, node: bytes, hop: Hop) -> None:
        """Do nothing."""

    def host_lost(self, link: Link, node: bytes) -> None:
        """Do nothing."""

    def carrier(self, link: Link, *, present: bool) -> None:
        """Do nothing."""


class Pair:
    """Two open links that know each other."""

    def __init__(self, links: Sequence[DomainLink]) -> None:
        self.links = links
        self.nodes = [Counting() for _ in links]

    async def open(self, identities: Sequence[bytes]) -> None:
        """Open both, and let the first packet make the tunnel, if there is to be one."""
        for link, node in zip(self.links, self.nodes, strict=True):
            await link.open(node)
        ends = [link.endpoint for link in self.links]
        for link, other in zip(self.links, (1, 0), strict=True):
            link.know({ends[other]: NUMBERS[other]}, {identities[other]: ends[other]})
        await self.carry([packet_of(64)])

    async def carry(self, packets: Sequence[bytes]) -> None:
        """Send packets from the first to the second, and wait until all have arrived."""
        one, other = self.links
        wanted = self.nodes[1].packets + len(packets)
        to = other.endpoint
        for packet in packets:
            one.send(packet, to)
        async with asyncio.timeout(5):
            while self.nodes[1].packets < wanted:  # noqa: ASYNC110 - an event costs more
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Close both."""
        for link in self.links:
            await link.close()


def packet_of(size: int) -> bytes:
    """Return a packet of the first node to the second."""
    here, there = (Address(NETWORK, number, 1) for number in NUMBERS)
    return Packet(there, here, payload=secrets.token_bytes(size - HEADER_SIZE)).encode()


async def pairs() -> dict[str, Pair]:
    """Return a plain and a sealed pair."""
    authority = Authority.generate()
    keys = [KeyPair.generate() for _ in NUMBERS]
    roster, known = Roster(authority.public, DOMAIN), DomainSecrets([(1, bytes(32))])
    for serial, key in enumerate(keys, start=1):
        roster.merge(authority.sign(Member(key.public, "node", "", (), serial), DOMAIN))
    members = [Membership(key, DOMAIN, authority.public, roster, known) for key in keys]
    whole, at = partial(open_port, fragments=False), ("127.0.0.1", 0)
    plain = Pair([VirtualLink(NETWORK, number, at) for number in NUMBERS])
    parties = zip(NUMBERS, members, strict=True)
    sealed = Pair([SealedLink(NETWORK, number, at, each, opener=whole) for number, each in parties])
    for pair in (plain, sealed):
        await pair.open([key.identity for key in keys])
    return {"plain": plain, "sealed": sealed}


def aead(packets: Sequence[bytes]) -> None:
    """Seal and open packets with nothing but the AEAD."""
    cipher, nonce = ChaCha20Poly1305(bytes(32)), bytes(12)
    closed = [cipher.encrypt(nonce, packet, None) for packet in packets]
    for packet in closed:
        cipher.decrypt(nonce, packet, None)


async def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Return microseconds of CPU a packet by size, the medians of bursts."""
    both = await pairs()
    found = {}
    for size in SIZES:
        packets = [packet_of(size) for _ in range(BURST)]
        for _ in range(3):  # the first large ones make the link look for the path's size
            await both["sealed"].carry(packets[:1])
            await asyncio.sleep(0.01)
        times: dict[str, list[float]] = {"plain": [], "sealed": [], "aead": []}
        for _ in range(rounds):
            for name, pair in both.items():
                began = time.process_time()
                await pair.carry(packets)
                times[name].append(time.process_time() - began)
            began = time.process_time()
            aead(packets)
            times["aead"].append(time.process_time() - began)
        found[str(size)] = {
            name: round(statistics.median(each) / BURST * 1e6, 2) for name, each in times.items()
        }
    for pair in both.values():
        await pair.close()
    return found


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description="What a packet costs from node to node, plain and sealed.")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="just see that it works")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        packets = runner.run(measure(5 if options.quick else 1000))
    if options.json:
        print(json.dumps({"schema": 1, "packets_us": packets}))
        return
    print("microseconds of CPU a packet, both nodes together, in bursts of", BURST)
    for size, costs in packets.items():
        beside = costs["sealed"] / (costs["plain"] + costs["aead"])
        print(
            f"{size:>6} octets", *(f"{name} {value:.2f}" for name, value in costs.items()), sep="   ", end=""
        )
        print(f"   sealed / (plain + aead) {beside:.2f}")


if __name__ == "__main__":
    main()
