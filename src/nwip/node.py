"""The composition root: builds a node from its configuration, starts it, and stops it in order.

A node is: perhaps a DSS; a client of the domain's DSS, with the replica; a gateway with the virtual link and
the configured links; a control socket. `running.run` is what `nwip up` calls.
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable, Coroutine
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nwip import binding
from nwip.banner import Facts, facts
from nwip.charter import chartered
from nwip.config import Config, ConfigError, load
from nwip.control import ControlServer
from nwip.dataplane.interfaces import address_towards, subnet_of
from nwip.dataplane.passed import PassedSockets
from nwip.dataplane.port import open_port
from nwip.dataplane.wakeup import Wakeup
from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Endpoint, Kind, Node, endpoint_text
from nwip.discovery.nearest_ports import NearestAnswerer
from nwip.dss.client import DssClient
from nwip.dss.server import DssServer
from nwip.gateway.enclosure import Enclosure
from nwip.gateway.gateway import NodeGateway
from nwip.ipx.address import format_node
from nwip.joining import Entry, Search, answerer, listen_for_queries, why_no_session
from nwip.link_set import LinkSet
from nwip.linking import Builder
from nwip.links.domain_link import DomainLink
from nwip.links.virtual import VirtualLink
from nwip.questions import questions
from nwip.routing.numbering import node_number
from nwip.security.audit import AuditLog
from nwip.security.bans import Bans
from nwip.security.guarding import guarded
from nwip.state import State
from nwip.watchman import Watchman

if TYPE_CHECKING:
    from nwip.membership_files import MembershipFiles

AGES_NOTED: Final = 600.0  # seconds between notes of how old invitations are

_log = logging.getLogger(__name__)


class RunningNode:
    """A node of a domain: start it once, stop it once. As `DssListener` it follows the directory."""

    def __init__(
        self,
        config: Config,
        echo: Callable[[str], None],
        announce: Callable[[Facts], None],
        passed: PassedSockets | None = None,
    ) -> None:
        self.config = config
        self._passed = passed or PassedSockets()
        self.dss: DssServer | None = None
        self.client: DssClient | None = None
        self.gateway: NodeGateway | None = None
        self.inside: NodeGateway | None = None
        self.link_set: LinkSet | None = None
        self.identity = b""
        self.party: MembershipFiles | None = None
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._echo = echo
        self._announce = announce
        self._state = State(config.node.state_directory)
        self._boot = secrets.token_bytes(16)
        self._salt = 0
        self._guide = ""
        self.pending = ""
        self._opening = False
        self._wakeups: list[Wakeup] = []
        self.bans = Bans(time.time)
        self._audit: AuditLog | None = None
        self._watchman = Watchman(self)
        self._control = ControlServer(config.node.control_path, questions(self, self._watchman, self._state))
        self._tasks: set[asyncio.Task[None]] = set()
        self._nearest: NearestAnswerer | None = None

    async def start(self) -> None:
        """Start what needs no DSS; the gateway follows as soon as one has told the parameters.

        Raises `ConfigError` when an address or port cannot be had, and when it cannot be told whether this
        node is a member of a sealed domain: it never runs open by mistake.
        """
        binding.check_address(self.config)
        self._audit = binding.open_audit(self.config)
        self._take_membership()
        self._watchman.start()
        if self.config.dss.serves:
            member = self.party.dss if self.party is not None else None
            self.dss = await binding.open_dss(
                self.config,
                self._state,
                self._boot,
                self._echo,
                membership=member,
                bans=self.bans,
                passed=self._passed,
            )
        await binding.open_control(self._control, self.config)
        self._nearest = answerer(
            self.config, self.dss, self._connected, self._parameters, self.bans.keeps_out_address
        )
        if self.dss is not None:
            self.dss.answer_nearest = self._nearest.answer
        listen_for_queries(self._nearest)
        self._spawn(self._join_domain())

    async def stop(self) -> None:
        """Withdraw what was registered, tell the hosts, close everything. Within two seconds or so."""
        self._watchman.close()
        for task in tuple(self._tasks):
            task.cancel()
        if self.client is not None:
            await self.client.stop()
        if self.link_set is not None:
            await self.link_set.close()
        if self.gateway is not None:
            await self.gateway.virtual.close()
        if self._nearest is not None:
            self._nearest.close()
        for wakeup in self._wakeups:
            wakeup.cancel()
        await self._control.close()
        if self.dss is not None:
            await self.dss.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.party is not None:
            self.party.close()
        if self._audit is not None:
            self._audit.close()

    async def reload(self) -> tuple[list[str], list[str]]:
        """Have the links that the configuration file now says; return those opened and those closed.

        What else the file says counts from the next start. Raises `ConfigError`; nothing has changed then.
        """
        file = self.config.file
        wanted = (load(Path(file)) if file is not None else self.config).links
        return await self.link_set.become(wanted) if self.link_set is not None else ([], [])

    def reload_soon(self) -> None:
        """Do the same, and tell the log what came of it: for a signal."""
        self._spawn(self._reload())

    async def _reload(self) -> None:
        try:
            opened, closed = await self.reload()
        except ConfigError as error:
            _log.error("the links stay as they are: %s", error)
        else:
            _log.info("links opened: %s; closed: %s", ", ".join(opened) or "-", ", ".join(closed) or "-")

    # What the client of the DSS reports.

    def parameters_changed(self, parameters: Parameters) -> None:
        """Start the gateway with the domain's parameters; take later ones, or say what needs a restart."""
        self._watchman.parameters_changed(parameters)
        if not self._opening:
            self._opening = True
            self._spawn(self._open_gateway(parameters))
        elif self.gateway is not None:
            if parameters.agree_with(self.gateway.parameters):
                self.pending = ""
                return
            fixed = self.gateway.take_parameters(parameters)
            if self.inside is not None and self.inside is not self.gateway:
                self.inside.take_parameters(parameters)
            self.pending = f"restart this node to take the domain's new {fixed}" if fixed else ""
            if fixed:
                _log.warning("%s", self.pending)
            else:
                _log.info("the domain's new parameters are in force")

    def directory_changed(self, changes: list[Change]) -> None:
        """Bring the gateway up to what the replica now holds."""
        self._watchman.directory_changed(changes)
        if self.gateway is None:
            return
        self.gateway.directory_changed(changes)
        virtual = self.gateway.virtual
        for change in changes:
            other = change.record.value
            if not isinstance(other, Node) or other.node != virtual.node or change.removed:
                continue
            if (virtual.reached_at or virtual.endpoint) != other.endpoints[
                0
            ]:  # else it is what we were before
                self._yield_number(change.record.owner)
        self._arm()

    def session_opened(self, server: Endpoint) -> None:
        """Say which DSS has let us in."""
        self._watchman.session_opened(server)
        if self.gateway is not None:
            self.gateway.session_found()
        _log.info("joined the domain through the DSS at %s", endpoint_text(server))

    def session_closed(self, reason: str) -> None:
        """Say that the DSS is gone; traffic goes on, but for who was revoked."""
        if self.failed.done():
            return
        self._watchman.session_closed(reason)
        if self.gateway is not None:
            self.gateway.session_lost()
        meanwhile = "traffic goes on" if self.gateway is not None else "the domain is not joined yet"
        client, sealed = self.client, self.party is not None
        asked, refusal = (client.asked, client.refusal) if client is not None else (None, None)
        why = why_no_session(self.config, asked, refusal, reason, sealed=sealed)
        _log.warning("%s; trying again, %s", why.rstrip("."), meanwhile)

    # How it comes up.

    def _take_membership(self) -> None:
        """Be who the state directory says: a member of a sealed domain by its key, or an open one's node."""
        self.config, charter = chartered(self.config, self._state)
        if charter is None:
            self.identity = self._state.secret("identity", 16)
            return
        from nwip.membership_files import MembershipFiles  # noqa: PLC0415 - an open domain needs no ciphers

        self.party = party = MembershipFiles(self._state, charter, self.config.file)
        self.identity = party.node.identity
        party.roster.listeners.append(lambda _: self._end_if_revoked(party))
        self._spawn(self._note_ages(party))

    def _end_if_revoked(self, party: "MembershipFiles") -> None:
        """End, and say why, when the authority says that we are no member: nobody talks to us any more."""
        if party.fault is not None and not self.failed.done():
            self.failed.set_exception(party.fault)

    async def _note_ages(self, party: "MembershipFiles") -> None:
        while True:
            await asyncio.sleep(AGES_NOTED)
            party.note_ages()

    def _connected(self) -> Endpoint | None:
        return self.client.connected if self.client is not None else None

    def _parameters(self) -> Parameters | None:
        if self.dss is not None:
            return self.dss.parameters
        return self.client.parameters if self.client is not None else None

    async def _join_domain(self) -> None:
        member = self.party.node if self.party is not None else None
        search = Search(self.config, member)
        entry = await self._entry(search)
        self.client = DssClient(
            entry.domain,
            self.identity,
            self.config.node.name,
            entry.servers,
            boot=self._boot,
            listener=self,
            random=random.Random(),  # noqa: S311 - spreads reconnections, keeps no secret
            local_address=self.config.node.address,
            incarnation=int(time.time()),
            further=None if self.dss is not None else search.further,
            membership=member,
        )
        await self.client.run()

    async def _entry(self, search: Search) -> Entry:
        if self.dss is not None:
            return Entry(self.dss.parameters.domain, binding.own_servers(self.dss))
        return await search.entry()

    async def _open_gateway(self, parameters: Parameters) -> None:
        config, client = self.config, self.client
        assert client is not None  # noqa: S101 - only a client reports parameters
        address = config.node.address or address_towards(client.connected or ("127.0.0.1", 9))
        data = (address, parameters.data_port if config.node.port is None else config.node.port)
        subnet = subnet_of(address)
        number = node_number(data, parameters, self.identity, sealed=self.party is not None)
        virtual = self._virtual_link(number, data, parameters, subnet)
        loop = asyncio.get_running_loop()
        self.gateway = gateway = NodeGateway(
            self.identity,
            client.directory,
            parameters,
            virtual,
            client,
            subnet_prefix=subnet.prefixlen if subnet else None,
            clock=loop.time,
            changed=self._arm,
        )
        self.inside = inside = gateway
        if not config.node.forward:
            clock = loop.time
            self.inside = inside = Enclosure(
                self.identity, parameters, number, clock=clock, changed=self._arm
            ).gateway
        for each in {gateway, inside}:
            each.heed(self.bans)
        self._wakeups = [Wakeup(each.next_deadline, each.advance) for each in {gateway, inside}]
        await binding.open_virtual(virtual, gateway, config)
        for kind in Kind:
            gateway.directory_changed([Change(record) for record in client.directory.records(kind)])
        self._register(number)
        builder = Builder(inside, config, self._state, bans=self.bans, passed=self._passed)
        self.link_set = LinkSet(builder, config.file, self._echo)
        for settings in config.links:
            await self.link_set.add(settings)
        for unused in self._passed.unused():
            _log.warning("the socket passed for %s is used by nothing that is configured", unused)
        self._announce(facts(self, gateway, inside))

    def _virtual_link(
        self, number: bytes, data: Endpoint, parameters: Parameters, subnet: IPv4Network | None
    ) -> DomainLink:
        """Return the link to the other nodes: a member of a sealed domain has none that is plain."""
        node, by_subnet = self.config.node, parameters.broadcasts == "subnet"
        opening = partial(open_port, portable=node.portable, busy_poll=node.busy_poll, passed=self._passed)
        if self.party is not None:
            from nwip.links.sealed import SealedLink  # noqa: PLC0415 - an open domain needs no ciphers

            within = subnet if by_subnet else None
            whole = guarded(partial(opening, fragments=False), self.bans)
            sealed = SealedLink(
                *(parameters.network, number, data, self.party.node, within),
                opener=whole,
                guide_host=self._guide_host,
                seen_at=node.outer(data[1]),
                keeps_out=self.bans.keeps_out_address,
            )
            sealed.found = lambda: self._register(sealed.node)
            return sealed
        everyone = None
        if by_subnet and subnet is not None and subnet.prefixlen < 31:
            everyone = (str(subnet.broadcast_address), data[1])
        virtual = VirtualLink(parameters.network, number, data, everyone, opener=guarded(opening, self.bans))
        if self._nearest is not None:
            virtual.stranger = self._nearest.answer
        return virtual

    def _register(self, number: bytes) -> None:
        where = self.gateway.virtual.reached_at if self.gateway is not None else None
        if where is not None and self.gateway is not None and self.client is not None:
            places = dict.fromkeys((where, self.gateway.virtual.endpoint))  # the second is for its own LAN
            self.client.offer(Node(number, self.config.node.name, list(places)))

    def _guide_host(self) -> str | None:
        """Return the host of the DSS, where a node tells us where it sees us; None if the DSS is ours."""
        server = self._connected()
        self._guide = server[0] if server is not None else self._guide
        return self._guide if self.dss is None else None

    def _yield_number(self, owner: bytes) -> None:
        """Two nodes have met on one number: the lower identity keeps it, the other takes another."""
        if self.gateway is None or self.client is None or owner >= self.identity:
            return
        self._salt += 1
        virtual = self.gateway.virtual
        parameters, sealed = self.gateway.parameters, self.party is not None
        number = node_number(virtual.endpoint, parameters, self.identity, self._salt, sealed=sealed)
        _log.warning(
            "node number %s is another node's; taking %s", format_node(virtual.node), format_node(number)
        )
        self.client.retract((Kind.NODE, virtual.node, ""))
        self.gateway.renumber(number)
        if self.inside is not None and self.inside is not self.gateway:
            self.inside.renumber(number)
        self._register(number)

    def _arm(self) -> None:
        for wakeup in self._wakeups:
            wakeup.arm()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.failed.done():
            self.failed.set_exception(error)
