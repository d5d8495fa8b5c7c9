"""An open domain on a public address: strangers are refused at every port that it listens at."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from nwip.discovery.nearest import query, read_answer
from nwip.dss.framing import Splitter, frame
from nwip.dss.messages import VERSION, Hello, Message, Reason, Refused, Role, decode, encode
from nwip.ipx.address import Address
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipPacket
from real.namespaces import inside, ip, two_hosts

pytestmark = [pytest.mark.real("root", "netns"), pytest.mark.timeout(60)]

PUBLIC, STRANGER, LISTED = "198.51.100.1", "198.51.100.2", "198.51.100.3"
PRIVATE, NEIGHBOUR = "10.77.0.1", "10.77.0.2"
ROUTED: Final = 'joined = false\nnetwork = "C0FFEE"\n'  # so that there is something to ask for
SILENCE: Final = 0.5  # seconds; answers over one cable come within a millisecond

CONFIG: Final = f"""
[domain]
name = "open.test"
[node]
name = "dss"
address = "{PUBLIC}"
[dss]
serve = true
listen = ["{PUBLIC}", "{PRIVATE}"]
admit = ["loopback", "private", "{LISTED}"]
peers = ["{LISTED}"]
store = "memory"
"""


@contextlib.contextmanager
def site(folder: Path) -> Iterator[str]:
    """Run an open domain's DSS on one end of a cable; give the namespace at the other end."""
    (folder / "nwip.toml").write_text(CONFIG + f'[[link]]\nkind = "dosbox"\nlisten = ["{PRIVATE}"]\n{ROUTED}')
    with two_hosts(f"{PUBLIC}/24", f"{STRANGER}/24") as (here, there):
        ip("-n", here, "address", "add", f"{PRIVATE}/24", "dev", "eth0")
        for address in (LISTED, NEIGHBOUR):
            ip("-n", there, "address", "add", f"{address}/24", "dev", "eth0")
        command = ["ip", "netns", "exec", here, sys.executable, "-m", "nwip"]
        own = {"NWIP_CONTROL": str(folder / "s"), "STATE_DIRECTORY": str(folder / "state")}
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(
                [*command, "--config", str(folder / "nwip.toml"), "up", "--json"],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **own},
            ) as process,
        ):
            try:
                assert process.stdout is not None
                assert process.stdout.readline(), (folder / "log").read_text()
                yield there
            finally:
                process.terminate()
                process.wait(10)


def greeted(namespace: str, source: str, to: tuple[str, int], role: Role) -> Message | None:
    """Return what answers a Hello over TCP."""
    with inside(namespace):
        connection = socket.create_connection(to, 5, (source, 0))
    with connection:
        hello = Hello(VERSION, "open.test", os.urandom(16), os.urandom(16), role, "x")
        connection.sendall(frame(encode(hello)))
        splitter = Splitter()
        while data := connection.recv(65536):
            for octets in splitter.feed(data):
                return decode(octets)
    return None


def answer(namespace: str, source: str, data: bytes, to: tuple[str, int]) -> bytes | None:
    """Return what answers a datagram, None for silence."""
    with inside(namespace):
        asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with asker:
        asker.bind((source, 0))
        asker.settimeout(SILENCE)
        asker.sendto(data, to)
        with contextlib.suppress(TimeoutError):
            return asker.recv(2048)
    return None


def let_in(told: Message | None) -> bool:
    """Say whether it was a Hello; what is not must be the refusal of a stranger."""
    assert isinstance(told, Hello) or (isinstance(told, Refused) and told.reason == Reason.NOT_ADMITTED)
    return isinstance(told, Hello)


def at(source: str) -> str:
    """Return which address of the DSS is on the same network as a source."""
    return PRIVATE if source == NEIGHBOUR else PUBLIC


def test_only_loopback_private_and_listed_addresses_are_served(tmp_path: Path) -> None:
    route_request = Packet(
        Address(0, b"\xff" * 6, Socket.RIP), Address(0, b"myself", 0x4000), 1, RipPacket.request().encode()
    ).encode()
    with site(tmp_path) as namespace:
        while answer(namespace, NEIGHBOUR, route_request, (PRIVATE, 396)) is None:
            pass  # until the node has registered its network
        for source, welcome in ((STRANGER, False), (LISTED, True), (NEIGHBOUR, True)):
            told = greeted(namespace, source, (at(source), 396), "node")
            assert let_in(told) == welcome
            answered = answer(namespace, source, route_request, (at(source), 396))
            assert (answered is not None) == welcome
            nonce = os.urandom(6)
            for port in (396, 43981):
                found = answer(namespace, source, query(nonce), (at(source) if port == 396 else PUBLIC, port))
                assert (found is not None and read_answer(found, nonce) is not None) == welcome
            assert answer(namespace, source, route_request, (PUBLIC, 43981)) is None  # it is no node
        for source, welcome in ((STRANGER, False), (NEIGHBOUR, False), (LISTED, True)):
            told = greeted(namespace, source, (at(source), 2010), "dss")
            assert let_in(told) == welcome
