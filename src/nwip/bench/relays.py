"""The ways that are measured: through nodes of nwip, and through the bare relay beside them."""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from nwip.bench.clients import Clients
from nwip.bench.domain import domain
from nwip.bench.joining import Membership
from nwip.bench.processes import cores, line, module, running
from nwip.bench.ways import Way


class Yardstick(Protocol):
    """Opens the way to compare with: `peers` receivers; with `copies` every packet goes to all of them."""

    def __call__(self, peers: int, *, copies: bool = False) -> AbstractContextManager[Way]:
        """Open it for a block."""
        ...


@contextmanager
def nwip(
    peers: int, names: tuple[str, ...] = ("gateway",), *, own_dss: bool = False, sealed: bool = False
) -> Iterator[Way]:
    """Run gateways: client 0 is at the first, the receivers at the last; see `domain`."""
    with domain(names, own_dss=own_dss, sealed=sealed) as gateways, Clients() as clients:
        first, last = gateways[names[0]], gateways[names[-1]]
        members = Membership(clients, first.players_at, last.players_at)
        members.join(peers)
        clients.sender.connect(first.players_at)
        processes = {name: gateway.process.pid for name, gateway in gateways.items()}
        yield Way(clients, members.network, members.nodes, processes, members.keep, members.join)


@contextmanager
def bare(peers: int, *, copies: bool = False) -> Iterator[Way]:
    """Run the bare relay."""
    arguments = ["--copies"] if copies else []
    with tempfile.TemporaryDirectory(prefix="nwip-bench-") as folder, Clients() as clients:
        log = Path(folder) / "log"
        command = module("nwip.bench.bare", clients.port, peers, *arguments)
        with running(command, log, cores()[-1]) as process:
            clients.sender.connect(("127.0.0.1", int(line(process, log))))
            yield Way(clients, bytes(4), fixed_nodes(peers), {"relay": process.pid})


def fixed_nodes(peers: int) -> list[bytes]:
    """Return node numbers of client 0 and of the receivers, where no relay gives them any."""
    return [b"\x02\0" + number.to_bytes(4, "big") for number in range(peers + 1)]
