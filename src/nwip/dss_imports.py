"""Imports over the control socket: a file comes in many questions, and counts only when it is whole."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Final

import msgspec

from nwip.control import Answer
from nwip.dss.intake import Intake
from nwip.dss.portable import PortableError, Reading
from nwip.dss.server_engine import ServerEngine
from nwip.dss_rows import Row

ABANDONED: Final = 60.0  # seconds without a further part, then what was read is dropped


class Part(msgspec.Struct):
    """Lines of a file: `token` is the same for all of one import, `first` the number of the first line."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    first: Annotated[int, msgspec.Meta(ge=1)]
    lines: list[str]
    last: bool = False


class Imports:
    """One import at a time: a new one takes the place of one that was not finished."""

    def __init__(self) -> None:
        self._token = ""
        self._reading: Reading | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def feed(
        self, question: Mapping[str, object], engine: ServerEngine, clock: Callable[[], float]
    ) -> Row:
        """Take a part; with the last one merge all of it, and say what came of it.

        Raises `PortableError` for a file that cannot be taken, `Answer` for a part that is out of place. Then
        nothing has changed.
        """
        try:
            part = msgspec.convert({key: question[key] for key in question if key != "ask"}, Part)
        except msgspec.ValidationError as error:
            raise Answer(2, f"that is no part of an import: {error}") from None
        if part.first == 1:
            self._token, self._reading = part.token, Reading(engine.parameters.domain)
        reading = self._reading
        if reading is None or part.token != self._token or part.first != reading.lines + 1:
            raise Answer(1, "another import has begun meanwhile, nothing was imported: start this one again")
        self._watch(ABANDONED)
        try:
            for line in part.lines:
                reading.feed(line)
            if part.last:
                reading.finish()
        except PortableError:
            self._drop()
            raise
        if not part.last:
            return {"lines": reading.lines}
        self._drop()
        intake = Intake(engine, reading)
        for _ in intake.steps(clock()):
            await asyncio.sleep(0)
        return {
            "lines": reading.lines,
            "records": dict(intake.counts),
            "withdrawals": intake.withdrawals,
            "parameters": intake.parameters,
        }

    def _watch(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._drop)

    def _drop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._token, self._reading = "", None
