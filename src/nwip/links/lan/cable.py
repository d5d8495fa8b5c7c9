"""Whether the cable of a network interface is in, told by Linux as it changes."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Final

from nwip.links.lan.interface import IFF_RUNNING, IFF_UP, Within, asking, flags_of

RTMGRP_LINK: Final = 1  # linux/rtnetlink.h: changes of interfaces
LARGEST_MESSAGE: Final = 65536


class CableWatch:
    """Watches one interface: its cable is in where it is up and has a carrier.

    Each message of rtnetlink(7) about any interface is a reason to look; Linux sends them at once when a
    carrier is there, and within a second when it is lost. Where there is no rtnetlink, the cable is in for
    ever.
    """

    def __init__(self, interface: str, *, within: Within = nullcontext) -> None:
        self.present = True
        self._interface = interface
        self._within = within
        self._changed: Callable[[bool], None] = lambda _: None
        self._asking: socket.socket | None = None
        self._messages: socket.socket | None = None

    def start(self, changed: Callable[[bool], None]) -> None:
        """Look, and tell `changed` what is otherwise than before, now and whenever it changes."""
        self._changed = changed
        with suppress(OSError), self._within():
            self._asking = asking()
            self._messages = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            self._messages.setblocking(False)
            self._messages.bind((0, RTMGRP_LINK))
            asyncio.get_running_loop().add_reader(self._messages, self._drain)
            self._look()

    def stop(self) -> None:
        """Look no longer."""
        if self._messages is not None:
            asyncio.get_running_loop().remove_reader(self._messages)
        for sock in (self._messages, self._asking):
            if sock is not None:
                sock.close()
        self._messages = self._asking = None

    def _drain(self) -> None:
        if self._messages is not None:
            with suppress(OSError):  # all are read; or some were lost, which is the more reason to look
                while True:
                    self._messages.recv(LARGEST_MESSAGE)
        self._look()

    def _look(self) -> None:
        present = False
        with suppress(OSError):  # no such interface any more
            if self._asking is not None:
                wanted = IFF_UP | IFF_RUNNING
                present = flags_of(self._interface, self._asking) & wanted == wanted
        if present is not self.present:
            self.present = present
            self._changed(present)
