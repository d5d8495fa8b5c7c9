"""Machines of a sealed domain that run real processes, on loopback or in namespaces, and players on them."""

import contextlib
import signal
import socket
import time
from pathlib import Path
from typing import Final

from nwip.directory.records import Endpoint
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.links.dosbox.client import DosboxClient, Received
from real.namespaces import inside
from sealed_machine import SealedMachine, until

PLAYERS_PORT: Final = 20213
DATA_PORT: Final = 43981
SOCKET: Final = 0x5678


class PlayersMachine(SealedMachine):
    """One to which DOSBox players come."""

    def __init__(self, folder: Path, address: str, namespace: str | None = None, more: str = "") -> None:
        super().__init__(folder, address, namespace)
        self._players: list[Player] = []
        self.write(f'{more}\n[[link]]\nkind = "dosbox"\nlisten = ["{address}"]\nport = {PLAYERS_PORT}\n')

    def end(self, number: signal.Signals = signal.SIGINT) -> None:
        for player in self._players:
            player.close()
        self._players.clear()
        super().end(number)

    def said(self) -> str:
        """Return what it has written to its log."""
        return self.log.read_text()

    def endpoints(self) -> dict[object, object]:
        """Return the endpoints of the nodes that it sees."""
        return {row["name"]: row["endpoints"] for row in self.rows("nodes")}

    def domain_link(self) -> dict[str, object]:
        """Return what is told of the link to the other nodes."""
        return next(row for row in self.rows("links") if row["kind"] == "virtual")

    def player(self) -> "Player":
        """Return a player that has connected to this machine's node."""
        self._players.append(Player((self.address, PLAYERS_PORT), self.namespace))
        return self._players[-1]


class Player:
    """What DOSBox is to a node: a socket, and the protocol's client on it."""

    def __init__(self, server: Endpoint, namespace: str | None = None) -> None:
        self._client = DosboxClient()
        with inside(namespace) if namespace else contextlib.nullcontext():
            family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.connect(server)
        self._client.register(time.monotonic())
        until(self._registered)
        address = self._client.address
        assert address is not None
        self.address: Address = address

    def send(self, to: "Player", payload: bytes) -> None:
        destination = to.address._replace(socket=SOCKET)
        self._client.send(Packet(destination, self.address._replace(socket=SOCKET), payload=payload))
        self._put()

    def hears(self, within: float = 0.2) -> list[bytes]:
        """Return the payloads that arrive until nothing has come for so long."""
        heard: list[bytes] = []
        while self._take(within):
            heard += [event.packet.payload for event in self._client.events() if isinstance(event, Received)]
        return heard

    def reaches(self, to: "Player", payload: bytes) -> bool:
        """Send a payload; say whether it arrives."""
        self.send(to, payload)
        return payload in to.hears()

    def close(self) -> None:
        self._socket.close()

    def _registered(self) -> bool:
        self._client.advance(time.monotonic())
        self._put()
        self._take(0.1)
        return self._client.address is not None

    def _put(self) -> None:
        for data in self._client.datagrams_to_send():
            with contextlib.suppress(ConnectionError):
                self._socket.send(data)

    def _take(self, within: float) -> bool:
        self._socket.settimeout(within)
        try:
            self._client.receive_datagram(self._socket.recv(2048), time.monotonic())
        except (TimeoutError, ConnectionError):
            return False
        self._put()
        return True
