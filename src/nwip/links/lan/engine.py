"""A LAN as its link sees it: frames in, packets out; packets in, frames out. Pure.

Packets pass as raw octets. `ingress.py` says what is taken and who is believed, `egress.py` how packets go
out, `frame_types.py` which frame type is spoken, `neighbours.py` who is on a joined LAN.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from nwip.ipx.address import format_node
from nwip.ipx.frames import FrameType
from nwip.links.base import Arrival, Counters, Hop
from nwip.links.lan.counting import LanCounters
from nwip.links.lan.detection import PREFERENCE
from nwip.links.lan.egress import Egress, route_request
from nwip.links.lan.events import Event
from nwip.links.lan.frame_types import FrameTypes
from nwip.links.lan.ingress import MALFORMED, Ingress
from nwip.links.lan.neighbours import LIMIT, Neighbours
from nwip.links.lan.own_numbers import OwnNumbers
from nwip.links.lan.reading import frame_type_of, packet_in

NOT_IPX: Final = "no IPX"


def nobodys(_node: bytes) -> bool:
    """Reserve no node number."""
    return False


class LanEngine:
    """The engine of a LAN link whose numbers are `own`; its `node` and `network` may change at any time.

    `network` 0 means that a routed LAN's number is not known yet; `frame_type` None, that it is to be found:
    see `detection.py`. `limit` bounds the hosts of a joined link; `reserved` says which node numbers none of
    them may have. `beside` are the frame types of other links on the same card.
    """

    def __init__(
        self,
        own: OwnNumbers,
        frame_type: FrameType | None,
        *,
        limit: int = LIMIT,
        reserved: Callable[[bytes], bool] = nobodys,
        beside: Collection[FrameType] = (),
    ) -> None:
        self.counters: Counters = LanCounters()
        self.own = own
        self.types = FrameTypes(frame_type, beside, self.counters)
        self.neighbours = Neighbours(limit)
        self._ingress = Ingress(own, self.neighbours, self.counters, reserved)
        self.egress = Egress(own, self.neighbours, self.counters)
        self._outgoing: list[bytes] = []

    def start(self, now: float) -> None:
        """Begin: know no hosts, and where the frame type is to be found, listen."""
        self.neighbours.clear()
        self.types.start(now)
        self.advance(now)

    def receive_frames(self, frames: Sequence[bytes], now: float) -> list[Arrival]:
        """Take a batch of frames; return the packets to hand on."""
        arrivals = []
        types = self.types
        for frame in frames:
            frame_type = frame_type_of(frame)
            if frame_type is None:
                self.counters.drop(NOT_IPX)
            elif (frame_type is types.spoken and types.settled) or self._admits(frame, frame_type, now):
                packet = packet_in(frame, frame_type)
                if packet is None:
                    self.counters.drop(MALFORMED)
                    continue
                arrival = self._ingress.arrival(packet, frame[:6], frame[6:12], now)
                if arrival is not None:
                    arrivals.append(arrival)
        return arrivals

    def frame(self, packet: bytes, hop: Hop, now: float) -> bytes | None:
        """Return the frame that brings a packet to `hop`, a MAC address; None, counted, if there is none."""
        return self.egress.frame(packet, hop, self.types.spoken, now)

    def release(self, node: bytes) -> None:
        """Forget a host of a joined link: it has moved to another gateway."""
        self.neighbours.release(node)

    def frames_to_send(self) -> list[bytes]:
        """Return the frames that the engine itself has to send now, once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def events(self) -> list[Event]:
        """Return what there is to tell since the last call."""
        return [*self.types.events(), *self._ingress.events(), *self.neighbours.events()]

    def next_deadline(self) -> float | None:
        """Return when `advance` wants to be called."""
        times = (self.neighbours.next_deadline(), self.types.next_deadline())
        return min((time for time in times if time is not None), default=None)

    def advance(self, now: float) -> None:
        """Let hosts age; look for the frame type."""
        self.neighbours.advance(now)
        if self.types.advance(now):
            self._outgoing += [route_request(self.own.station, frame_type) for frame_type in PREFERENCE]

    def describe(self) -> dict[str, str]:
        """Say which frame type is spoken and why, who we are, how many hosts there are."""
        told = {**self.types.describe(), "MAC address": format_node(self.own.station)}
        if self.own.node != self.own.station:
            told["node"] = format_node(self.own.node)
        if self.own.joined:
            told["hosts"] = f"{len(self.neighbours)} of {self.neighbours.limit}"
        return told

    def _admits(self, frame: bytes, frame_type: FrameType, now: float) -> bool:
        """Say whether a frame is of our type; our own teach nothing about what others speak."""
        if frame[6:12] in (self.own.node, self.own.station):
            return frame_type is self.types.spoken
        return self.types.admits(frame, frame_type, now)
