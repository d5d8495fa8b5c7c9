"""Whether what a node registers is its own to register: number, networks, services. Pure.

Each DSS judges the nodes that have a session with it. What another DSS tells was judged there.
"""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from nwip.directory.conflicts import conflict_of
from nwip.directory.grants import is_granted
from nwip.directory.lans import is_turn
from nwip.directory.parameters import Parameters
from nwip.directory.records import Host, Key, Kind, Node, Record, Route, Service
from nwip.dss.exchange import Exchange
from nwip.dss.session import Session
from nwip.ipx.address import BROADCAST_NODE, format_node
from nwip.routing.numbering import is_node_number, may_be_number_of

if TYPE_CHECKING:
    from nwip.dss.members import Members

_log = logging.getLogger(__name__)

NOTED: Final = 256  # denials that are told, of which so many of one node:
NOTED_OF_NODE: Final = 16
FORMER: Final = 8  # sets of parameters that nodes may have started with
SILENT_RENEWALS: Final = 1.5  # after which a gateway's turn on its LAN may be taken: its next one is missing


class Claims:
    """The judge of one DSS. What it denies it notes, until that is withdrawn or allowed or its node goes."""

    def __init__(self, exchange: Exchange, members: "Members | None") -> None:
        self._exchange = exchange
        self._directory = exchange.directory
        self._members = members
        self._former = [exchange.parameters]
        self._denied: dict[bytes, dict[Key, str]] = {}
        self._count = 0
        exchange.parameter_listeners.append(self._parameters_changed)

    def __len__(self) -> int:
        """Return how many denials are noted."""
        return self._count

    def standing(self) -> Iterator[str]:
        """Yield a sentence for each denial that is noted."""
        for of_node in self._denied.values():
            yield from of_node.values()

    def objection(self, session: Session, record: Record, now: float) -> str:
        """Return why a node may not register a record, empty when it may."""
        match record.value:
            case Node():
                why = self._of_node(record.owner, record.value)
            case Host():
                why = self._of_host(record.value)
            case Route():
                why = self._of_route(session, record, record.value, now)
            case Service():
                why = self._of_service(session, record.owner, record.value)
            case _:
                why = "that is a DSS's to register"
        if why:
            self._note(session, record, why)
        else:
            self.withdrawn(record.owner, record.key)
        return why

    def withdrawn(self, owner: bytes, key: Key) -> None:
        """Forget that a record was denied."""
        of_node = self._denied.get(owner)
        if of_node is not None and of_node.pop(key, None) is not None:
            self._count -= 1
            if not of_node:
                del self._denied[owner]

    def left(self, owner: bytes) -> None:
        """Forget what was denied to a node."""
        self._count -= len(self._denied.pop(owner, ()))

    def _note(self, session: Session, record: Record, why: str) -> None:
        of_node = self._denied.get(record.owner, {})
        if record.key in of_node or len(of_node) >= NOTED_OF_NODE or self._count >= NOTED:
            return
        sentence = f"{session.name} may not register {record.value}: {why}"
        self._denied.setdefault(record.owner, of_node)[record.key] = sentence
        self._count += 1
        _log.warning("%s", sentence)

    def _of_node(self, owner: bytes, node: Node) -> str:
        sealed = self._members is not None
        if any(
            may_be_number_of(node.node, endpoint, parameters, owner, sealed=sealed)
            for endpoint in node.endpoints
            for parameters in self._former
        ):
            return ""
        return "that node number comes neither from its address nor from its identity"

    def _of_host(self, host: Host) -> str:
        if host.node in (bytes(6), BROADCAST_NODE):
            return "no host has that number"
        if is_node_number(host.node, self._exchange.parameters):
            return "only nodes have such numbers"
        return ""

    def _of_route(self, session: Session, record: Record, route: Route, now: float) -> str:
        if conflict_of([record], self._exchange.parameters.network) is not None:
            return "the virtual network has that number: give the segment another"
        if self._is_granted_by_authority(record.owner, route.network):
            return ""
        why = self._not_granted(session, route.network)
        if not why and self._exchange.parameters.networks == "first":
            return self._not_first(record, route, now)
        return why

    def _of_service(self, session: Session, owner: bytes, service: Service) -> str:
        if service.network == self._exchange.parameters.network:
            return self._at_anothers_number(owner, service.node)
        why = self._not_granted(session, service.network)
        key: Key = (Kind.ROUTE, service.network, "")
        if why or self._directory.standing(owner, key) is not None:
            return why
        # Who sees a service behind another's network has it at least as far away as that network is.
        nearer = (
            claim for claim in self._directory.claims(key) if getattr(claim.value, "hops", 0) >= service.hops
        )
        other = next(nearer, None)
        return f"its network is that of {self._name(other.owner)}" if other is not None else ""

    def _at_anothers_number(self, owner: bytes, number: bytes) -> str:
        keys: tuple[Key, Key] = ((Kind.NODE, number, ""), (Kind.HOST, number, ""))
        if any(self._directory.standing(owner, key) is not None for key in keys):
            return ""
        other = next((claim for key in keys for claim in self._directory.claims(key)), None)
        return f"{format_node(number)} is at {self._name(other.owner)}" if other is not None else ""

    def _is_granted_by_authority(self, owner: bytes, network: int) -> bool:
        member = self._members.member(owner) if self._members is not None else None
        return member is not None and network in member.grants

    def _not_granted(self, session: Session, network: int) -> str:
        """Say that a list, of the authority or of the domain, does not give a network to a node."""
        parameters, name = self._exchange.parameters, session.hello.name if session.hello else ""
        if self._members is not None and (member := self._members.member(session.identity)) is not None:
            name = member.name
            if member.grants:
                return "" if network in member.grants else "its invitation does not grant that network"
        if parameters.networks != "listed":
            return ""
        if is_granted(parameters.grants, network, session.identity, name, session.peer):
            return ""
        return "no [[grant]] of the domain gives it that network"

    def _not_first(self, record: Record, route: Route, now: float) -> str:
        """Say that another node has registered a network before, and lives."""
        known = self._directory.standing(record.owner, record.key)
        mine = known.value if known is not None else None
        if isinstance(mine, Route) and (mine.lan, is_turn(mine)) == (route.lan, is_turn(route)):
            return ""
        for claim in self._directory.claims(record.key):
            if claim.owner == record.owner:
                continue
            if isinstance(claim.value, Route) and not self._may_share(route, claim.owner, claim.value, now):
                return f"{self._name(claim.owner)} has it, and came first"
        return ""

    def _may_share(self, route: Route, owner: bytes, known: Route, now: float) -> bool:
        """Say whether a route may stand beside another's, as that of a gateway on the same LAN.

        Of a LAN itself there is one active gateway; another may only follow one that has fallen silent.
        """
        if not route.lan or route.lan != known.lan:
            return False
        if not is_turn(route):
            return True
        lease = self._directory.lease(owner, now)
        silent = lease is None or lease.age > SILENT_RENEWALS * self._exchange.parameters.renewal
        return silent and route.turn > known.turn

    def _name(self, owner: bytes) -> str:
        node = self._directory.node_of(owner)
        return f"node {node.name}" if node is not None and node.name else f"node {owner.hex()}"

    def _parameters_changed(self, parameters: Parameters) -> None:
        numbers = (parameters.node_prefix, parameters.data_port)
        others = [each for each in self._former if (each.node_prefix, each.data_port) != numbers]
        self._former = [parameters, *others][:FORMER]
