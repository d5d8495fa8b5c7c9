"""What may stand in `nwip.toml`, as types. In words: `keys.py`; in full: `example.toml`."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct, field

from nwip.config.etcd import EtcdSettings
from nwip.config.links import AnyLink, Microseconds, Text
from nwip.config.paths import default_control_path, default_state_directory
from nwip.config.policy import FilterSettings, GrantSettings, Profile, profile
from nwip.directory.filters import FILTER_LIMIT
from nwip.directory.grants import GRANT_LIMIT, Networks
from nwip.directory.parameters import DEFAULT_NETWORK, DEFAULT_NODE_PREFIX, Parameters
from nwip.directory.records import Endpoint, Port
from nwip.discovery.preferred import split_server
from nwip.discovery.steps import DOMAIN_LIMIT, DOMAIN_PATTERN, Way
from nwip.ipx.address import format_network, parse_network
from nwip.ipx.numbers import (
    MAXIMUM_HOPS,
    NETWARE_IP_DATA_PORT,
    NETWARE_IP_PEER_PORT,
    NETWARE_IP_PORT,
)

DEFAULT_DOMAIN = "nwip.local"
Positive = Annotated[int, Meta(ge=1, le=1_000_000)]
Ticks = Annotated[int, Meta(ge=1, le=0xFFFF)]


def host_name() -> str:
    """Return this machine's name, short enough for a node's name."""
    return socket.gethostname().partition(".")[0][:63] or "nwip"


class DomainSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """`[domain]`: its name, and on the primary DSS its parameters."""

    name: Annotated[str, Meta(max_length=DOMAIN_LIMIT, pattern=DOMAIN_PATTERN)] | None = None
    sealed: bool | None = None
    network: Annotated[str, Meta(pattern=r"\A[0-9A-Fa-f]{1,8}\Z")] = format_network(DEFAULT_NETWORK)
    data_port: Port = NETWARE_IP_DATA_PORT
    node_prefix: Annotated[str, Meta(pattern=r"\A[0-9A-Fa-f]{4}\Z")] = DEFAULT_NODE_PREFIX.hex().upper()
    ticks: Annotated[tuple[Ticks, ...], Meta(min_length=3, max_length=3)] = (2, 4, 6)
    broadcasts: Literal["domain", "subnet"] = "domain"
    broadcast_rate: Positive = 250
    broadcast_burst: Positive = 500
    hop_limit: Annotated[int, Meta(ge=2, le=127)] = MAXIMUM_HOPS
    networks: Networks = "open"
    profile: Literal["default", "classic"] = "default"
    lease: Annotated[float, Meta(ge=1, le=86400)] | None = None
    renewal: Annotated[float, Meta(ge=0.2, le=28800)] | None = None
    synchronisation: Annotated[float, Meta(ge=1, le=3600)] | None = None

    @property
    def known_as(self) -> str:
        """The name under which a DSS of this node serves the domain."""
        return self.name or DEFAULT_DOMAIN

    @property
    def ageing(self) -> Profile:
        """The three intervals: as written, else as the profile has them."""
        usual = profile(self.profile)
        lease = usual.lease if self.lease is None else self.lease
        return Profile(
            lease,
            usual.renewal if self.renewal is None else self.renewal,
            max(1.0, min(usual.synchronisation, lease))
            if self.synchronisation is None
            else self.synchronisation,
        )

    def parameters(
        self,
        identity: bytes,
        filters: Sequence[FilterSettings] = (),
        term: int = 1,
        grants: Sequence[GrantSettings] = (),
    ) -> Parameters:
        """Return the parameters that the DSS with this identity hands out; term 0: a secondary."""
        ageing = self.ageing
        return Parameters(
            term=term,
            identity=identity,
            domain=self.known_as,
            network=parse_network(self.network),
            data_port=self.data_port,
            node_prefix=bytes.fromhex(self.node_prefix),
            ticks_same_subnet=self.ticks[0],
            ticks_same_network=self.ticks[1],
            ticks_elsewhere=self.ticks[2],
            broadcasts=self.broadcasts,
            broadcast_rate=self.broadcast_rate,
            broadcast_burst=self.broadcast_burst,
            hop_limit=self.hop_limit,
            lease=ageing.lease,
            renewal=ageing.renewal,
            synchronisation=ageing.synchronisation,
            filters=tuple(settings.filter() for settings in filters),
            networks=self.networks,
            grants=tuple(settings.grant() for settings in grants),
        )


class NodeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """`[node]`: this node itself. Absent keys mean what the functions and properties below say."""

    name: Annotated[str, Meta(min_length=1, max_length=63)] = field(default_factory=host_name)
    address: Text | None = None
    seen_at: Text | None = None
    port: Port | None = None
    forward: bool = True
    portable: bool = False
    busy_poll: Microseconds = 0
    user: Text | None = None
    state: Text | None = None
    control: Text | None = None
    audit: Text | None = None

    def outer(self, port: int) -> Endpoint | None:
        """Return where others reach this node from outside, at that port if none is said; None: unsaid."""
        if self.seen_at is None:
            return None
        host, (found,) = split_server(self.seen_at, [port])
        return host, found

    @property
    def state_directory(self) -> Path:
        """Where identity and secrets are kept."""
        return Path(self.state).expanduser() if self.state else default_state_directory()

    @property
    def control_path(self) -> Path:
        """Where the control socket is."""
        return Path(self.control).expanduser() if self.control else default_control_path()


class DssSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """`[dss]`: the DSS that this node runs, or the ones that it asks."""

    serve: bool | None = None
    listen: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=64)] | None = None
    port: Port | None = None
    servers: Annotated[tuple[Text, ...], Meta(max_length=64)] = ()
    admit: Annotated[tuple[Text, ...], Meta(max_length=1024)] = ("loopback", "private")
    peers: Annotated[tuple[Text, ...], Meta(max_length=64)] = ()
    peer_port: Port = NETWARE_IP_PEER_PORT
    store: Literal["sqlite", "memory", "etcd"] = "sqlite"

    @property
    def serves(self) -> bool:
        """Whether this node runs the DSS: as said, else when no server is named."""
        return not self.servers if self.serve is None else self.serve

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the DSS listens: as said, else on loopback; `charter` says all for a sealed domain."""
        return self.listen or ("127.0.0.1",)

    default_port: ClassVar[int] = NETWARE_IP_PORT


class DiscoverySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """`[discovery]`: how a node that runs no DSS finds one."""

    ways: Annotated[tuple[Way, ...], Meta(min_length=1, max_length=4)] | None = None
    leases: Annotated[tuple[Text, ...], Meta(max_length=64)] = ()


class WebSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """`[web]`: the page of `nwip web`. A page that others than this machine can reach needs the token."""

    listen: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=64)] = ("127.0.0.1",)
    port: Port = 8396
    token: Annotated[str, Meta(min_length=16, max_length=256, pattern=r"\A[!-~]*\Z")] | None = None
    names: Annotated[tuple[Text, ...], Meta(max_length=64)] = ()


class LogSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """`[log]`: how the log of `nwip up` is written."""

    format: Literal["text", "json"] = "text"


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A whole `nwip.toml`."""

    domain: DomainSettings = DomainSettings()
    node: NodeSettings = field(default_factory=NodeSettings)
    dss: DssSettings = DssSettings()
    etcd: EtcdSettings = EtcdSettings()
    discovery: DiscoverySettings = DiscoverySettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()
    filter: Annotated[tuple[FilterSettings, ...], Meta(max_length=FILTER_LIMIT)] = ()
    grant: Annotated[tuple[GrantSettings, ...], Meta(max_length=GRANT_LIMIT)] = ()
    link: Annotated[tuple[AnyLink, ...], Meta(max_length=64)] = ()


class Config(Struct, frozen=True, kw_only=True):
    """A configuration that has been checked.

    `file` names where it was read, None for the built-in one.
    """

    domain: DomainSettings = DomainSettings()
    node: NodeSettings
    dss: DssSettings = DssSettings()
    etcd: EtcdSettings = EtcdSettings()
    discovery: DiscoverySettings = DiscoverySettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()
    filters: tuple[FilterSettings, ...] = ()
    grants: tuple[GrantSettings, ...] = ()
    links: tuple[AnyLink, ...] = ()
    file: str | None = None

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways to find a DSS: as written, else all.

        A node whose servers are named but not its domain keeps to those: elsewhere it might meet any domain.
        """
        if self.discovery.ways is not None:
            return self.discovery.ways
        return (Way.PREFERRED,) if self.dss.servers and self.domain.name is None else tuple(Way)

    def parameters(self, identity: bytes) -> Parameters:
        """Return the domain's parameters as the DSS of this node, with that identity, begins with.

        One that has others to ask, other DSSs or a store that they share, begins with term 0.
        """
        term = 0 if self.dss.peers or self.dss.store == "etcd" else 1
        return self.domain.parameters(identity, self.filters, term, self.grants)
