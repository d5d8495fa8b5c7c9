"""What this node sends itself: its pings, and the packets of the programs that hold its sockets."""

from collections.abc import Callable, Iterable
from typing import Final

from nwip.dataplane.forwarding import Forwarder
from nwip.gateway.sockets import LocalSocket, LocalSockets
from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import (
    DESTINATION_NODE_OFFSET,
    DESTINATION_OFFSET,
    DESTINATION_SOCKET_OFFSET,
    SOURCE_OFFSET,
    SOURCE_SOCKET_OFFSET,
)
from nwip.links.base import Link

_THIS_NETWORK: Final = bytes(4)
_RIP_OR_SAP: Final = frozenset(socket.to_bytes(2, "big") for socket in (Socket.RIP, Socket.SAP))


class Origin:
    """Routes what the node sends itself; `network` is the virtual network's number, 4 octets.

    `joined` gives out the links of the virtual network, the virtual one too. `wait` keeps a packet to an
    unknown host for a moment, or says that it cannot. `drop` counts a drop. `affords` says whether a source,
    network and node in 10 octets, may broadcast now.
    """

    def __init__(
        self,
        sockets: LocalSockets,
        forwarder: Forwarder,
        network: bytes,
        *,
        joined: Callable[[], Iterable[Link]],
        wait: Callable[[bytes], bool],
        drop: Callable[[str], None],
        affords: Callable[[bytes], bool],
    ) -> None:
        self._sockets = sockets
        self._forwarder = forwarder
        self._network = network
        self._joined = joined
        self._wait = wait
        self._drop = drop
        self._affords = affords

    def send(self, packet: bytes, sender: LocalSocket | None = None) -> None:
        """Route a packet of this node, or of a program that holds a socket of it. Never raises.

        Header and length are right, the source is the node's, and a network 0 means the virtual network. A
        broadcast on the virtual network reaches the node's own sockets too, but for `sender`; that of a
        program costs of the node's budget of broadcasts.
        """
        network = packet[DESTINATION_OFFSET:DESTINATION_NODE_OFFSET]
        if network == _THIS_NETWORK:
            network = self._network
            packet = packet[:DESTINATION_OFFSET] + network + packet[DESTINATION_NODE_OFFSET:]
        node = packet[DESTINATION_NODE_OFFSET:DESTINATION_SOCKET_OFFSET]
        if network + node in self._forwarder.own:
            if not self._sockets.deliver(packet):
                self._drop("no such socket here")
        elif node == BROADCAST_NODE and network == self._network:
            self._broadcast(packet, sender)
        else:
            way = self._forwarder.hosts.get(network + node) or self._forwarder.networks.get(network)
            if way is not None:
                self._forwarder.send(None, way, packet)
            elif not self._wait(packet):
                self._drop("no way to the destination")

    def _broadcast(self, packet: bytes, sender: LocalSocket | None) -> None:
        if packet[DESTINATION_SOCKET_OFFSET:SOURCE_OFFSET] in _RIP_OR_SAP:
            self._drop("RIP or SAP broadcast on the virtual network")
        elif sender is not None and not self._affords(packet[SOURCE_OFFSET:SOURCE_SOCKET_OFFSET]):
            self._drop("broadcast budget")
        else:
            self._sockets.deliver(packet, besides=sender)
            for link in self._joined():
                link.send_to_all(packet)
