"""The first way to find a DSS: the list of preferred ones in the configuration.

The further ways (DHCP options 62 and 63, DNS, a nearest-server query) are a later issue.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Final

from nwip.directory.records import Endpoint
from nwip.ipx.numbers import NETWARE_IP_PORT

UNPRIVILEGED_OFFSET: Final = 10_000  # where a default port falls to without privilege: 396 becomes 10396


USUAL_PORTS: Final = (NETWARE_IP_PORT, NETWARE_IP_PORT + UNPRIVILEGED_OFFSET)


def split_server(text: str, usual: Sequence[int] = USUAL_PORTS) -> tuple[str, list[int]]:
    """Return host and ports of `HOST[:PORT]` or `[IPV6][:PORT]`; without a port, those that are usual.

    Raises `ValueError` for a port that is none.
    """
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not host.startswith("[")):
        return text.strip("[]"), list(usual)
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{port!r} is not a port number")
    return host.strip("[]"), [int(port)]


async def preferred_servers(names: Sequence[str], usual: Sequence[int] = USUAL_PORTS) -> list[Endpoint]:
    """Return the endpoints of the DSSs that were named, in order, each once.

    Names that do not resolve are left out. Raises `OSError` when none resolves.
    """
    loop = asyncio.get_running_loop()
    found: dict[Endpoint, None] = {}
    failure: OSError | None = None
    for name in names:
        host, ports = split_server(name, usual)
        try:
            answers = await loop.getaddrinfo(host, ports[0], type=socket.SOCK_STREAM)
        except OSError as error:
            failure = error
            continue
        addresses = dict.fromkeys(str(answer[4][0]) for answer in answers)
        found.update({(address, port): None for port in ports for address in addresses})
    if not found and failure is not None:
        raise failure
    return list(found)
