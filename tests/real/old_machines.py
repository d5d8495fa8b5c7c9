"""Stand-ins for old machines: they send again and again what a real one sends when it starts."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from fixtures import netware_server as museum
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.numbers import THIS_NETWORK, PacketType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipPacket
from real.namespaces import inside

EVERY: Final = 0.2  # seconds
SWITCH: Final = ("239.255.86.86", 8086)

Send = Callable[[bytes], object]


def client() -> list[bytes]:
    """Return what a DOS PC sends: the nearest file server? And: who else plays? (Ethernet_802.2)."""
    return [museum.NEAREST_SERVER_REQUEST, *player(museum.CLIENT_MAC, FrameType.ETHERNET_802_2)]


def player(mac: bytes, frame_type: FrameType) -> list[bytes]:
    """Return what a game of a DOS PC sends."""
    to = Address(THIS_NETWORK, BROADCAST_NODE, Socket.DOOM)
    packet = Packet(to, Address(THIS_NETWORK, mac, Socket.DOOM), PacketType.PEP, b"who plays?").encode()
    return [Frame.of(BROADCAST_NODE, mac, frame_type, packet).encode()]


def old_player() -> list[bytes]:
    """Return what a game sends on a PC of the same cable that speaks another frame type."""
    return player(bytes.fromhex("0080C7A1B2C4"), FrameType.ETHERNET_802_3)


def server(network: str = "0000AB12") -> list[bytes]:
    """Return what a NetWare server on such a network sends every minute."""
    there, here = museum.LAN.to_bytes(4, "big"), bytes.fromhex(network)
    return [frame.replace(there, here) for frame in (museum.RIP_BROADCAST, museum.SAP_BROADCAST)]


def windows() -> list[bytes]:
    """Return what Windows 9x sends to find its frame type: a request for all routes in each."""
    source = Address(THIS_NETWORK, museum.CLIENT_MAC, 0x4002)
    to = Address(THIS_NETWORK, BROADCAST_NODE, Socket.RIP)
    packet = Packet(to, source, PacketType.RIP, RipPacket.request().encode()).encode()
    return [
        Frame.of(BROADCAST_NODE, museum.CLIENT_MAC, frame_type, packet).encode() for frame_type in FrameType
    ]


@contextlib.contextmanager
def sending(frames: Sequence[bytes], way: contextlib.AbstractContextManager[Send]) -> Iterator[None]:
    """Send these frames again and again, until the block ends."""
    over = threading.Event()
    with way as send:

        def repeat() -> None:
            while not over.wait(EVERY):
                for frame in frames:
                    with contextlib.suppress(OSError):  # the other end is not there yet, or no more
                        send(frame)

        thread = threading.Thread(target=repeat)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@contextlib.contextmanager
def on_a_lan(namespace: str, interface: str) -> Iterator[Send]:
    """Give a card."""
    with inside(namespace):
        card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    with card:
        card.bind((interface, 0))
        yield card.send


@contextlib.contextmanager
def on_the_switch(namespace: str, address: str) -> Iterator[Send]:
    """Give a place on 86Box's switch, on another machine than nwip's."""
    with inside(namespace):
        place = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with place:
        place.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
        place.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        yield lambda frame: place.sendto(frame, SWITCH)


@contextlib.contextmanager
def in_a_qemu(namespace: str, port: int) -> Iterator[Send]:
    """Give a card of a QEMU that connects to a port of loopback, and again when it is let go."""
    cables: list[socket.socket] = []

    def send(frame: bytes) -> None:
        if not cables:
            with inside(namespace):
                cable = socket.create_connection(("127.0.0.1", port), timeout=1)
            cables.append(cable)
        try:
            cables[0].sendall(struct.pack("!I", len(frame)) + frame)
        except OSError:
            cables.pop().close()
            raise

    try:
        yield send
    finally:
        for cable in cables:
            cable.close()


@contextlib.contextmanager
def in_a_qemu_that_serves(path: Path) -> Iterator[Send]:
    """Give a card of a QEMU that listens at a UNIX socket, in place of one that did."""
    path.unlink(missing_ok=True)
    cables: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(1)

        def send(frame: bytes) -> None:
            if not cables:
                cables.append(listener.accept()[0])
            try:
                cables[0].sendall(struct.pack("!I", len(frame)) + frame)
            except OSError:
                cables.pop().close()
                raise

        try:
            yield send
        finally:
            for cable in cables:
                cable.close()
