"""The services that programs on this node advertise, as records of the node.

It stands between the RIP and SAP agents and the registry: a service that a program advertises is the node's
own, and what a link says of one with the same type and name waits until the program is done.
"""

from collections import Counter
from collections.abc import Hashable
from typing import Final, NamedTuple

import msgspec

from nwip.directory.records import Key, Service, Value
from nwip.gateway.sockets import SocketRefused
from nwip.ipx.address import Address
from nwip.ipx.numbers import ServiceType
from nwip.routing.registering import Registry

SERVICES_LIMIT: Final = 1024  # of a node; further ones are refused
PROGRAM_LIMIT: Final = 64  # of one program


class _Advertised(NamedTuple):
    program: Hashable
    service: Service


class LocalServices:
    """What programs advertise; as `Registry` it passes on everything else."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._advertised: dict[Key, _Advertised] = {}
        self._waiting: dict[Key, Value] = {}
        self._of_program: Counter[Hashable] = Counter()

    def offer(self, value: Value) -> None:
        """Register a value, unless a program advertises a service of its type and name."""
        if value.key in self._advertised:
            self._waiting[value.key] = value
        else:
            self._registry.offer(value)

    def retract(self, key: Key) -> None:
        """Withdraw a value, but never a program's."""
        if key in self._advertised:
            self._waiting.pop(key, None)
        else:
            self._registry.retract(key)

    def __contains__(self, key: Key) -> bool:
        """Say whether a program advertises a service."""
        return key in self._advertised

    def advertise(self, program: Hashable, service_type: int, name: str, address: Address) -> None:
        """Register a service of a program at one of the node's addresses; again, with another address.

        Raises `SocketRefused` for what cannot be a service, what another program advertises, and at the
        limits.
        """
        service = _checked(service_type, name, address)
        before = self._advertised.get(service.key)
        if before is not None and before.program != program:
            raise SocketRefused(f"another program here advertises {name!r} of type {service_type:04X}")
        if before is None:
            if len(self._advertised) >= SERVICES_LIMIT:
                raise SocketRefused(f"this node advertises {SERVICES_LIMIT} services, and no more")
            if self._of_program[program] >= PROGRAM_LIMIT:
                raise SocketRefused(f"a program advertises at most {PROGRAM_LIMIT} services on one socket")
            self._of_program[program] += 1
        self._advertised[service.key] = _Advertised(program, service)
        self._registry.offer(service)

    def withdraw(self, program: Hashable, service_type: int, name: str) -> None:
        """Withdraw a service of a program. Raises `SocketRefused` when the program advertises no such one."""
        for key, advertised in self._advertised.items():
            if advertised.program == program and key[1:] == (service_type, name):
                self._end(key)
                return
        raise SocketRefused(f"this program advertises no {name!r} of type {service_type:04X}")

    def withdraw_all(self, program: Hashable) -> None:
        """Withdraw everything of a program that has gone."""
        for key in [key for key, advertised in self._advertised.items() if advertised.program == program]:
            self._end(key)

    def renumber(self, node: bytes) -> None:
        """Register everything at the node's new number."""
        for key, (program, service) in self._advertised.items():
            self._advertised[key] = _Advertised(program, moved := msgspec.structs.replace(service, node=node))
            self._registry.offer(moved)

    def _end(self, key: Key) -> None:
        program = self._advertised.pop(key).program
        self._of_program[program] -= 1
        if not self._of_program[program]:
            del self._of_program[program]
        waiting = self._waiting.pop(key, None)
        if waiting is None:
            self._registry.retract(key)
        else:
            self._registry.offer(waiting)


def _checked(service_type: int, name: str, address: Address) -> Service:
    if not 0 < service_type < ServiceType.ANY:
        raise SocketRefused("a service type is 1 to FFFE, in hexadecimal")
    try:
        return msgspec.convert(
            (1, service_type, name, address.network, address.node, address.socket, 0), Service, strict=True
        )
    except msgspec.ValidationError:
        raise SocketRefused("a service name is 1 to 47 Latin-1 characters, without a zero") from None
