"""A host that moves is found at its new gateway by everyone, whichever DSS they and the gateways are at."""

from itertools import permutations
from random import Random

import pytest

from nwip.directory.parameters import Parameters
from nwip.directory.records import Host, Kind
from nwip.sim.clock import Clock
from nwip.sim.machines import DssMachine, NodeMachine
from nwip.sim.network import Network, Wire

PROMISED = 0.1  # seconds from the host's first packet at the new gateway
PLAYER = bytes.fromhex("ACDE488899AA")
KEY = (Kind.HOST, PLAYER, "")


def domain(*, mesh: bool) -> tuple[Clock, list[NodeMachine]]:
    """Three DSSs, 10 ms from everything, with a gateway at each and one more at the last."""
    clock = Clock()
    network = Network(clock, Random(1), Wire(delay=0.01))  # noqa: S311 - a repeatable simulation
    parameters = Parameters(domain="sim.test", identity=bytes([0xD0, 0]) * 8)
    dsss = [DssMachine(number, network, parameters) for number in range(3)]
    dsss[0].others = dsss[1:] if mesh else [dsss[1]]
    dsss[1].others = [dsss[2]]
    gateways = [NodeMachine(n + 1, network, "sim.test", [dsss[min(n, 2)]]) for n in range(4)]
    for dss in dsss:
        dss.start()
    for gateway in gateways:
        gateway.start()
    clock.run(10.0)
    assert all(gateway.connected for gateway in gateways)
    return clock, gateways


def places(gateways: list[NodeMachine]) -> list[bytes | None]:
    """Return where each gateway takes the host to be."""
    best = [gateway.engine.directory.best(KEY) for gateway in gateways]
    return [record.owner if record else None for record in best]


@pytest.mark.parametrize("mesh", [True, False], ids=["all DSSs know each other", "a chain of DSSs"])
@pytest.mark.parametrize(("old", "new"), list(permutations(range(4), 2)))
def test_a_host_that_moves_is_found_by_everyone_within_a_tenth_of_a_second(
    old: int, new: int, *, mesh: bool
) -> None:
    clock, gateways = domain(mesh=mesh)
    gateways[old].offer(Host(PLAYER, 0))
    clock.run(clock.now + PROMISED)
    assert places(gateways) == [gateways[old].identity] * 4
    gateways[new].offer(Host(PLAYER, 1))
    clock.run(clock.now + PROMISED)
    assert places(gateways) == [gateways[new].identity] * 4
