"""A LAN on a simulated clock on which gateways say hello: it loses, delays, repeats, reorders, and is cut."""

import heapq
from collections.abc import Callable, Iterable
from random import Random
from typing import NamedTuple

from nwip.ipx.hello import Hello, HelloState
from nwip.routing.standby import Standby, Turned

DOMAIN = "lab.test"


class Wire(NamedTuple):
    """What the LAN does to a hello; `in_a_row` bounds how many of one gateway another one misses together."""

    loss: float = 0.0
    repeat: float = 0.0
    delay: float = 0.01
    in_a_row: int = 10**9


class Gateway:
    """One gateway's link on the LAN, and what has happened to it."""

    def __init__(self, name: str, engine: Standby) -> None:
        self.name = name
        self.engine = engine
        self.hop = name.encode()
        self.segment = 0
        self.turns: list[tuple[float, Turned]] = []

    @property
    def active(self) -> bool:
        return self.engine.state is HelloState.ACTIVE


class Lan:
    """All gateways that run; those of one `segment` hear each other."""

    def __init__(self, seed: int = 0) -> None:
        self.now = 1000.0
        self.random = Random(seed)  # noqa: S311 - a test is to be repeatable
        self.wire = Wire()
        self.gateways: list[Gateway] = []
        self.alarms: list[str] = []
        self.watchers: list[Callable[[], None]] = []
        self.carried = 0
        self._flying: list[tuple[float, int, Gateway, Gateway, Hello]] = []
        self._missed: dict[tuple[Gateway, Gateway], int] = {}
        self._sent = 0
        self._nonces = 0

    def start(
        self, name: str, *, priority: int = 100, identity: bytes | None = None, nonce: bytes | None = None
    ) -> Gateway:
        self._nonces += 1
        nonce = nonce or self.random.randbytes(4) + self._nonces.to_bytes(4, "big")
        identity = identity or name.encode().rjust(16, b"\0")
        gateway = Gateway(name, Standby(DOMAIN, identity, nonce, priority, self.now))
        self.gateways.append(gateway)
        self._settle(gateway)
        return gateway

    def kill(self, gateway: Gateway) -> None:
        self.gateways.remove(gateway)

    def stop(self, gateway: Gateway) -> None:
        gateway.engine.leave(self.now)
        self._settle(gateway)
        self.gateways.remove(gateway)

    def cut(self, *apart: Gateway) -> None:
        for gateway in apart:
            gateway.segment = 1

    def mend(self) -> None:
        for gateway in self.gateways:
            gateway.segment = 0

    def tell(self, gateway: Gateway, hello: Hello, hop: bytes = b"forged") -> None:
        """Let a gateway hear what nobody of this LAN has said."""
        gateway.engine.hear(hello, hop, self.now)
        self._settle(gateway)

    def active(self, segment: int | None = None) -> list[Gateway]:
        return [g for g in self.gateways if g.active and segment in (None, g.segment)]

    def segments(self) -> set[int]:
        return {gateway.segment for gateway in self.gateways}

    def run(self, seconds: float) -> None:
        """Let time pass, from one thing that happens to the next."""
        end = self.now + seconds
        while (due := self._next()) <= end:
            self.now = max(self.now, due)
            if self._flying and self._flying[0][0] <= self.now:
                _, _, sender, receiver, hello = heapq.heappop(self._flying)
                if receiver in self.gateways and sender.segment == receiver.segment:
                    receiver.engine.hear(hello, sender.hop, self.now)
                    self._settle(receiver)
                continue
            for gateway in self.gateways:
                deadline = gateway.engine.next_deadline()
                if deadline is not None and deadline <= self.now:
                    gateway.engine.advance(self.now)
                    later = gateway.engine.next_deadline()
                    assert later is not None
                    assert later > self.now, "a deadline that does not move makes a busy loop"
                    self._settle(gateway)
        self.now = end

    def _next(self) -> float:
        times = [deadline for g in self.gateways if (deadline := g.engine.next_deadline()) is not None]
        return min([*times, *(flight[0] for flight in self._flying[:1])], default=float("inf"))

    def _settle(self, gateway: Gateway) -> None:
        for event in gateway.engine.take_events():
            if isinstance(event, Turned):
                gateway.turns.append((self.now, event))
            else:
                self.alarms.append(event.text)
        for hello in gateway.engine.hellos_to_send():
            self.carried += 1
            for other in self.gateways:
                if other is not gateway and other.segment == gateway.segment:
                    self._fly(gateway, other, hello)
        for watcher in self.watchers:
            watcher()

    def _fly(self, sender: Gateway, receiver: Gateway, hello: Hello) -> None:
        missed = self._missed.get((sender, receiver), 0)
        if self.random.random() < self.wire.loss and missed < self.wire.in_a_row:
            self._missed[sender, receiver] = missed + 1
            return
        self._missed[sender, receiver] = 0
        for _ in range(1 + (self.random.random() < self.wire.repeat)):
            self._sent += 1
            arrival = self.now + self.random.uniform(0.0, self.wire.delay)
            heapq.heappush(self._flying, (arrival, self._sent, sender, receiver, hello))


def names(gateways: Iterable[Gateway]) -> list[str]:
    return sorted(gateway.name for gateway in gateways)
