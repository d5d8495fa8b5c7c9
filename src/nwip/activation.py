"""Takes the sockets that a service manager has opened for us: socket activation, sd_listen_fds(3).

Whoever starts us gives LISTEN_FDS descriptors from number 3 on, with LISTEN_FDNAMES between colons, meant
for the process LISTEN_PID. Names that count: `dss` (TCP and UDP), `peers` (TCP), and that of a DOSBox or
WebSocket link; such a socket stands in place of the addresses that the configuration has there. Any
other is used where the configuration asks for its address.
"""

import os
import socket
from collections.abc import MutableMapping
from typing import Final

from nwip.config import ConfigError
from nwip.dataplane.passed import PassedSockets

FIRST_DESCRIPTOR: Final = 3
LIMIT: Final = 1024  # descriptors
VARIABLES: Final = ("LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID")


def passed_sockets(environment: MutableMapping[str, str], process: int) -> PassedSockets:
    """Return the sockets that were passed to the process with this number; none is no error.

    The variables are taken out of the environment, and the descriptors closed to programs that this one
    starts. Raises `ConfigError` for a descriptor that is no socket which a node can use.
    """
    told = {name: environment.pop(name, "") for name in VARIABLES}
    passed = PassedSockets()
    count = told["LISTEN_FDS"]
    if told["LISTEN_PID"] != str(process) or not (count.isascii() and count.isdecimal() and len(count) <= 4):
        return passed
    names = told["LISTEN_FDNAMES"].split(":")
    for index in range(min(int(count), LIMIT)):
        name = names[index] if index < len(names) else ""
        try:
            os.set_inheritable(FIRST_DESCRIPTOR + index, False)
            passed.add(socket.socket(fileno=FIRST_DESCRIPTOR + index), name)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise ConfigError(
                "the service manager's socket unit",
                "",
                f'passes a socket, number {index + 1} ("{name}"), that cannot be used: {reason}',
                "see docs/guides/service.md",
            ) from None
    return passed
