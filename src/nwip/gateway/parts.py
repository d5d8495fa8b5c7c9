"""What the parts of a gateway have in common: its links, tables, counters and clock."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from nwip.dataplane.forwarding import Forwarder
from nwip.directory.parameters import Parameters
from nwip.gateway.tables import Tables
from nwip.ipx.packet import DESTINATION_NODE_OFFSET, DESTINATION_OFFSET, DESTINATION_SOCKET_OFFSET
from nwip.links.base import Counters, Link
from nwip.links.domain_link import DomainLink


@dataclass(slots=True)
class Parts:
    """The shared state of one gateway.

    `links` are all but the virtual one. On `muted` ones, by name, nothing is sent and what comes in is only
    listened to; the values say why. `clock` returns seconds; `changed` is called when a deadline may have
    changed.
    """

    parameters: Parameters
    virtual: DomainLink
    forwarder: Forwarder
    tables: Tables
    clock: Callable[[], float]
    changed: Callable[[], None]
    links: list[Link] = field(default_factory=list)
    counters: Counters = field(default_factory=Counters)
    muted: dict[str, list[str]] = field(default_factory=dict)

    def speaking(self) -> Iterator[Link]:
        """Give out the links that packets may be sent on, but for the virtual one."""
        return (link for link in self.links if link.name not in self.muted)

    def wait(self, packet: bytes) -> bool:
        """Keep a packet to an unknown host of the virtual network for a moment; False when it is not kept."""
        if packet[DESTINATION_OFFSET:DESTINATION_NODE_OFFSET] != self.tables.network:
            return False
        node = packet[DESTINATION_NODE_OFFSET:DESTINATION_SOCKET_OFFSET]
        kept = self.tables.placement.wait(node, packet, self.clock())
        if kept:
            self.changed()
        return kept
