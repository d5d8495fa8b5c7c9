"""Which frame type a LAN link speaks, and what it says about the others that it hears. Pure."""

from collections.abc import Collection
from typing import Final

from nwip.ipx.address import format_node
from nwip.ipx.frames import FrameType
from nwip.links.base import Counters
from nwip.links.lan.detection import Detection
from nwip.links.lan.events import Found, HourlyWarnings, Warned
from nwip.links.lan.reading import is_rip_request, packet_in
from nwip.routing.timers import AGE_LIMIT

UNDECIDED: Final = "frame type not known yet"
OTHER_TYPE: Final = {frame_type: f"of frame type {frame_type.value}" for frame_type in FrameType}


class FrameTypes:
    """The frame type of a link: `spoken`, None while it is being looked for.

    Frames of other types are counted in `counters`, and a warning tells what to do, once an hour for each.
    Not so for those that other links on the same card speak (`beside`); and RIP requests draw no warning,
    because stations that look for the frame type send these in all of them.
    """

    def __init__(
        self, frame_type: FrameType | None, beside: Collection[FrameType], counters: Counters
    ) -> None:
        self.spoken = frame_type
        self._finds = frame_type is None
        self._beside = frozenset(beside)
        self._counters = counters
        self._detection: Detection | None = None
        self._heard: dict[FrameType, tuple[int, bytes]] = {}
        self._unheard: dict[FrameType, tuple[bytes, float]] = {}
        self._warnings = HourlyWarnings()
        self._events: list[Found | Warned] = []

    @property
    def settled(self) -> bool:
        """Whether the frame type stays; else every frame must be shown to `admits`."""
        return not self._finds or (self._detection is not None and self._detection.settled)

    @property
    def maximum_size(self) -> int:
        """The largest packet that fits the frame type, or any of them while none is known."""
        if self.spoken is not None:
            return self.spoken.maximum_packet
        return min(frame_type.maximum_packet for frame_type in FrameType)

    def start(self, now: float) -> None:
        """Begin to look for the frame type, if that is wanted, knowing nothing."""
        if self._finds:
            self.spoken = None
            self._detection = Detection(now, self._beside)

    def admits(self, frame: bytes, frame_type: FrameType, now: float) -> bool:
        """Say whether a frame with IPX, of another station, is of the type spoken; else count it."""
        packet = packet_in(frame, frame_type)
        sender = frame[6:12]
        search = None if self.settled else self._detection
        if search is not None and packet is not None and search.hear(frame_type, packet, sender, now):
            self._take(search)
        if frame_type is self.spoken:
            return True
        if frame_type in self._beside:
            return False
        if not self.settled:
            self._counters.drop(UNDECIDED)
        else:
            self._counters.drop(OTHER_TYPE[frame_type])
            count = self._heard.get(frame_type, (0, b""))[0] + 1
            self._heard[frame_type] = (count, sender)
            if packet is None or not is_rip_request(packet):
                self._unheard[frame_type] = (sender, now)
                if self._warnings.may_say(frame_type, now):
                    self._events.append(Warned(self._warning(frame_type, sender)))
        return False

    def alarms(self, now: float) -> list[tuple[str, str]]:
        """Return each other frame type in which somebody sends what is not heard here, and a sentence."""
        return [
            (theirs.value, self._warning(theirs, sender))
            for theirs, (sender, heard) in self._unheard.items()
            if theirs is not self.spoken and now < heard + AGE_LIMIT
        ]

    def events(self) -> list[Found | Warned]:
        """Return what there is to tell since the last call."""
        events, self._events = self._events, []
        return events

    def next_deadline(self) -> float | None:
        """Return when `advance` wants to be called."""
        return None if self._detection is None else self._detection.next_deadline()

    def advance(self, now: float) -> bool:
        """Judge what was heard; say whether servers are to be asked now, in all frame types."""
        if self._detection is None:
            return False
        if self._detection.advance(now):
            self._take(self._detection)
        return self._detection.probe_is_due(now)

    def describe(self) -> dict[str, str]:
        """Say what is spoken and why, and what else was heard."""
        spoken = self.spoken.value if self.spoken else "not known yet"
        told = {
            "frame type": spoken if self._detection is None else f"{spoken} (auto: {self._detection.reason})"
        }
        if self._heard:
            told["other frame types heard"] = "\n".join(
                f"{count} of {frame_type.value}, the last from {format_node(sender)}"
                for frame_type, (count, sender) in self._heard.items()
            )
        return told

    def _take(self, detection: Detection) -> None:
        self.spoken = detection.frame_type
        if self.spoken is not None:
            self._events.append(Found(f"frame type {self.spoken.value}: {detection.reason}"))

    def _warning(self, frame_type: FrameType, sender: bytes) -> str:
        ours = self.spoken.value if self.spoken else "none"
        return (
            f"traffic of frame type {frame_type.value} heard on this link from MAC {format_node(sender)}, "
            f'but the link speaks {ours}: add a [[link]] with frame = "{frame_type.value}", '
            f"or set that station to {ours}"
        )
