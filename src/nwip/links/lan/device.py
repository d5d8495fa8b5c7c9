"""A medium that is a file descriptor of the kernel's: drained in batches, opened again when it is lost.

The devices are a network card (`af_packet.py`) and a TAP device (`tap.py`).
"""

import asyncio
import errno
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from nwip.links.lan.cable import CableWatch
from nwip.links.lan.medium import Received

BUDGET: Final = 64  # frames a wake-up, so that timers and sessions are not starved
FIRST_PAUSE: Final = 0.1  # seconds until a lost device is tried again; doubled each time
LONGEST_PAUSE: Final = 1.0  # seconds: what a cable that is put back costs at most, beside the cable itself

_log = logging.getLogger("nwip.links.lan")


class Device(Protocol):
    """What gives and takes frames, one a call, without waiting."""

    name: str
    mac: bytes | None

    def open(self) -> int:
        """Open it; return the descriptor to wait on. Raises `OSError`: ENETDOWN when it is only not up."""
        ...

    def close(self) -> None:
        """Close it; closing twice does nothing."""
        ...

    def read(self) -> bytes:
        """Return one frame. Raises `BlockingIOError` when there is none, `OSError` as the kernel says."""
        ...

    def write(self, frame: bytes) -> None:
        """Send one frame. Raises `OSError` when it is not taken."""
        ...

    def accept(self, mac: bytes) -> None:
        """Also hear frames for this address; called again after each `open`. Raises `OSError`."""
        ...

    def describe(self) -> dict[str, str]:
        """Say what it is and how it is."""
        ...


class DeviceMedium:
    """`Medium` on a device: what is down is waited for, what is not there at first is an `OSError`.

    `cable` is watched while it is open, if there is one to watch.
    """

    def __init__(self, device: Device, cable: CableWatch | None = None) -> None:
        self.mac = device.mac
        self.times_lost = 0
        self._device = device
        self._cable = cable
        self._cable_changed: Callable[[bool], None] = lambda _: None
        self._accepted: list[bytes] = []
        self._received: Received | None = None
        self._descriptor: int | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._pause = FIRST_PAUSE
        self._trouble = ""

    async def open(self, received: Received) -> None:
        """Open the device, and report to `received`. Raises `OSError` if that cannot be."""
        try:
            self._start()
        except OSError as error:
            if error.errno != errno.ENETDOWN:
                raise
            self._lose(error)
        self._received = received
        if self._cable is not None:
            self._cable.start(self._notice)

    async def close(self) -> None:
        """Close the device, and look for it no longer."""
        self._received = None
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._cable is not None:
            self._cable.stop()
        self._stop()

    def on_cable(self, changed: Callable[[bool], None]) -> None:
        """Call `changed` when the cable is out, and when it is in again."""
        self._cable_changed = changed

    def send(self, frame: bytes) -> bool:
        """Send a frame; False while the device is lost, and when the kernel does not take it."""
        if self._descriptor is None:
            return False
        try:
            self._device.write(frame)
        except OSError:
            return False
        return True

    def accept(self, mac: bytes) -> None:
        """Also hear frames for this address."""
        if mac in self._accepted:
            return
        self._accepted.append(mac)
        if self._descriptor is not None:
            self._accept(mac)

    def describe(self) -> dict[str, str]:
        """Say what the device is, whether it is there, and how often it was lost."""
        told = self._device.describe()
        if self._trouble:
            told["state"] = f"lost ({self._trouble}); it is tried again at least every second"
        if self.times_lost:
            told["times lost"] = str(self.times_lost)
        return told

    def _start(self) -> None:
        descriptor = self._device.open()
        asyncio.get_running_loop().add_reader(descriptor, self._drain)
        self._descriptor = descriptor
        for mac in self._accepted:
            self._accept(mac)

    def _stop(self) -> None:
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
        self._descriptor = None
        self._device.close()

    def _accept(self, mac: bytes) -> None:
        try:
            self._device.accept(mac)
        except OSError as error:
            _log.warning("%s does not listen for %s: %s", self._device.name, mac.hex(), error.strerror)

    def _drain(self) -> None:
        batch: list[bytes] = []
        lost: OSError | None = None
        for _ in range(BUDGET):
            try:
                batch.append(self._device.read())
            except BlockingIOError:
                break
            except OSError as error:
                lost = error
                break
        if batch:
            self._report(batch)
        self._check(lost)

    def _report(self, frames: Sequence[bytes]) -> None:
        if self._received is not None:
            self._received(frames)

    def _check(self, lost: OSError | None) -> None:
        """Begin to look for the device, if it is lost for a reason; it may have been closed by now."""
        if lost is not None and self._descriptor is not None:
            self._lose(lost)

    def _notice(self, present: bool) -> None:
        """Pass on what happened to the cable, so that who hears of it can send at once."""
        if present and self._retry is not None:
            self._retry.cancel()
            self._try_again()
        self._cable_changed(present)

    def _lose(self, error: OSError) -> None:
        self._stop()
        self.times_lost += 1
        self._trouble = error.strerror or str(error)
        _log.warning("%s is lost: %s; it is tried again until it is back", self._device.name, self._trouble)
        self._pause = FIRST_PAUSE
        self._try_later()

    def _try_later(self) -> None:
        self._retry = asyncio.get_running_loop().call_later(self._pause, self._try_again)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _try_again(self) -> None:
        try:
            self._start()
        except OSError as error:
            self._stop()
            self._trouble = error.strerror or str(error)
            self._try_later()
        else:
            self._retry = None
            self._trouble = ""
            _log.warning("%s is back", self._device.name)
