"""Machines of a sealed domain that run real processes, on loopback or in namespaces, and players on them."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from nwip.control import NodeRefused, NodeUnreachable, ask
from nwip.directory.records import Endpoint
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.links.dosbox.client import DosboxClient, Received
from real.namespaces import inside

PATIENCE: Final = 20.0
PLAYERS_PORT: Final = 20213
DATA_PORT: Final = 43981
SOCKET: Final = 0x5678


def until(condition: Callable[[], object], within: float = PATIENCE) -> float:
    """Wait for something that other processes do; return for how many seconds."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() < begun + within
        time.sleep(0.02)
    return time.monotonic() - begun


class SealedMachine:
    """A machine with an address and at most one running node, to which DOSBox players come."""

    def __init__(self, folder: Path, address: str, namespace: str | None = None, more: str = "") -> None:
        folder.mkdir()
        self.name = folder.name
        self.address = address
        self.namespace = namespace
        self.control = folder / "c.sock"
        self.state = folder / "state"
        self._file = folder / "nwip.toml"
        self._log = folder / "log"
        self._players: list[Player] = []
        self._process: subprocess.Popen[str] | None = None
        self._file.write_text(
            f'node.name = "{self.name}"\nnode.address = "{address}"\n'
            f'node.state = "{self.state}"\nnode.control = "{self.control}"\n{more}\n'
            f'[[link]]\nkind = "dosbox"\nlisten = ["{address}"]\nport = {PLAYERS_PORT}\n'
        )

    def does(self, *arguments: str) -> str:
        done = subprocess.run(
            self._command(*arguments), capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def invite(self, *options: str) -> str:
        """Return the token of a new invitation."""
        return self.does("domain", "invite", *options).splitlines()[0].removeprefix("nwip join ")

    def up(self) -> None:
        """Run a node until it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command("up", "--json"), stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        assert ready, self._log.read_text()
        assert json.loads(ready)["sealed"] is True

    def end(self, number: signal.Signals = signal.SIGINT) -> None:
        for player in self._players:
            player.close()
        self._players.clear()
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(PATIENCE)
            assert process.stdout is not None
            process.stdout.close()

    def said(self) -> str:
        """Return what it has written to its log."""
        return self._log.read_text()

    def rows(self, what: str) -> list[dict[str, object]]:
        try:
            return cast("list[dict[str, object]]", ask(self.control, {"ask": what}))
        except (NodeUnreachable, NodeRefused):
            return []

    def sees(self) -> set[object]:
        """Return the names of the nodes that it sees."""
        return {row["name"] for row in self.rows("nodes")}

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

    def _command(self, *arguments: str) -> list[str]:
        command = [sys.executable, "-m", "nwip", "--config", str(self._file), *arguments]
        return command if self.namespace is None else ["ip", "netns", "exec", self.namespace, *command]


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
