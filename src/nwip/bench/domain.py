"""A domain to measure: real `nwip up`s with DOSBox links on loopback, in a directory of their own."""

import json
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from nwip.bench.error import BenchError
from nwip.bench.processes import Process, cores, line, module, running
from nwip.directory.records import Endpoint

MOST_CLIENTS: Final = 200_000
NETWORK: Final = "00C0FFEE"

_NODE: Final = """\
[domain]
name = "bench.nwip"
{parameters}
[node]
name = "{name}"
address = "{address}"
state = "{folder}"
control = "{folder}/control.sock"
[dss]
{dss}
"""
_PARAMETERS: Final = """\
network = "{network}"
data-port = {port}
broadcast-rate = 1000000
broadcast-burst = 1000000
"""
_SERVES: Final = """\
serve = true
listen = ["{address}"]
port = {port}
store = "memory"
"""
_DOSBOX: Final = """\
[[link]]
kind = "dosbox"
listen = ["{address}"]
port = {port}
clients = {clients}
"""


class Gateway(NamedTuple):
    """A running node: where its DOSBox clients connect, its process, and what it said when it was ready."""

    players_at: Endpoint
    process: Process
    facts: Mapping[str, object]


@contextmanager
def domain(names: tuple[str, ...], *, own_dss: bool = False, links: str = "") -> Iterator[dict[str, Gateway]]:
    """Run a gateway for each name, each on the last cores; return them by name when all are ready.

    The first runs the DSS, or with `own_dss` one more process, named "dss", on the core of the load.
    `links` is more configuration for every gateway.
    """
    free, found = cores(), {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nwip-bench-")))
        data_port, dss_port = free_port(), free_port()
        everyone = ("dss", *names) if own_dss else names
        dss_at = ""
        for number, name in enumerate(everyone):
            address = f"127.0.0.{21 + number}"
            at = (address, free_port())
            parameters = _PARAMETERS.format(network=NETWORK, port=data_port) if number == 0 else ""
            dss = _SERVES.format(address=address, port=dss_port) if number == 0 else f'servers = ["{dss_at}"]\n'
            dss_at = dss_at or f"{address}:{dss_port}"
            home = folder / name
            home.mkdir()
            text = _NODE.format(name=name, address=address, folder=home, parameters=parameters, dss=dss)
            if name != "dss":
                text += _DOSBOX.format(address=address, port=at[1], clients=MOST_CLIENTS) + links
            core = free[0] if name == "dss" else free[max(1, len(free) - len(names) + len(found)) % len(free)]
            process = stack.enter_context(node(home, text, core))
            facts = json.loads(line(process, home / "log"))
            if name != "dss":
                found[name] = Gateway(at, process, facts)
        yield found


@contextmanager
def node(home: Path, text: str, core: int | None = None) -> Iterator[Process]:
    """Run `nwip up --json` with this configuration."""
    file = home / "nwip.toml"
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
