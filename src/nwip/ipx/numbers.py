"""Well-known numbers of IPX, each with its source.

Sources: [WS] Wireshark's IPX dissector; [RS] Novell's IPX Router Specification; [KB] Microsoft Q149270;
[IANA] the service name registry; [1234] RFC 1234; [QA] Novell's "NetWare/IP Q & A" of 1997.
"""

from enum import IntEnum
from typing import Final

# Networks with a meaning of their own: source [RS].
THIS_NETWORK: Final = 0x00000000
ALL_NETWORKS: Final = 0xFFFFFFFF
DEFAULT_ROUTE: Final = 0xFFFFFFFE
COMPATIBILITY_MODE_NETWORK: Final = 0xFFFFFFFD  # NetWare 5's own successor of NetWare/IP

# How far is too far, and how long a tick is: source [RS].
UNREACHABLE_HOPS: Final = 16
MAXIMUM_HOPS: Final = 16
TICKS_PER_SECOND: Final = 18.2

# UDP and TCP ports
NETWARE_IP_DATA_PORT: Final = 43981  # [QA] 0xABCD
NETWARE_IP_PORT: Final = 396  # [IANA] netware-ip
NETWARE_IP_PEER_PORT: Final = 2010  # the secondary service port: sessions between DSSs, ours
IPX_TUNNEL_PORT: Final = 213  # [1234], and DOSBox's default


class PacketType(IntEnum):
    """Packet types [WS][KB]; real stacks are careless with them, so sockets decide what a packet is."""

    UNKNOWN = 0
    RIP = 1
    ECHO = 2
    ERROR = 3
    PEP = 4
    SPX = 5
    NCP = 17
    PROPAGATED = 20


class Socket(IntEnum):
    """Well-known sockets [WS]."""

    ECHO = 0x0002  # Cisco's ping, and the one DOSBox uses
    NCP = 0x0451
    SAP = 0x0452
    RIP = 0x0453
    NETBIOS = 0x0455
    DIAGNOSTICS = 0x0456
    SERIALIZATION = 0x0457
    SMB_SERVER = 0x0550
    SMB_NAMES = 0x0551
    SMB_CLIENT = 0x0552
    SMB_MAILSLOTS = 0x0553
    SMB_MESSENGER = 0x0554
    SMB_BROWSER = 0x0555
    DYNAMIC_FIRST = 0x4000
    MESSAGES = 0x4001
    WORKSTATION = 0x4003
    DIRECTORY_SERVER = 0x4006
    HELLO = 0x4E57  # ours: gateways of one LAN to each other
    DYNAMIC_LAST = 0x7FFF
    EIGRP = 0x85BE
    DOOM = 0x869C
    NLSP = 0x9001
    IPXWAN = 0x9004
    SNMP_AGENT = 0x900F
    SNMP_TRAPS = 0x9010
    NOVELL_PING = 0x9086


class ServiceType(IntEnum):
    """Service types that people meet most [WS]; any 16-bit number may appear."""

    FILE_SERVER = 0x0004
    JOB_SERVER = 0x0005
    PRINT_SERVER = 0x0007
    PRINT_QUEUE = 0x0003
    ADVERTISING_PRINT_SERVER = 0x0047
    REMOTE_CONSOLE = 0x0107
    TIME_SYNCHRONISATION = 0x026B
    DIRECTORY_TREE = 0x0278
    JETDIRECT = 0x030C
    MICROSOFT_RPC = 0x0640
    MICROSOFT_SQL = 0x064E
    ANY = 0xFFFF


SERVICE_TYPE_NAMES: Final[dict[int, str]] = {
    ServiceType.FILE_SERVER: "file server",
    ServiceType.JOB_SERVER: "job server",
    ServiceType.PRINT_SERVER: "print server",
    ServiceType.PRINT_QUEUE: "print queue",
    ServiceType.ADVERTISING_PRINT_SERVER: "advertising print server",
    ServiceType.REMOTE_CONSOLE: "remote console",
    ServiceType.TIME_SYNCHRONISATION: "time synchronisation",
    ServiceType.DIRECTORY_TREE: "directory tree",
    ServiceType.JETDIRECT: "JetDirect printer",
    ServiceType.MICROSOFT_RPC: "Microsoft RPC",
    ServiceType.MICROSOFT_SQL: "Microsoft SQL",
}
