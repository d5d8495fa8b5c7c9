"""A process on 86Box's network switch: sends the frames that come on stdin, and writes those that it hears.

Frames are hexadecimal, one a line.

    python switch_station.py nwip|86box

`nwip` uses the medium of this project. `86box` does with plain sockets what `net_switch.c` does: it sends by
each interface to the group, its loop off, and to the broadcast address of the loopback interface.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable, Iterable

from nwip.links.lan.netswitch import netswitch_medium, netswitch_ways

GROUP, PORT = "239.255.86.86", 8086


def write(frames: Iterable[bytes]) -> None:
    for frame in frames:
        sys.stdout.write(frame.hex() + "\n")
    sys.stdout.flush()


async def send_lines(send: Callable[[bytes], object]) -> None:
    """Send what comes on stdin, to its end."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(0)
    )
    while line := await lines.readline():
        send(bytes.fromhex(line.decode()))


async def nwip() -> None:
    medium = netswitch_medium()
    await medium.open(write)
    await send_lines(medium.send)
    sys.stderr.write(f"{medium.counters.drops}\n")
    await medium.close()


async def eighty_six_box() -> None:
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("", PORT))
        senders: list[tuple[socket.socket, str]] = []
        for way in netswitch_ways():
            sender = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            senders.append((sender, way.to))
            if way.to == GROUP:
                address = socket.inet_aton(way.address)
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, address)
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
                membership = socket.inet_aton(GROUP) + address
                listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            else:
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

        def send(frame: bytes) -> None:
            for sender, to in senders:
                sender.sendto(frame, (to, PORT))

        asyncio.get_running_loop().add_reader(listener, lambda: write([listener.recv(65536)]))
        await send_lines(send)


asyncio.run({"nwip": nwip, "86box": eighty_six_box}[sys.argv[1]]())
