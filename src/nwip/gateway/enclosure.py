"""A gateway that does not forward: its links are a network apart, of which the domain knows nothing. Pure.

The links get a gateway, a directory and a virtual link of their own, and that one leads nowhere: so what the
links have among themselves works as always, and no packet, host, route or service gets out or in. The
node itself stays on the virtual network by another gateway without links.
"""

from collections.abc import Callable
from typing import Final

from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Key, Record, Value
from nwip.directory.table import Directory
from nwip.gateway.gateway import NodeGateway
from nwip.links.virtual import VirtualLink

FOR_EVER: Final = 86_400.0 * 36_500  # seconds: the one owner is the node itself, which cannot be lost


class Enclosure:
    """The registry of such a gateway: what is offered is at once in its directory, and nowhere else."""

    def __init__(
        self,
        identity: bytes,
        parameters: Parameters,
        node: bytes,
        *,
        clock: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._counter = 0
        self._directory = Directory()
        self._directory.heard(identity, 1, 1, FOR_EVER, 0.0, clock())
        self.gateway = NodeGateway(
            identity,
            self._directory,
            parameters,
            VirtualLink(parameters.network, node, ("", 0)),
            self,
            subnet_prefix=None,
            clock=clock,
            changed=changed,
        )

    def offer(self, value: Value) -> None:
        """Take in a value, or a new one for its key; repeated, it does nothing."""
        known = self._directory.best(value.key)
        if known is None or known.value != value:
            self._counter += 1
            record = Record(self._identity, 1, self._counter, value)
            self._take(self._directory.merge(record, self._clock()))

    def retract(self, key: Key) -> None:
        """Take a value out."""
        self._counter += 1
        self._take(self._directory.withdraw(self._identity, key, (1, self._counter), self._clock()))

    def _take(self, change: Change | None) -> None:
        if change is not None:
            self.gateway.directory_changed([change])
