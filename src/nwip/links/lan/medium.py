"""What carries Ethernet frames for a LAN link: a network card, a TAP device, an emulator's wire.

A medium moves whole frames and never looks inside IPX. What a frame means is decided by the engine of the
link above it. `segment.py` has the fake.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from nwip.dataplane.frames_port import FramePort

Received = Callable[[Sequence[bytes]], None]
"""Takes a batch of frames that a medium heard, in their order."""


class Medium(Protocol):
    """A place on an Ethernet.

    Frames are whole: destination, source, type or length, body; no preamble and no frame check sequence. What
    is heard may be shorter than 60 octets, where no card has padded it, and may be for anybody: a medium need
    not filter. What was sent by the medium itself is not heard again, as far as that can be told.

    `mac` is the medium's own address, known before `open` and the same ever after; None when it has none:
    the link makes one up then.
    """

    mac: bytes | None

    async def open(self, received: Received) -> None:
        """Start, and from now on give the frames that are heard to `received`, in batches.

        Raises `OSError` when the medium cannot be had. One that is lost later comes back on its own.
        """
        ...

    async def close(self) -> None:
        """Stop; nothing is given to `received` from now on. Closing twice does nothing."""
        ...

    def send(self, frame: bytes) -> bool:
        """Send a frame. Never raises; False when it was not taken, which the link counts."""
        ...

    def accept(self, mac: bytes) -> None:
        """Also hear frames for this address; nothing where everything is heard. Before `open` or after it."""
        ...

    def describe(self) -> dict[str, str]:
        """Say in words what a person wants to know: device, address, state."""
        ...


@runtime_checkable
class Batching(Protocol):
    """A medium that takes frames in batches, and can let those that need no look pass beside its link."""

    def pass_through(self, port: FramePort) -> None:
        """Let `port` take the frames, which reports what is to be looked at. To be called before `open`."""
        ...


@runtime_checkable
class Cabled(Protocol):
    """A medium that knows whether its cable is in, which others are taken to be for ever."""

    def on_cable(self, changed: Callable[[bool], None]) -> None:
        """Call `changed` when the cable is out, and when it is in again, while the medium is open.

        To be called before `open`, within which the cable may be found to be out.
        """
        ...
