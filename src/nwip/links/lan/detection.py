"""Finds the frame type of a LAN by listening: `frame = "auto"`. Pure.

    heard                                      what happens
    a RIP or SAP response, in any frame type   its frame type is taken at once: a server or router speaks it
    other packets only                         after 5 s the frame type of most of them
    RIP and SAP requests only                  likewise; they count last: who searches asks in all types
    nothing                                    after 5 s Ethernet_802.2, NetWare's own default since 3.12

What was taken because nothing was heard is given up for the first thing that is heard; everything else
stays until the link is closed. A silent server is woken by RIP requests in all four frame types, sent when
the link opens, after one second and after two.
"""

from collections.abc import Collection
from typing import Final

from nwip.ipx.address import format_node
from nwip.ipx.frames import FrameType
from nwip.links.lan.reading import is_from_a_server, is_question

LISTEN: Final = 5.0  # seconds; a server answers a request within milliseconds, a person waits no longer
PROBES_AFTER: Final = (0.0, 1.0, 2.0)  # seconds: the first may be lost while a switch brings its port up
PREFERENCE: Final = (  # where equally many packets were heard, and the order in which servers are asked
    FrameType.ETHERNET_802_2,
    FrameType.ETHERNET_802_3,
    FrameType.ETHERNET_II,
    FrameType.ETHERNET_SNAP,
)


class Detection:
    """What has been heard since `now` (seconds), and what follows.

    `frame_type` is None until one is taken, for the `reason`; `settled` says that it stays. None of `taken`
    is ever taken: other links on the card speak them.
    """

    def __init__(self, now: float, taken: Collection[FrameType] = ()) -> None:
        self._free = [frame_type for frame_type in PREFERENCE if frame_type not in taken]
        self.frame_type: FrameType | None = None
        self.settled = False
        self.reason = "listening"
        self._packets = dict.fromkeys(PREFERENCE, 0)
        self._questions = dict.fromkeys(PREFERENCE, 0)
        self._probes = [now + after for after in PROBES_AFTER]
        self._until: float | None = now + LISTEN

    def hear(self, frame_type: FrameType, packet: bytes, sender: bytes, now: float) -> bool:
        """Take a packet that was heard; say whether a frame type was taken because of it."""
        if frame_type not in self._free:
            return False
        if is_from_a_server(packet):
            return self._settle(frame_type, f"first heard from the server or router {format_node(sender)}")
        (self._questions if is_question(packet) else self._packets)[frame_type] += 1
        if self._until is None:
            self._until = now + LISTEN
        return False

    def probe_is_due(self, now: float) -> bool:
        """Say whether it is time to ask in all four frame types, once for each time."""
        due = bool(self._probes) and self._probes[0] <= now
        if due:
            self._probes = [at for at in self._probes if at > now]
        return due

    def next_deadline(self) -> float | None:
        """Return when `probe_is_due` and `advance` must be called."""
        times = [*self._probes[:1], *([] if self._until is None else [self._until])]
        return min(times, default=None)

    def advance(self, now: float) -> bool:
        """Judge what was heard, if the time has come; say whether a frame type was taken."""
        if self._until is None or now < self._until:
            return False
        self._until = None
        for heard, what in ((self._packets, "packets"), (self._questions, "requests")):
            best = max(self._free, key=heard.__getitem__, default=None)  # of equals the first
            if best is not None and heard[best]:
                return self._settle(best, f"{heard[best]} of {sum(heard.values())} {what} heard")
        self.frame_type = next(iter(self._free), None)
        self.reason = f"nothing heard for {LISTEN:.0f} s; another is taken when one is heard"
        return True

    def _settle(self, frame_type: FrameType, reason: str) -> bool:
        self.frame_type = frame_type
        self.reason = reason
        self.settled = True
        self._probes = []
        self._until = None
        return True
