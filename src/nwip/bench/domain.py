"""A domain to measure: real `nwip up`s with DOSBox links on loopback, in a directory of their own."""

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from nwip.bench.error import BenchError
from nwip.bench.processes import READY_WITHIN, Process, cores, line, module, running
from nwip.directory.records import Endpoint

MOST_CLIENTS: Final = 200_000
NETWORK: Final = "00C0FFEE"
CONTROL: Final = "control.sock"
FILE: Final = "nwip.toml"
FIRST_ADDRESS: Final = 21  # of the nodes: 127.0.0.21, and so on
PLAYERS_ADDRESS: Final = "127.0.0.1"
"""Where clients reach a gateway: an address that an interface has, as those of real gateways are. For another
one the kernel looks the sender's address up a second time for each packet, some 8 % of what a copy costs."""

NAME: Final = "bench.nwip"

_NODE: Final = """\
[domain]
name = "{domain}"
{parameters}
[node]
name = "{name}"
address = "{address}"
state = "{folder}"
control = "{folder}/{control}"
"""
_PARAMETERS: Final = """\
network = "{network}"
data-port = {port}
broadcast-rate = 1000000
broadcast-burst = 1000000
"""
_SERVES: Final = """\
[dss]
serve = true
listen = ["{address}"]
port = {port}
peer-port = {peer_port}
store = "memory"
"""
_SERVED: Final = """\
[dss]
servers = ["{address}:{port}"]
"""
_DOSBOX: Final = """\
[[link]]
kind = "dosbox"
listen = ["{address}"]
port = {port}
clients = {clients}
"""


class Gateway(NamedTuple):
    """A running node: where its DOSBox clients connect, its process, and seconds until it was ready.

    `dss` is where its domain's DSS takes sessions, `control` its own control socket.
    """

    dss: Endpoint
    control: Path
    players_at: Endpoint
    process: Process
    ready_after: float


@contextmanager
def domain(
    names: tuple[str, ...],
    *,
    own_dss: bool = False,
    links: str = "",
    ageing: str = "",
    sealed: bool = False,
) -> Iterator[dict[str, Gateway]]:
    """Run a gateway for each name; return them by name when all are ready.

    The first runs the DSS, or with `own_dss` one more process, named "dss", on the core of the load.
    `links` is more configuration of every gateway, `ageing` of the domain. A `sealed` one is made as a person
    makes it, and each gateway joins by an invitation.
    """
    found: dict[str, Gateway] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nwip-bench-")))
        parameters = _PARAMETERS.format(network=NETWORK, port=free_port()) + ageing
        at_dss = (f"127.0.0.{FIRST_ADDRESS}", free_port())
        for number, name in enumerate(("dss", *names) if own_dss else names):
            address, at = f"127.0.0.{FIRST_ADDRESS + number}", free_port()
            dss = _SERVED if number else _SERVES
            home = folder / name
            home.mkdir()
            text = _NODE.format(
                domain=NAME,
                name=name,
                address=address,
                folder=home,
                control=CONTROL,
                parameters="" if number else parameters,
            )
            text += dss.format(address=at_dss[0], port=at_dss[1], peer_port=free_port())
            core = cores()[0]
            if name in names:
                text += _DOSBOX.format(address=PLAYERS_ADDRESS, port=at, clients=MOST_CLIENTS) + links
                core = core_for(names.index(name), len(names))
            if sealed:
                _join(
                    home, text, invited_by=None if number == 0 else folder / ("dss" if own_dss else names[0])
                )
            begin = time.perf_counter()
            process = stack.enter_context(node(home, text, core))
            line(process, home / "log")
            found[name] = Gateway(
                at_dss, home / CONTROL, (PLAYERS_ADDRESS, at), process, time.perf_counter() - begin
            )
        yield {name: found[name] for name in names}


def _join(home: Path, text: str, invited_by: Path | None) -> None:
    """Make a node a member of the sealed domain, or its first one."""
    (home / FILE).write_text(text, "utf-8")
    if invited_by is None:
        _run(home, "domain", "create", NAME)
    else:
        token = _run(invited_by, "domain", "invite").splitlines()[0].removeprefix("nwip join ")
        _run(home, "join", token)


def _run(home: Path, *arguments: str) -> str:
    """Run a command of a node; return what it prints. Raises `BenchError` if it fails."""
    command = module("nwip", "--config", home / FILE, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, timeout=READY_WITHIN, check=False)
    if done.returncode:
        raise BenchError(f"nwip {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def core_for(number: int, count: int) -> int:
    """Return the core of one of `count` processes that are measured: the last ones, but for the load's."""
    free = cores()
    return free[max(1, len(free) - count + number) % len(free)]


@contextmanager
def node(home: Path, text: str, core: int | None = None) -> Iterator[Process]:
    """Run `nwip up --json` with this configuration."""
    file = home / FILE
    file.write_text(text, "utf-8")
    with running(module("nwip", "--config", file, "up", "--json"), home / "log", core) as process:
        yield process


def free_port(address: str = "0.0.0.0") -> int:
    """Return a port that is free for UDP and TCP."""
    for _ in range(20):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind((address, 0))
            port = int(udp.getsockname()[1])
            try:
                tcp.bind((address, port))
            except OSError:
                continue
            return port
    raise BenchError("no port is free")
