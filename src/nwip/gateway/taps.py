"""Taps: see what passes a gateway's links, both ways, while somebody listens. Pure.

While nobody listens nothing is in the way of a packet, not even a question whether somebody does. The first
listener puts functions of ours before `receive` of the gateways and before `send` and `send_to_all` of their
links, as attributes of these very objects; with the last one they go. So whoever calls them must look them up
each time, as everyone does who writes `link.send(...)`, and not keep `link.send` itself.

What a link settles by itself is not seen: a DOSBox registration, a keepalive, what it refuses. Packets from a
link are seen as it hands them on, packets to a link as it is given them.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from nwip.gateway.sharing import Share
from nwip.links.base import Arrival, Hop, Link

Listener = Callable[[Link, bool, bytes, Hop | None], None]
"""Is called with the link, whether the packet goes out, its octets, and the hop: None is all of the link."""


class Tappable(Protocol):
    """What a gateway must have for it."""

    @property
    def links(self) -> list[Link]:
        """The links, but for the virtual one."""
        ...

    @property
    def virtual(self) -> Link:
        """The link to the other nodes."""
        ...

    def receive(self, link: Link, batch: Sequence[Arrival]) -> None:
        """Take a batch of packets that `link` received."""
        ...

    def attach(self, link: Link, share: Share | None = None, *, active: bool = True) -> None:
        """Take a link in."""
        ...

    def detach(self, link: Link) -> None:
        """Leave a link out."""
        ...

    def look_at_each(self, *, wanted: bool) -> None:
        """Let no packet pass but by `receive` and by `send` of a link, or let them again."""
        ...


class Taps:
    """The listeners of some gateways, and of all their links, also of those that come later."""

    def __init__(self, gateways: Iterable[Tappable]) -> None:
        self._gateways = list(gateways)
        self._listeners: tuple[Listener, ...] = ()
        self._tapped: list[Link] = []

    def add(self, listener: Listener) -> None:
        """Let a listener hear every packet from now on. It must not raise."""
        if not self._listeners:
            for gateway in self._gateways:
                self._tap_gateway(gateway)
        self._listeners += (listener,)

    def remove(self, listener: Listener) -> None:
        """Leave a listener out; safe to call twice."""
        before = self._listeners
        self._listeners = tuple(each for each in before if each != listener)
        if before and not self._listeners:
            for gateway in self._gateways:
                _uncover(gateway, "receive", "attach", "detach")
                gateway.look_at_each(wanted=False)
            for link in self._tapped:
                _uncover(link, "send", "send_to_all")
            self._tapped.clear()

    def _tap_gateway(self, gateway: Tappable) -> None:
        receive, attach, detach = gateway.receive, gateway.attach, gateway.detach

        def tapped_receive(link: Link, batch: Sequence[Arrival]) -> None:
            for packet, hop in batch:
                for listener in self._listeners:
                    listener(link, False, packet, hop)
            receive(link, batch)

        def tapped_attach(link: Link, share: Share | None = None, *, active: bool = True) -> None:
            self._tap_link(link)
            attach(link, share, active=active)

        def tapped_detach(link: Link) -> None:
            detach(link)
            if link in self._tapped:
                self._tapped.remove(link)
                _uncover(link, "send", "send_to_all")

        gateway.look_at_each(wanted=True)
        for link in (gateway.virtual, *gateway.links):
            self._tap_link(link)
        vars(gateway).update(receive=tapped_receive, attach=tapped_attach, detach=tapped_detach)

    def _tap_link(self, link: Link) -> None:
        if link in self._tapped:
            return
        send, send_to_all = link.send, link.send_to_all
        under_way: list[bytes] = []  # a link may do one by the other: the same packet is told once

        def tell(packet: bytes, hop: Hop | None) -> bool:
            if under_way and under_way[-1] is packet:
                return False
            for listener in self._listeners:
                listener(link, True, packet, hop)
            under_way.append(packet)
            return True

        def tapped_send(packet: bytes, hop: Hop) -> None:
            told = tell(packet, hop)
            send(packet, hop)
            if told:
                under_way.pop()

        def tapped_send_to_all(packet: bytes, *, besides: Hop | None = None) -> None:
            told = tell(packet, None)
            send_to_all(packet, besides=besides)
            if told:
                under_way.pop()

        self._tapped.append(link)
        vars(link).update(send=tapped_send, send_to_all=tapped_send_to_all)


def _uncover(thing: object, *names: str) -> None:
    """Let the methods of the class count again."""
    for name in names:
        vars(thing).pop(name, None)
