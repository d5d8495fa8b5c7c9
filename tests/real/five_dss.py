"""Five hosts, each with a DSS and a node of its own process, on a bridge that can be cut in two.

Between host and bridge each has a wire that loses, delays and reorders: `../shared/tools/impair.py`.
"""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Self, TextIO

from real.bad_wire import software_checksums, start_bad_wire
from real.namespaces import inside, ip

COUNT: Final = 5
TYPES: Final = range(0x5000, 0x500A)  # the services are of ten types, so that each list fits one answer

CONFIG: Final = """
[domain]
name = "five.test"
lease = {lease}
renewal = {renewal}
synchronisation = {synchronisation}
[node]
name = "host{number}"
address = "10.77.0.{host}"
state = "{folder}"
control = "{folder}/control.sock"
[dss]
serve = true
listen = ["10.77.0.{host}"]
peers = [{peers}]
admit = ["10.77.0.0/24"]
"""


def _close_pipes(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


class Host:
    """One host: its namespace, and the processes in it."""

    def __init__(self, number: int, folder: Path, lab: "Lab") -> None:
        self.number = number
        self.address = f"10.77.0.{number + 1}"
        self.folder = folder / f"host{number}"
        self.folder.mkdir(exist_ok=True)
        self.logs = folder / f"host{number}.logs"
        self.logs.mkdir()
        self._environment = lab.environment
        self.namespace = f"{lab.prefix}-h{number}"
        self.dss: subprocess.Popen[str] | None = None
        self.node: subprocess.Popen[str] | None = None
        peers = [f'"10.77.0.{other + 1}"' for other in range(COUNT) if abs(other - number) == 1]
        (self.folder / "nwip.toml").write_text(
            CONFIG.format(
                number=number,
                host=number + 1,
                folder=self.folder,
                peers=", ".join(peers),
                lease=lab.lease,
                renewal=lab.lease / 3,
                synchronisation=lab.synchronisation,
            )
        )

    def start_dss(self) -> None:
        log = (self.logs / "dss.log").open("a")
        with log:
            self.dss = self._start(
                log,
                sys.executable,
                *("-m", "nwip", "--config", str(self.folder / "nwip.toml"), "up"),
                environment=self._environment(self),
            )

    def kill_dss(self) -> None:
        assert self.dss is not None
        self.dss.send_signal(signal.SIGKILL)
        self.dss.wait(10)
        _close_pipes(self.dss)
        self.dss = None

    def start_node(self, *servers: str, count: int) -> None:
        log = (self.logs / "node.log").open("a")
        program = str(Path(__file__).with_name("churning_node.py"))
        with log:
            self.node = self._start(log, sys.executable, program, str(self.number), str(count), *servers)

    def churn(self, round_: int) -> None:
        """Let the node change what it offers, and wait until it has."""
        assert self.node is not None
        assert self.node.stdin is not None
        assert self.node.stdout is not None
        self.node.stdin.write(f"{round_}\n")
        self.node.stdin.flush()
        self.node.stdout.readline()

    def names(self) -> set[str]:
        """Ask this host's DSS over UDP 396, from its own address, with octets made here, not by nwip."""
        found: set[str] = set()
        with inside(self.namespace), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            asker.bind((self.address, 0))
            for type_ in TYPES:
                query = struct.pack(
                    "!HHBB4s6sH4s6sH",
                    0xFFFF,
                    34,
                    0,
                    17,
                    bytes(4),
                    b"\xff" * 6,
                    0x452,
                    bytes(4),
                    bytes(5) + b"\1",
                    0x4003,
                )
                asker.sendto(query + struct.pack("!HH", 1, type_), (self.address, 396))
                asker.settimeout(1.0)
                while True:
                    try:
                        answer = asker.recv(2048)
                    except TimeoutError:
                        break
                    asker.settimeout(0.05)
                    for start in range(32, len(answer) - 63, 64):
                        hops = int.from_bytes(answer[start + 62 : start + 64], "big")
                        if hops < 16:
                            found.add(answer[start + 2 : start + 50].rstrip(b"\0").decode("ascii"))
        return found

    def _start(
        self, log: TextIO, *command: str, environment: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if "churning" in command[1] else log,
            stderr=log,
            text=True,
            env=environment,
        )


class Lab:
    """The hosts and what joins them. `environment` is that of a host's DSS, None for our own."""

    def __init__(
        self,
        folder: Path,
        *,
        lease: float,
        synchronisation: float,
        environment: Callable[[Host], dict[str, str] | None] = lambda _: None,
    ) -> None:
        self.environment = environment
        self.prefix = f"nwip-{os.getpid()}"
        self.lease, self.synchronisation = lease, synchronisation
        self.middle = f"{self.prefix}-mid"
        self._wires: list[subprocess.Popen[bytes]] = []
        self.hosts = [Host(number, folder, self) for number in range(COUNT)]

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()

    def impair(self, *, loss: float, delay: float, jitter: float, seconds: float) -> None:
        """Put the bad wire between each host and the bridge."""
        for host in self.hosts:
            ends = (f"m{host.number}", f"b{host.number}")
            self._wires.append(
                start_bad_wire(
                    self.middle,
                    *ends,
                    loss=loss,
                    delay=delay,
                    jitter=jitter,
                    seconds=seconds,
                    seed=host.number,
                )
            )

    def cut(self, *, cut: bool) -> None:
        """Part hosts 0 and 1 from the others, or join them again."""
        ip("-n", self.middle, "link", "set", "trunk0", "down" if cut else "up")

    def _build(self) -> None:
        ip("netns", "add", self.middle)
        middle = ("-n", self.middle)
        for bridge in ("west", "east"):
            ip(*middle, "link", "add", bridge, "type", "bridge")
            ip(*middle, "link", "set", bridge, "up")
        ip(*middle, "link", "add", "trunk0", "type", "veth", "peer", "name", "trunk1")
        for port, bridge in (("trunk0", "west"), ("trunk1", "east")):
            ip(*middle, "link", "set", port, "master", bridge, "up")
        for host in self.hosts:
            number, name = host.number, host.namespace
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
            ip(
                "-n",
                name,
                "link",
                "add",
                "eth0",
                "type",
                "veth",
                "peer",
                "name",
                f"m{number}",
                "netns",
                self.middle,
            )
            ip(*middle, "link", "add", f"b{number}", "type", "veth", "peer", "name", f"p{number}")
            ip("-n", name, "address", "add", f"{host.address}/24", "dev", "eth0")
            for where, interface in (
                (name, "eth0"),
                (self.middle, f"m{number}"),
                (self.middle, f"b{number}"),
            ):
                software_checksums(where, interface)
                ip("-n", where, "link", "set", interface, "up")
            ip(*middle, "link", "set", f"p{number}", "master", "west" if number < 2 else "east", "up")

    def _clear(self) -> None:
        for process in self._processes():
            process.kill()
            process.wait(10)
            _close_pipes(process)
        for name in (self.middle, *(host.namespace for host in self.hosts)):
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "delete", name)

    def _processes(self) -> Iterator[subprocess.Popen[bytes] | subprocess.Popen[str]]:
        yield from self._wires
        for host in self.hosts:
            yield from (process for process in (host.dss, host.node) if process is not None)
