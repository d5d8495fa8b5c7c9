"""Asks a DHCP server for options 62 and 63 with a DHCPINFORM (RFC 2131 section 4.4.3).

The answer comes to port 68, which needs privilege and must not be held by another client alone; where it
cannot be had, nothing is asked.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final

from nwip.discovery.dhcp.information import DOMAIN_OPTION, INFORMATION_OPTION, Information, decode
from nwip.discovery.dhcp.message import (
    CLIENT_PORT,
    REPLY,
    SERVER_PORT,
    Message,
    MessageType,
    Option,
    inform,
)
from nwip.wire import WireError

WANTED: Final = bytes([DOMAIN_OPTION, INFORMATION_OPTION])
EVERYONE: Final = "255.255.255.255"
TRIES: Final = 2
WAIT: Final = 1.5  # seconds for each try
LARGEST: Final = 65535


async def ask(
    address: str, hardware: bytes, server: str, transaction: Callable[[], int], wait: float = WAIT
) -> Information | None:
    """Return what a DHCP server says of NetWare/IP to the interface with this address; None if none answers.

    `server` empty asks by broadcast. Raises `OSError` where port 68 cannot be had, `WireError` for options
    that cannot be read.
    """
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.bind((address, CLIENT_PORT))
        for _ in range(TRIES):
            number = transaction()
            question = inform(number, address, hardware, WANTED)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await loop.sock_sendto(sock, question, (server or EVERYONE, SERVER_PORT))
                    while True:
                        answer = _acknowledgement(await loop.sock_recv(sock, LARGEST), number)
                        if answer is not None:
                            options = answer.options
                            domain, suboptions = (options.get(code) for code in WANTED)
                            return decode(domain, suboptions, answer.sname_file) or Information()
    return None


def _acknowledgement(data: bytes, number: int) -> Message | None:
    try:
        message = Message.decode(data)
    except WireError:
        return None
    is_ours = message.operation == REPLY and message.transaction == number
    return (
        message if is_ours and message.options.get(Option.MESSAGE_TYPE) == bytes([MessageType.ACK]) else None
    )
