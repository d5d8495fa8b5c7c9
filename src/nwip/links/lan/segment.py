"""An Ethernet segment in memory: the fake of a medium, for tests and simulations. Pure.

Every frame reaches every other medium of the segment before the outermost `send` returns, in the order of
sending: what is sent while a frame is delivered waits for its turn, so that no answer overtakes its
question and none nests in it.
"""

from collections import deque

from nwip.ipx.address import BROADCAST_NODE
from nwip.links.lan.medium import Received

_GROUP = 0x01  # in the first octet: a multicast or broadcast address; IEEE 802.3, 3.2.3


class Segment:
    """A segment; `medium` plugs a new station in."""

    def __init__(self) -> None:
        self._media: list[SegmentMedium] = []
        self._waiting: deque[tuple[SegmentMedium, bytes]] = deque()
        self._delivering = False

    def medium(self, mac: bytes | None, *, promiscuous: bool = False) -> "SegmentMedium":
        """Return a new medium on the segment. One without an address hears everything, as a wire does."""
        medium = SegmentMedium(self, mac, promiscuous=promiscuous or mac is None)
        self._media.append(medium)
        return medium

    def carry(self, frame: bytes, sender: "SegmentMedium") -> None:
        """Take a frame from a medium, for all others."""
        self._waiting.append((sender, frame))
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._waiting:
                sender, frame = self._waiting.popleft()
                for medium in list(self._media):
                    if medium is not sender:
                        medium.hear(frame)
        finally:
            self._delivering = False


class SegmentMedium:
    """A station's place on a segment. While `plugged` is False its cable is out: nothing goes in or out."""

    def __init__(self, segment: Segment, mac: bytes | None, *, promiscuous: bool) -> None:
        self.mac = mac
        self.plugged = True
        self._segment = segment
        self._promiscuous = promiscuous
        self._addresses = {BROADCAST_NODE} if mac is None else {BROADCAST_NODE, mac}
        self._received: Received | None = None

    async def open(self, received: Received) -> None:
        """Hear frames from now on."""
        self._received = received

    async def close(self) -> None:
        """Hear nothing from now on."""
        self._received = None

    def send(self, frame: bytes) -> bool:
        """Send a frame to all others on the segment; False while closed or unplugged."""
        if self._received is None or not self.plugged:
            return False
        self._segment.carry(frame, self)
        return True

    def accept(self, mac: bytes) -> None:
        """Also hear frames for this address."""
        self._addresses.add(mac)

    def describe(self) -> dict[str, str]:
        """Say whether the cable is in."""
        return {"segment": "plugged in" if self.plugged else "unplugged"}

    def hear(self, frame: bytes) -> None:
        """Take a frame from the segment."""
        wanted = self._promiscuous or frame[:6] in self._addresses or bool(frame[:1] and frame[0] & _GROUP)
        if self._received is not None and self.plugged and wanted:
            self._received([frame])
