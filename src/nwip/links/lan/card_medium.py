"""A network card as a medium that takes frames in batches, where the kernel can."""

from nwip.dataplane.frames_port import FramePort
from nwip.links.lan.cable import CableWatch
from nwip.links.lan.device import Device, DeviceMedium


class CardMedium(DeviceMedium):
    """`Medium` that is also `Batching`: lost, waited for and described as any device is."""

    def __init__(self, device: Device, cable: CableWatch | None = None) -> None:
        super().__init__(device, cable)
        self._port: FramePort | None = None

    def pass_through(self, port: FramePort) -> None:
        """Let `port` take the frames, which reports what is to be looked at."""
        self._port = port

    def _start(self) -> None:
        super()._start()
        if self._port is not None and self._descriptor is not None:
            self._port.descriptor = self._descriptor

    def _stop(self) -> None:
        if self._port is not None:
            self._port.descriptor = -1
        super()._stop()

    def _drain(self) -> None:
        if self._port is None:
            super()._drain()
        else:
            self._check(self._port.drain(self._report))
