"""NetWare/IP for today: IPX networks joined over any IP network.

The public API; everything else may change without notice. Names are loaded when they are first used, so that
`import nwip` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nwip.control import NodeRefused, NodeUnreachable
    from nwip.dss.reader import Domain, read_domain
    from nwip.ipx.address import Address
    from nwip.ipx.packet import Packet
    from nwip.links.dosbox.player import DosboxPlayer
    from nwip.socket import IpxSocket, Service, open_socket
    from nwip.wire import WireError

__version__ = "0.1.0"

_HOMES = {
    "Address": "nwip.ipx.address",
    "Domain": "nwip.dss.reader",
    "DosboxPlayer": "nwip.links.dosbox.player",
    "IpxSocket": "nwip.socket",
    "NodeRefused": "nwip.control",
    "NodeUnreachable": "nwip.control",
    "Packet": "nwip.ipx.packet",
    "Service": "nwip.socket",
    "WireError": "nwip.wire",
    "open_socket": "nwip.socket",
    "read_domain": "nwip.dss.reader",
}

__all__ = [
    "Address",
    "Domain",
    "DosboxPlayer",
    "IpxSocket",
    "NodeRefused",
    "NodeUnreachable",
    "Packet",
    "Service",
    "WireError",
    "__version__",
    "open_socket",
    "read_domain",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'nwip' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
