"""Looks around on the network: DSSs by each way, paths to other nodes, LANs. Nothing there is changed."""

import asyncio
import contextlib
import os
import socket
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from nwip.config import Config
from nwip.config.links import EthernetSettings
from nwip.dataplane.port import IP_MTU_DISCOVER, IPV6_MTU_DISCOVER
from nwip.directory.records import Endpoint
from nwip.discovery.finding import Found
from nwip.discovery.nearest import query, read_answer
from nwip.discovery.preferred import split_server
from nwip.discovery.steps import Step, Way
from nwip.discovery.ways import find_here
from nwip.doctor.facts import Asked, Lan, PeerPath
from nwip.ipx.frames import Frame
from nwip.wire import WireError

if TYPE_CHECKING:
    from nwip.security.membership import Membership

PATIENCE: Final = 1.0  # seconds for a node to answer, and for routers to object
TRIES: Final = 2  # the first may only teach the kernel how large packets may be
LARGEST: Final = 1500  # octets of UDP payload: the largest IPX packet

_IP_MTU: Final = 14  # <linux/in.h>, and <linux/in6.h>
_IPV6_MTU: Final = 24
_PMTUDISC_DO: Final = 2


async def ask_way(
    config: Config, way: Way, membership: "Membership | None"
) -> tuple[list[Asked], Found | None]:
    """Go one way to a DSS, as a node would; return its steps and what it has found."""
    steps: list[Step] = []
    found = await find_here(
        config.domain.name or "",
        [way],
        preferred=config.dss.servers,
        leases=config.discovery.leases,
        say=steps.append,
        membership=membership,
    )
    return [Asked(str(step.way), *step[1:]) for step in steps], found


async def path_to(name: str, text: str) -> PeerPath:
    """Send a nearest-server query that fills a path to a node's data port, and may not be fragmented.

    It asks for what anybody may ask, and changes nothing there. Whoever does not answer leaves what the
    kernel has learned of the path, from routers on it or from its own table.
    """
    host, ports = split_server(text)
    endpoint: Endpoint = (host, ports[0])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    header = 48 if family == socket.AF_INET6 else 28
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            _forbid_fragments(sock)
            sock.connect(endpoint)
        except OSError:
            return PeerPath(name, text, 0, None)
        mtu = _mtu(sock)
        whole: bool | None = None
        for _ in range(TRIES):
            nonce = os.urandom(6)
            with contextlib.suppress(OSError):  # larger than the kernel knows to fit
                sock.send(query(nonce).ljust(min(LARGEST, mtu - header), b"\0"))
                whole = await _answered(sock, nonce) or None
            if whole or _mtu(sock) == mtu:
                break
            mtu = _mtu(sock)
        return PeerPath(name, text, _mtu(sock), whole)


async def _answered(sock: socket.socket, nonce: bytes) -> bool:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(PATIENCE):
            while True:
                if read_answer(await loop.sock_recv(sock, 2048), nonce) is not None:
                    return True
    return False


def _forbid_fragments(sock: socket.socket) -> None:
    if sys.platform == "linux":
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, _PMTUDISC_DO)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, _PMTUDISC_DO)


def _mtu(sock: socket.socket) -> int:
    """Return the largest IP packet of a connected socket's path, as far as the kernel knows."""
    if sys.platform != "linux":
        return LARGEST
    if sock.family == socket.AF_INET:
        return sock.getsockopt(socket.IPPROTO_IP, _IP_MTU)
    return sock.getsockopt(socket.IPPROTO_IPV6, _IPV6_MTU)


async def listen(links: Sequence[EthernetSettings], seconds: float) -> list[Lan]:
    """Listen on the interfaces of links, all at once, for so many seconds; send nothing."""
    return list(await asyncio.gather(*(_listen(link, seconds) for link in links)))


async def _listen(link: EthernetSettings, seconds: float) -> Lan:
    from nwip.links.lan.af_packet import card_medium  # noqa: PLC0415 - few nodes have a LAN

    heard: Counter[str] = Counter()
    speaks = "" if link.frame_type is None else link.frame_type.value

    def received(frames: Sequence[bytes]) -> None:
        for octets in frames:
            with contextlib.suppress(WireError):
                frame = Frame.decode(octets)
                if frame is not None:
                    heard[frame.frame_type.value] += 1

    try:
        medium = card_medium(link.interface, promiscuous=False, portable=True)
        await medium.open(received)
    except OSError as error:
        return Lan(link.title, link.interface, speaks, {}, error.strerror or str(error))
    try:
        await asyncio.sleep(seconds)
    finally:
        await medium.close()
    return Lan(link.title, link.interface, speaks, heard)
