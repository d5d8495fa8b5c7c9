"""Random networks of routers, and everything that can fail in them."""

from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal, NamedTuple

from nwip.sim.routing.domain import NETWORK

Medium = Literal["lan", "joined", "star", "joined star", "internal"]
"""An internal network is that of a server, which is a router too; the service is on it."""

FIRST_NETWORK: Final = 0x00001000


@dataclass(slots=True)
class CablePlan:
    """A cable, and its own network unless it is joined to the virtual one."""

    name: str
    network: int
    medium: Medium

    @property
    def joined(self) -> bool:
        """Whether its hosts are on the virtual network."""
        return self.network == NETWORK


@dataclass(slots=True)
class RouterPlan:
    """A router, a gateway of the domain or not, and the names of its cables."""

    name: str
    gateway: bool
    cables: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """A network of cables and routers."""

    cables: list[CablePlan]
    routers: list[RouterPlan]


class Failure(NamedTuple):
    """What fails: a router, the plug of a router in a cable, or the uplink of a gateway."""

    kind: Literal["crash", "cut", "uplink"]
    router: str
    cable: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in self if part)


def random_plan(random: Random, most: int, least: int = 2) -> Plan:
    """Draw a network of `least` to `most` routers: connected, as a rule with loops and more than one way."""
    routers = random.randint(least, most)
    share = random.choice([0.0, 0.3, 0.5, 0.7, 1.0])
    plan = Plan([], [RouterPlan(f"r{number}", random.random() < share) for number in range(routers)])
    for router in plan.routers:
        _connect(plan, router, random)
    for _ in range(random.randint(0, routers)):
        _add_plug(plan, random.choice(plan.routers), random)
    for router in plan.routers:
        if router.gateway and random.random() < 0.3:
            medium: Medium = random.choice(["star", "joined star"])
            router.cables.append(_new_cable(plan, medium).name)
        elif not router.gateway and random.random() < 0.3:
            router.cables.append(_new_cable(plan, "internal").name)
    return plan


def failures(plan: Plan) -> list[Failure]:
    """Return every single failure of a network."""
    crashes = [Failure("crash", router.name) for router in plan.routers]
    internal = {cable.name for cable in plan.cables if cable.medium == "internal"}
    plugs = [(router, cable) for router in plan.routers for cable in router.cables if cable not in internal]
    cuts = [Failure("cut", router.name, cable) for router, cable in plugs]
    uplinks = [Failure("uplink", router.name) for router in plan.routers if router.gateway]
    return [*crashes, *cuts, *uplinks]


def _connect(plan: Plan, router: RouterPlan, random: Random) -> None:
    """Put a router on a cable that there is or on a new one; those before are connected already."""
    before = plan.routers[: plan.routers.index(router)]
    old = [cable for cable in plan.cables if _fits(plan, router, cable)]
    joined_by_domain = router.gateway and any(other.gateway for other in before)
    if old and not (joined_by_domain and random.random() < 0.5):
        router.cables.append(random.choice(old).name)
    if not router.cables or random.random() < 0.6:
        medium: Medium = "joined" if router.gateway and random.random() < 0.25 else "lan"
        router.cables.append(_new_cable(plan, medium).name)
    if (
        before
        and not joined_by_domain
        and not any(set(router.cables) & set(other.cables) for other in before)
    ):
        other = random.choice(before)
        lans = [cable for cable in plan.cables if cable.name in other.cables and _fits(plan, router, cable)]
        if not lans:
            lans = [_new_cable(plan, "lan")]
            other.cables.append(lans[0].name)
        router.cables.append(lans[0].name)


def _add_plug(plan: Plan, router: RouterPlan, random: Random) -> None:
    fitting = [cable for cable in plan.cables if _fits(plan, router, cable)]
    if fitting:
        router.cables.append(random.choice(fitting).name)


def _fits(plan: Plan, router: RouterPlan, cable: CablePlan) -> bool:
    """Say whether a router may be put on a cable: a joined one has one gateway, a router one joined cable."""
    if cable.name in router.cables or cable.medium in ("star", "joined star", "internal"):
        return False
    if not cable.joined:
        return True
    joined = {other.name for other in plan.cables if other.joined}
    return not router.gateway and not joined & set(router.cables)


def _new_cable(plan: Plan, medium: Medium) -> CablePlan:
    number = len(plan.cables)
    network = NETWORK if medium.startswith("joined") else FIRST_NETWORK + number
    cable = CablePlan(f"c{number}", network, medium)
    plan.cables.append(cable)
    return cable
