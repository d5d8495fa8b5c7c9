"""What was exchanged with each other node: packets looked at one by one, and those that passed in batches."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nwip.dataplane.port import BatchedPort, Port
from nwip.directory.records import Endpoint


class Traffic(NamedTuple):
    """Packets and octets each way. Octets of what passed in batches are sampled; see `Tally`."""

    packets_in: int = 0
    octets_in: int = 0
    packets_out: int = 0
    octets_out: int = 0


class PeerTraffic:
    """Counts for the peers that are known, and forgets the others."""

    def __init__(self) -> None:
        self._single: dict[Endpoint, list[int]] = {}

    def know(self, gone: Iterable[Endpoint], new: Iterable[Endpoint], ports: Sequence[Port]) -> None:
        """Forget some peers, and begin to count for others."""
        batched = [port for port in ports if isinstance(port, BatchedPort)]
        for endpoint in gone:
            self._single.pop(endpoint, None)
            for port in batched:
                port.tally.forget(port.name_of(endpoint))
        for endpoint in new:
            self._single[endpoint] = [0, 0, 0, 0]
            for port in batched:
                port.tally.join(port.name_of(endpoint))

    def came(self, endpoint: Endpoint, octets: int, packets: int = 1) -> None:
        """Count packets from a peer, and the octets of all."""
        counts = self._single.get(endpoint)
        if counts is not None:
            counts[0] += packets
            counts[1] += octets

    def went(self, endpoint: Endpoint, octets: int, packets: int = 1) -> None:
        """Count packets to a peer, and the octets of all."""
        counts = self._single.get(endpoint)
        if counts is not None:
            counts[2] += packets
            counts[3] += octets

    def of(self, endpoint: Endpoint, ports: Sequence[Port]) -> Traffic:
        """Return what was exchanged with a peer."""
        counts = self._single.get(endpoint)
        if counts is None:
            return Traffic()
        total = list(counts)
        for port in ports:
            if isinstance(port, BatchedPort):
                name, tally = port.name_of(endpoint), port.tally
                more = (*tally.came(name, port.mean_in), *tally.out(name, port.mean_out, joined=True))
                total = [one + another for one, another in zip(total, more, strict=True)]
        return Traffic(*total)
