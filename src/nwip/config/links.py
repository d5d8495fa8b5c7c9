"""`[[link]]`: what attaches IPX to a node, one kind of settings for each kind of link."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from nwip.config.policy import NetworkText
from nwip.directory.records import Port
from nwip.ipx.address import parse_network
from nwip.ipx.frames import FrameType
from nwip.ipx.numbers import IPX_TUNNEL_PORT

Text = Annotated[str, Meta(pattern=r"\A[^\x00-\x1f\x7f]+\Z")]
Texts = Annotated[tuple[Text, ...], Meta(max_length=64)]
Addresses = Annotated[tuple[Text, ...], Meta(min_length=1, max_length=64)]
Admitted = Annotated[tuple[Text, ...], Meta(max_length=1024)]
Microseconds = Annotated[int, Meta(ge=0, le=1_000_000)]
PacketsASecond = Annotated[int, Meta(ge=0, le=1_000_000)]
Places = Annotated[int, Meta(ge=1, le=1_000_000)]
Frame = Literal["auto", "Ethernet_II", "Ethernet_802.3", "Ethernet_802.2", "Ethernet_SNAP"]


class LinkSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """What every link has. `network` is for routed links; a joined one is on the virtual network."""

    kind: ClassVar[str]
    default_joined: ClassVar[bool]

    name: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_.-]{1,32}\Z")] | None = None
    joined: bool | None = None
    network: NetworkText | None = None

    @property
    def title(self) -> str:
        """Its name; without one it is called as its kind is."""
        return self.name or self.kind

    @property
    def is_joined(self) -> bool:
        """Whether its hosts are on the virtual network itself: as said, else as is usual for its kind."""
        return self.default_joined if self.joined is None else self.joined

    @property
    def number(self) -> int:
        """The number of a routed link's network, 0 where it is to be learned."""
        return parse_network(self.network) if self.network else 0


class DosboxSettings(LinkSettings, frozen=True, kw_only=True, tag_field="kind", tag="dosbox"):
    """A DOSBox-protocol server."""

    kind: ClassVar[str] = "dosbox"
    default_joined: ClassVar[bool] = True
    default_port: ClassVar[int] = IPX_TUNNEL_PORT

    listen: Addresses = ("0.0.0.0",)
    port: Port | None = None
    clients: Places = 1024
    admit: Admitted = ("any",)
    packet_rate: PacketsASecond = 0
    per_address: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    busy_poll: Microseconds = 0


class LanSettings(LinkSettings, frozen=True, kw_only=True):
    """What the links have that carry Ethernet frames."""

    frame: Frame = "auto"
    priority: Annotated[int, Meta(ge=0, le=255)] = 100

    @property
    def frame_type(self) -> FrameType | None:
        """The frame type, None where it is to be found out."""
        return None if self.frame == "auto" else FrameType(self.frame)


class EthernetSettings(LanSettings, frozen=True, kw_only=True, tag_field="kind", tag="ethernet"):
    """A LAN, by a network interface of this machine."""

    kind: ClassVar[str] = "ethernet"
    default_joined: ClassVar[bool] = False

    interface: Text


class TapSettings(LanSettings, frozen=True, kw_only=True, tag_field="kind", tag="tap"):
    """A TAP device of this machine."""

    kind: ClassVar[str] = "tap"
    default_joined: ClassVar[bool] = False

    device: Text = "tap0"


class QemuSettings(LanSettings, frozen=True, kw_only=True, tag_field="kind", tag="qemu"):
    """A network device of QEMU."""

    kind: ClassVar[str] = "qemu"
    default_joined: ClassVar[bool] = False

    netdev: Literal["stream", "dgram", "socket"] = "stream"
    listen: Text | None = None
    connect: Text | None = None
    local: Text | None = None
    remote: Text | None = None
    group: Text | None = None
    interface: Text | None = None
    admit: Admitted = ("loopback",)


class NetswitchSettings(LanSettings, frozen=True, kw_only=True, tag_field="kind", tag="netswitch"):
    """The network switch of 86Box."""

    kind: ClassVar[str] = "netswitch"
    default_joined: ClassVar[bool] = True

    group: Annotated[int, Meta(ge=0, le=31)] = 0
    interfaces: Texts = ()


class WebsocketSettings(LinkSettings, frozen=True, kw_only=True, tag_field="kind", tag="websocket"):
    """A room for emulators in web browsers."""

    kind: ClassVar[str] = "websocket"
    default_joined: ClassVar[bool] = True

    room: Text | None = None
    listen: Addresses = ("0.0.0.0",)
    port: Port = 1900
    certificate: Text | None = None
    key: Text | None = None
    origins: Texts = ()
    clients: Places = 256
    idle: Annotated[float, Meta(ge=30, le=86400)] = 600.0
    admit: Admitted = ("any",)
    packet_rate: PacketsASecond = 0
    per_address: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class UplinkSettings(LinkSettings, frozen=True, kw_only=True, tag_field="kind", tag="uplink"):
    """Somebody else's DOSBox-protocol server, of which this node is a client."""

    kind: ClassVar[str] = "uplink"
    default_joined: ClassVar[bool] = True

    server: Text
    hosts: Annotated[int, Meta(ge=1, le=256)] = 12
    own_numbers: bool = True
    priority: Annotated[int, Meta(ge=0, le=255)] = 100


class Rfc1234Settings(LinkSettings, frozen=True, kw_only=True, tag_field="kind", tag="rfc1234"):
    """A tunnel of RFC 1234."""

    kind: ClassVar[str] = "rfc1234"
    default_joined: ClassVar[bool] = False

    listen: Text | None = None
    port: Port = IPX_TUNNEL_PORT
    known_as: Text | None = None
    peers: Annotated[tuple[Text, ...], Meta(max_length=1000)] = ()
    peer_list: Text | None = None
    refresh: Annotated[float, Meta(ge=10, le=86400)] = 600.0
    priority: Annotated[int, Meta(ge=0, le=255)] = 100


AnyLink = (
    DosboxSettings
    | EthernetSettings
    | TapSettings
    | QemuSettings
    | NetswitchSettings
    | WebsocketSettings
    | UplinkSettings
    | Rfc1234Settings
)
KINDS: tuple[type[LinkSettings], ...] = (
    DosboxSettings,
    EthernetSettings,
    TapSettings,
    QemuSettings,
    NetswitchSettings,
    WebsocketSettings,
    UplinkSettings,
    Rfc1234Settings,
)
