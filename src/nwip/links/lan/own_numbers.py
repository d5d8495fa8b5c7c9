"""Where a link stands on a LAN: its numbers there, and the MAC addresses that it has sent with. Pure."""

from typing import Final

ECHO_WINDOW: Final = 2.0  # seconds after we sent with a MAC address in which a frame from it is our own
SENDERS: Final = 4096  # MAC addresses that we have sent with; the one used longest ago is forgotten


class OwnNumbers:
    """The numbers of a link. `station` is what only we have, `node` the router's: see `links.base.Link`."""

    def __init__(self, network: int, node: bytes, station: bytes, *, joined: bool) -> None:
        self.network = network
        self.node = node
        self.station = station
        self.joined = joined
        self._sent: dict[bytes, float] = {}

    @property
    def network(self) -> int:
        """The number of the LAN's network, 0 while it is not known."""
        return self._network

    @network.setter
    def network(self, network: int) -> None:
        self._network = network
        self.network_octets = network.to_bytes(4, "big")

    def note_sending(self, mac: bytes, now: float) -> None:
        """Note that a frame goes out with this source."""
        self._sent.pop(mac, None)
        self._sent[mac] = now
        if len(self._sent) > SENDERS:
            del self._sent[next(iter(self._sent))]

    def has_sent_lately(self, mac: bytes, now: float) -> bool:
        """Say whether a frame from this source must be one of ours that came back."""
        sent = self._sent.get(mac)
        return sent is not None and now - sent < ECHO_WINDOW
