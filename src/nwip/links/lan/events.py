"""What the engine of a LAN link tells: hosts that come and go, and what a person should know. Pure."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, NamedTuple

HOUR: Final = 3600.0  # seconds between two warnings of the same thing
REMEMBERED: Final = 32  # things that were said; the one said longest ago is forgotten, and said again


class Joined(NamedTuple):
    """A host of a joined link has been heard for the first time."""

    node: bytes


class Left(NamedTuple):
    """A host of a joined link is forgotten, and why."""

    node: bytes
    reason: str


class Found(NamedTuple):
    """The link has chosen its frame type by listening; the text says which and why."""

    text: str


class Warned(NamedTuple):
    """Something on the LAN is not as it should be; the text says what, and what to do."""

    text: str


Event = Joined | Left | Found | Warned


class HourlyWarnings:
    """Collects warnings, each subject at most once an hour."""

    def __init__(self) -> None:
        self._said: OrderedDict[Hashable, float] = OrderedDict()

    def may_say(self, subject: Hashable, now: float) -> bool:
        """Say whether to warn of `subject` at `now` (seconds), and note that it is done."""
        said = self._said.get(subject)
        if said is not None and now - said < HOUR:
            return False
        self._said[subject] = now
        self._said.move_to_end(subject)
        if len(self._said) > REMEMBERED:
            self._said.popitem(last=False)
        return True
