"""What one node was told: its journal of requests sent and acknowledged, heard on its session. Pure.

It reads the octets that the node sends and gets by `docs/protocol.md`, and asks nwip nothing.
"""

from real.domain_frames import (
    ACKNOWLEDGE,
    COMPLETE,
    HELLO,
    REGISTER,
    SERVICE,
    WITHDRAW,
    Frames,
    Key,
    Message,
    Sequence,
    key_of,
    version_of,
)


class Journal:
    """`acknowledged` has each service that stands by the DSS's word; `refused` counts what was not taken.

    `times` has when each version of a service was acknowledged.
    """

    def __init__(self) -> None:
        self.acknowledged: dict[Key, tuple[Sequence, Message]] = {}
        self.times: list[tuple[Key, int, float]] = []
        self.refused = 0
        self._waiting: dict[int, Message] = {}
        self._lost: list[Message] = []
        self._sent, self._heard = Frames(), Frames()

    @property
    def waiting(self) -> int:
        """How many requests have no answer yet."""
        return len(self._waiting)

    def begin(self) -> None:
        """Learn that another session begins: what was not acknowledged in the last one never will be."""
        self._lost += [request for request in self._waiting.values() if request[0] == WITHDRAW]
        self._waiting = {}
        self._sent, self._heard = Frames(), Frames()

    def sent(self, data: bytes) -> None:
        """Hear what the node sends."""
        for message in self._sent.feed(data):
            if message[0] in (REGISTER, WITHDRAW, COMPLETE):
                self._waiting[message[1]] = message

    def heard(self, data: bytes, now: float) -> None:
        """Hear what the node gets."""
        for message in self._heard.feed(data):
            if message[0] == HELLO:
                self._known(message[7], message[8], now=now)
            if message[0] == ACKNOWLEDGE and (request := self._waiting.pop(message[1], None)):
                self.refused += message[2] if len(message) > 2 else 0
                self._done(request, now)

    def _known(self, *highest: int, now: float) -> None:
        """Learn up to which sequence the DSS knows this node: so it has taken withdrawals up to there."""
        lost, self._lost = self._lost, []
        for request in lost:
            if all((incarnation, counter) <= highest for _, incarnation, counter, _ in request[2]):
                self._done(request, now)

    def _done(self, request: Message, now: float) -> None:
        match request[0]:
            case tag if tag == REGISTER:
                for _, incarnation, counter, value in request[4]:
                    if value[0] == SERVICE:
                        self.acknowledged[key_of(value)] = ((incarnation, counter), value)
                        self.times.append((key_of(value), version_of(value), now))
            case tag if tag == WITHDRAW:
                for _, incarnation, counter, (kind, number, name) in request[2]:
                    known = self.acknowledged.get((kind, number, name))
                    if known is not None and known[0] <= (incarnation, counter):
                        del self.acknowledged[kind, number, name]
            case tag if tag == COMPLETE:
                floor = (request[2], request[3])
                below = [key for key, (sequence, _) in self.acknowledged.items() if sequence < floor]
                for key in below:
                    del self.acknowledged[key]
