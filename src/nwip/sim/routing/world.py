"""A simulated network of routers, built from a plan: what is up, what reaches what, and what must never be.

Pure. At every change of a way in force, the ways are followed from there: no chain of them may come back. So
loops are found in the instant in which they begin, whether or not a packet happens to be under way.
"""

from collections.abc import Container, Iterator
from typing import Final

from nwip.ipx.address import Address
from nwip.routing.routes import Reach
from nwip.sim.clock import Clock
from nwip.sim.routing.boxes import Host, PlainRouter
from nwip.sim.routing.cables import PROBE_SOCKET, Cable, Crossings
from nwip.sim.routing.domain import NETWORK, SimulatedDomain
from nwip.sim.routing.gateways import GatewayBox
from nwip.sim.routing.topology import Failure, Plan, RouterPlan

TAKE_OVER: Final = 3.0  # seconds until a gateway that stands by routes on a LAN

Box = PlainRouter | GatewayBox


class World:
    """Boxes on cables.

    `broken` holds a sentence for each thing that must never be, and was; `moves` counts changes of ways.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.clock = Clock()
        self.crossings = Crossings()
        self.domain = SimulatedDomain(self.clock, self.crossings)
        self.arrived: set[bytes] = set()
        self.broken: list[str] = []
        self.failed: set[Failure] = set()
        self.cables = {
            cable.name: Cable(self.clock, self.crossings, cable.name, cable.network) for cable in plan.cables
        }
        self.hosts = {
            name: Host(cable, b"\x02\x02\x00\x00\x00" + bytes([number]), self.arrived)
            for number, (name, cable) in enumerate(self.cables.items())
        }
        self.boxes: dict[str, Box] = {}
        self.moves = 0
        self._active: dict[str, str] = {}
        self._by_node: dict[tuple[str, object], list[Box]] = {}
        self._by_endpoint: dict[object, Box] = {}
        for number, router in enumerate(plan.routers, start=1):
            self.boxes[router.name] = self._box(number, router)
        for box in self.boxes.values():
            for name in box.taps:
                self._by_node.setdefault((name, box.node_on(self.cables[name])), []).append(box)
        self._probes = 0

    # Failures and repairs.

    def fail(self, failure: Failure) -> None:
        """Let something fail that has not."""
        self.failed.add(failure)
        box = self.boxes[failure.router]
        if failure.kind == "crash":
            box.crash()
        elif failure.kind == "cut":
            box.carrier(self.cables[failure.cable], present=False)
        elif isinstance(box, GatewayBox):
            box.cut_uplink()
        self.clock.after(TAKE_OVER, self._elect)

    def repair(self, failure: Failure) -> None:
        """Mend what has failed."""
        self.failed.discard(failure)
        box = self.boxes[failure.router]
        if failure.kind == "crash":
            box.start()
        elif failure.kind == "cut":
            box.carrier(self.cables[failure.cable], present=True)
        elif isinstance(box, GatewayBox):
            box.mend_uplink()
        self.clock.after(TAKE_OVER, self._elect)

    # What there is.

    def is_active(self, box: Box, cable: str) -> bool:
        """Say whether a router that is up routes on a cable now."""
        if not box.up or not box.taps[cable].plugged:
            return False
        return isinstance(box, PlainRouter) or self._active.get(cable, box.name) == box.name

    def parts(self) -> dict[str, int]:
        """Return, of each router that is up, each cable and the domain, in which connected part it is."""
        whole = {name: name for name in (*self.boxes, *self.cables, "domain")}

        def find(name: str) -> str:
            while whole[name] != name:
                whole[name] = name = whole[whole[name]]
            return name

        for name, box in self.boxes.items():
            for cable in box.taps:
                if self.is_active(box, cable):
                    whole[find(name)] = find(cable)
            if isinstance(box, GatewayBox) and box.up and box.uplink:
                whole[find(name)] = find("domain")
        numbers: dict[str, int] = {}
        return {name: numbers.setdefault(find(name), len(numbers)) for name in whole}

    def is_virtual_split(self) -> bool:
        """Say whether two places believe that they are the virtual network, and cannot reach each other."""
        for plan in self.plan.cables:
            if plan.joined:
                on_it = [box for box in self.boxes.values() if plan.name in box.taps]
                gateway = next(box for box in on_it if isinstance(box, GatewayBox))
                whole = self.is_active(gateway, plan.name) and gateway.uplink
                others = any(self.is_active(box, plan.name) for box in on_it if box is not gateway)
                if not whole and (others or gateway.up):
                    return True
        return False

    def networks(self) -> Iterator[int]:
        """Give out each network once."""
        return iter({cable.network: None for cable in self.cables.values()})

    def unsettled(self) -> Iterator[str]:
        """Yield what is not yet as it should be: who has no way, or one that does not lead there."""
        parts, split = self.parts(), self.is_virtual_split()
        where = {
            network: {parts[cable.name] for cable in self.cables.values() if cable.network == network}
            for network in self.networks()
        }
        if NETWORK in where:
            where[NETWORK] = {parts["domain"]}
        for name, box in self.boxes.items():
            if isinstance(box, GatewayBox) and box.up and box.is_mistaken:
                yield f"{name} believes that it is on the virtual network"
            for network, at in where.items() if box.up else ():
                if network == NETWORK and split:
                    continue
                way = box.routes.best(network)
                if parts[name] in at and not self._follow(box, network)[0]:
                    yield f"{name} does not reach {network:08X}"
                elif parts[name] not in at and way is not None and way.port is None:
                    yield f"{name} believes that it reaches {network:08X} through the domain"

    # Probes.

    def probe(self, source: str, target: str) -> bytes | None:
        """Send a probe from the host of a cable to that of another; None when nobody offers a way."""
        here, there = self.hosts[source], self.hosts[target]
        cable = here.cable
        offers = []
        for box in self.boxes.values():
            if source in box.taps and self.is_active(box, source):
                if there.cable.network == cable.network:
                    continue
                entry = box.told(cable, there.cable.network)
                if entry is not None:
                    offers.append((entry.ticks, entry.hops, box.node_on(cable)))
        if not offers and there.cable.network != cable.network:
            return None
        self._probes += 1
        name = b"%d" % self._probes
        to = Address(there.cable.network, there.node, PROBE_SOCKET)
        here.send(to, name, min(offers)[2] if offers else b"")
        return name

    def check_probes(self, settled: Container[bytes]) -> None:
        """Note every probe that one router has sent twice, and every packet that passed too many routers.

        Of the probes in `settled`, to a network that all agree on the way to, also those that have passed a
        cable twice. While tables change, a packet may meet a router that has just changed its mind, and come
        once more over a cable that it has passed.
        """
        crossings = self.crossings
        twice = {
            f"{name.decode()} was sent on {where} by one router"
            for (name, where, _), count in crossings.by_senders.items()
            if count > 1
        }
        twice |= {
            f"{name.decode()} passed {where}"
            for (name, where), count in crossings.on_cables.items()
            if count > 1 and name in settled
        }
        for what in sorted(twice):
            self.breaks(f"probe {what} twice or more")
        crossings.clear()
        for box in self.boxes.values():
            if box.expired:
                self.breaks(f"{box.name} dropped a packet that had passed too many routers")

    def breaks(self, sentence: str) -> None:
        """Note that something was that must never be."""
        self.broken.append(f"{self.clock.now:.3f}: {sentence}")

    # Inside.

    def _box(self, number: int, router: RouterPlan) -> Box:
        box: Box
        if router.gateway:
            box = GatewayBox(self.clock, self.domain, router.name, number)
            self._by_endpoint[box.endpoint] = box
        else:
            box = PlainRouter(self.clock, router.name, number)
        box.watch = self._moved
        plans = {cable.name: cable for cable in self.plan.cables}
        for name in router.cables:
            cable = self.cables[name]
            if isinstance(box, PlainRouter):
                box.plug(cable)
            else:
                plan = plans[name]
                star = plan.medium in ("star", "joined star")
                box.plug(cable, joined=plan.joined, star=star, hosts=[self.hosts[name].node])
                if not plan.joined:
                    first = self._active.setdefault(name, box.name)
                    box.stand_by(cable, stand_by=first != box.name)
        return box

    def _elect(self) -> None:
        """Let one gateway route on each LAN: one that reaches the domain, if there is such a one."""
        for name in list(self._active):
            fit = [
                (not box.uplink, number, box.name)
                for number, box in enumerate(self.boxes.values())
                if isinstance(box, GatewayBox) and name in box.taps and box.up and box.taps[name].plugged
            ]
            before = self._active[name]
            if not fit or min(fit)[2] == before:
                continue
            self._active[name] = min(fit)[2]
            for box in self.boxes.values():
                if isinstance(box, GatewayBox) and name in box.taps:
                    box.stand_by(self.cables[name], stand_by=box.name != self._active[name])

    def _next(self, box: Box, way: Reach) -> Box | None:
        """Return the router that a way leads to next, None where it leads nowhere."""
        if way.port is None:
            other = self._by_endpoint[way.station]
            return other if self._has_uplink(box) and self._has_uplink(other) else None
        name = way.port.name
        for other in self._by_node.get((name, way.station), ()):
            if other is not box and self.is_active(other, name):
                return other
        return None

    @staticmethod
    def _has_uplink(box: Box) -> bool:
        return isinstance(box, GatewayBox) and box.uplink

    def _follow(self, box: Box, network: int) -> tuple[bool, list[str]]:
        """Follow the ways from a router as packets do; say whether they lead there, and by whom.

        A packet from the domain leaves it, and none goes back to the cable it came from.
        """
        at: Box | None = box
        inlet = ""
        passed: list[str] = []
        while at is not None and at.up and len(passed) < 3 * len(self.plan.routers):
            inward = inlet == "domain"
            way = at.routes.through_links(network, self.clock.now) if inward else at.routes.best(network)
            outlet = way.port.name if way is not None and way.port is not None else "domain"
            if way is None or outlet == inlet:
                return False, passed
            if way.port is not None and way.station is None:
                return way.port.active, passed
            passed.append(at.name)
            at, inlet = self._next(at, way), outlet
        return False, passed

    def _moved(self, box: Box, networks: set[int]) -> None:
        """Follow the ways that have changed, to see whether one comes back."""
        self.moves += 1
        for network in networks:
            _, passed = self._follow(box, network)
            if len(passed) >= 3 * len(self.plan.routers):
                self.breaks(f"the way to {network:08X} goes round: {' '.join(passed)}")
