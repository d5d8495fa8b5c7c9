"""A medium on a descriptor: drained, lost, and opened again, whatever the device is."""

import asyncio
import errno
import socket
from itertools import pairwise

import pytest

from nwip.links.lan.device import BUDGET, FIRST_PAUSE, LONGEST_PAUSE, DeviceMedium

pytestmark = pytest.mark.asyncio

A, B = (bytes([2, 0, 0, 0, 0, last]) for last in (1, 2))


class PairDevice:
    """A device whose far end is in our hands; `open_errors` are what its next openings raise."""

    name = "pair0"
    mac: bytes | None = A

    def __init__(self, *open_errors: int) -> None:
        self.open_errors = list(open_errors)
        self.opened_at: list[float] = []
        self.accepted: list[bytes] = []
        self.is_open = asyncio.Event()
        self.read_error: int | None = None
        self.far: socket.socket | None = None
        self._near: socket.socket | None = None

    def open(self) -> int:
        self.opened_at.append(asyncio.get_running_loop().time())
        if self.open_errors:
            raise OSError(self.open_errors.pop(0), "not now")
        self._near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._near.setblocking(False)
        self.read_error = None
        self.is_open.set()
        return self._near.fileno()

    def close(self) -> None:
        self.is_open.clear()
        for end in (self._near, self.far):
            if end is not None:
                end.close()

    def read(self) -> bytes:
        assert self._near is not None
        frame = self._near.recv(2048)
        if self.read_error is not None:
            raise OSError(self.read_error, "gone")
        return frame

    def write(self, frame: bytes) -> None:
        assert self._near is not None
        self._near.send(frame)

    def accept(self, mac: bytes) -> None:
        if mac == b"":
            raise OSError(errno.EOPNOTSUPP, "cannot")
        self.accepted.append(mac)

    def describe(self) -> dict[str, str]:
        return {"device": self.name, "state": "up"}


async def test_frames_come_in_batches_of_at_most_the_budget_and_go_out_whole() -> None:
    device, batches = PairDevice(), asyncio.Queue[list[bytes]]()
    medium = DeviceMedium(device)
    await medium.open(lambda frames: batches.put_nowait(list(frames)))
    assert device.far is not None
    frames = [bytes([number]) * 60 for number in range(BUDGET + 5)]
    device.far.setblocking(False)
    sent = 0
    got: list[bytes] = []
    async with asyncio.timeout(10):
        while sent < len(frames) or len(got) < len(frames):
            while sent < len(frames):
                try:
                    device.far.send(frames[sent])
                except BlockingIOError:  # the pair holds only a few
                    break
                sent += 1
            batch = await batches.get()
            assert len(batch) <= BUDGET
            got += batch
    assert got == frames
    assert medium.send(b"out" * 20)
    assert device.far.recv(2048) == b"out" * 20
    await medium.close()


async def test_a_lost_device_is_tried_with_growing_pauses_until_it_is_back() -> None:
    device, heard = PairDevice(), asyncio.Queue[bytes]()
    medium = DeviceMedium(device)
    medium.accept(B)
    await medium.open(lambda frames: heard.put_nowait(frames[0]))
    assert device.far is not None
    device.read_error = errno.ENXIO
    device.open_errors = [errno.ENODEV, errno.ENODEV, errno.EPERM]
    device.is_open.clear()
    device.far.send(b"the last")
    async with asyncio.timeout(10):
        while not medium.times_lost:
            await asyncio.sleep(0)
        assert not medium.send(b"nobody hears")
        assert medium.describe()["state"].startswith("lost (gone)")
        await device.is_open.wait()
    pauses = [after - before for before, after in pairwise(device.opened_at[1:])]
    assert len(pauses) == 3
    for pause, least in zip(pauses, (0.2, 0.4, 0.8), strict=True):
        assert pause >= least * 0.9
    assert FIRST_PAUSE < LONGEST_PAUSE
    assert medium.describe() == {"device": "pair0", "state": "up", "times lost": "1"}
    assert device.accepted == [B, B]
    assert device.far is not None
    device.far.send(b"again")
    async with asyncio.timeout(10):
        assert await heard.get() == b"again"
    await medium.close()


async def test_what_is_not_there_at_first_is_an_error_and_what_is_down_is_waited_for() -> None:
    with pytest.raises(OSError, match="not now"):
        await DeviceMedium(PairDevice(errno.ENODEV)).open(print)
    device = PairDevice(errno.ENETDOWN)
    medium = DeviceMedium(device)
    await medium.open(print)
    assert medium.describe()["state"].startswith("lost (not now)")
    async with asyncio.timeout(10):
        await device.is_open.wait()
    await medium.close()
    await medium.close()
    assert not medium.send(b"closed")


async def test_a_medium_that_is_closed_while_it_is_lost_is_not_opened_again() -> None:
    device = PairDevice(errno.ENETDOWN)
    medium = DeviceMedium(device)
    await medium.open(print)
    await medium.close()
    await asyncio.sleep(2 * FIRST_PAUSE)
    assert len(device.opened_at) == 1


async def test_an_address_that_a_device_cannot_listen_for_is_told(caplog: pytest.LogCaptureFixture) -> None:
    medium = DeviceMedium(PairDevice())
    await medium.open(print)
    medium.accept(b"")
    medium.accept(B)
    assert [record.getMessage() for record in caplog.records] == ["pair0 does not listen for : cannot"]
    await medium.close()
