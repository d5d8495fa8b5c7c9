"""IPX packets through tunnels: what a link of a sealed domain stands on. Pure.

    packets = SealedPackets(tunnels)
    packets.send(public, [packet, ...], now)            datagrams, and the endpoint that they go to
    packets.receive([(datagram, endpoint), ...], now)   [(public, [packet, ...]), ...]
    packets.datagrams_to_send()                         [(datagram, endpoint), ...]: after each call
    packets.next_deadline(), packets.advance(now)       timers

A packet that came is at least its first octet FF; the rest of its header is for the link to look at, as is
who may be its source: `public` is who sent it, without doubt. Besides, it answers what peers ask about the
path, and passes datagrams on where `may_relay` lets it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from nwip.directory.records import Endpoint
from nwip.security.keys import identity_of
from nwip.security.sealed import contents
from nwip.security.sealed.address import Address, Via
from nwip.security.sealed.contents import ENVELOPE_SIZE, PACKET, WHERE_ARE_WE, Envelope, probe
from nwip.security.sealed.framing import DATA_OVERHEAD
from nwip.security.sealed.outgoing import Ready, Sealed
from nwip.security.sealed.path import BASE, PathSize
from nwip.security.sealed.session import Came
from nwip.security.sealed.splitting import Joiner, split
from nwip.security.sealed.tunnels import Said, Tunnels
from nwip.wire import WireError

_WHOLE: Final = BASE - DATA_OVERHEAD
_THROUGH_RELAY: Final = _WHOLE - ENVELOPE_SIZE - DATA_OVERHEAD
_NUMBERS: Final = 1 << 16


class _Flow:
    """What is kept of a peer with which packets go in parts."""

    __slots__ = ("joiner", "number", "path")

    def __init__(self) -> None:
        self.path = PathSize()
        self.joiner = Joiner()
        self.number = 0


class SealedPackets:
    """The packets of one node.

    `may_relay(sender, receiver)` says of two public keys whether we pass datagrams on from the one to the
    other. `seen(public, endpoint)` is told where a peer sees us, `ended(public, now)` of a tunnel that is no
    more.
    """

    def __init__(self, tunnels: Tunnels) -> None:
        self.tunnels = tunnels
        self.may_relay: Callable[[bytes, bytes], bool] = lambda _sender, _receiver: False
        self.seen: Callable[[bytes, Endpoint], None] = lambda _public, _endpoint: None
        self.ended: Callable[[bytes, float], None] = lambda _public, _now: None
        self._flows: dict[bytes, _Flow] = {}
        self._probing: set[bytes] = set()
        tunnels.moved = self._moved
        tunnels.ended = self._ended

    def know(self, homes: Mapping[bytes, Address], now: float) -> None:
        """Take the public keys and addresses of all peers that the directory names."""
        self.tunnels.know(homes, now)
        for public in [key for key in self._flows if self.tunnels.address_of(key) is None]:
            self._drop(public)

    def send(self, public: bytes, packets: Sequence[bytes], now: float) -> Sealed:
        """Return datagrams for a peer, and where to send them; packets too large for the path go in parts.

        While there is no session the packets wait, 16 plaintexts at most. Hot path.
        """
        largest = max(map(len, packets), default=0)
        if largest > _THROUGH_RELAY:
            packets = self._fitted(public, packets, largest, now)
        return self.tunnels.seal(public, packets, now)

    def ready(self, public: bytes, largest: int, count: int, now: float) -> Ready | None:
        """Return what it takes to seal so many packets of at most so many octets for a peer at once.

        None where `send` has to be asked: without a session, through a relay, or if some go in parts.
        """
        if largest > _THROUGH_RELAY and largest > self._limit(public, largest, now):
            return None
        return self.tunnels.ready(public, count, now)

    def receive(self, batch: Iterable[Came], now: float) -> list[Said]:
        """Return who sent which packets. Hot path."""
        taken = []
        for public, plains in self.tunnels.open(batch, now):
            taken += self.sort(public, plains, now)
        return taken

    def sort(self, public: bytes, plains: Sequence[bytes], now: float) -> list[Said]:
        """Return the packets among what a peer said, which `tunnels` has opened, and do the rest of it."""
        packets = [plain for plain in plains if plain and plain[0] == PACKET]
        taken = [(public, packets)] if packets else []
        if len(packets) < len(plains):
            for plain in plains:
                if plain and plain[0] != PACKET:
                    taken += self._other(public, plain, now, relayed=False)
        return taken

    def ask_where(self, public: bytes, now: float) -> Sealed:
        """Ask a peer where it sees us; `seen` is told the answer."""
        return self.tunnels.seal(public, [WHERE_ARE_WE], now)

    def too_large(self, public: bytes, now: float) -> None:
        """Take note that the kernel would not send a datagram to a peer for its size."""
        if public in self._flows:
            self._flows[public].path.refused(now)

    def datagrams_to_send(self) -> list[tuple[bytes, Endpoint]]:
        """Return, once, what is to be sent besides."""
        return self.tunnels.datagrams_to_send()

    def next_deadline(self) -> float | None:
        """Return when to call `advance` at the latest, or None."""
        times = [self._flows[public].path.next_deadline() for public in self._probing]
        times.append(self.tunnels.next_deadline())
        return min((time for time in times if time is not None), default=None)

    def advance(self, now: float) -> None:
        """Do what is due."""
        self.tunnels.advance(now)
        for public in list(self._probing):
            self._probe(public, self._flows[public].path, now)

    def forget(self, public: bytes, now: float) -> None:
        """End the tunnel with a peer at once."""
        self.tunnels.forget(public, now)
        self._drop(public)

    def _fitted(self, public: bytes, packets: Sequence[bytes], largest: int, now: float) -> Sequence[bytes]:
        """Return plaintexts that the path to a peer carries; for nobody, the packets themselves."""
        limit = self._limit(public, largest, now)
        if largest <= limit:
            return packets
        flow = self._flow(public)
        fitted = []
        for packet in packets:
            if len(packet) <= limit:
                fitted.append(packet)
            else:
                flow.number = (flow.number + 1) % _NUMBERS
                fitted += split(packet, limit, flow.number)
        return fitted

    def _limit(self, public: bytes, largest: int, now: float) -> int:
        """Return how large a plaintext may be for a peer; something of so many octets is to be sent."""
        address = self.tunnels.address_of(public)
        if address is None:
            return largest
        if isinstance(address, Via):
            return _THROUGH_RELAY
        path = self._flow(public).path
        if self.tunnels.is_open(public, now):
            path.wants(largest + DATA_OVERHEAD, now)
            self._probe(public, path, now)
        return path.size - DATA_OVERHEAD

    def _probe(self, public: bytes, path: PathSize, now: float) -> None:
        """Send the probe that is due, if one is."""
        size = path.probe(now)
        if size is not None:
            self.tunnels.post(public, [probe(size)], now)
        if path.next_deadline() is None:
            self._probing.discard(public)
        else:
            self._probing.add(public)

    def _other(self, public: bytes, plain: bytes, now: float, *, relayed: bool) -> Iterator[Said]:
        """Do what a plaintext asks for that is no whole packet; yield the packets that come of it."""
        try:
            match plain[0]:
                case contents.PACKET:
                    yield public, [plain]
                case contents.PART:
                    packet = self._flow(public).joiner.add(contents.read_part(plain), now)
                    if packet is not None:
                        yield public, [packet]
                case contents.RELAYED if not relayed:
                    yield from self._taken_out(public, contents.read_envelope(plain), now)
                case contents.RELAY if not relayed:
                    self._pass_on(public, contents.read_envelope(plain), now)
                case _:
                    self._about_the_path(public, plain, now)
        except WireError:
            self.tunnels.refused["contents"] += 1

    def _about_the_path(self, public: bytes, plain: bytes, now: float) -> None:
        match plain[0]:
            case contents.PROBE:
                self.tunnels.post(public, [contents.answer_to_probe(plain)], now)
            case contents.PROBE_ANSWER:
                self._flow(public).path.answered(contents.read_probe_answer(plain), now)
            case contents.SEEN:
                self.seen(public, contents.read_seen_at(plain))
            case contents.WHERE if plain == contents.WHERE_ARE_WE:
                address = self.tunnels.address_of(public)
                if address is not None and not isinstance(address, Via):
                    self.tunnels.post(public, [contents.seen_at(address)], now)
            case kind:
                raise WireError(f"contents of kind {kind}")

    def _taken_out(self, relay: bytes, envelope: Envelope, now: float) -> Iterator[Said]:
        """Yield the packets in a datagram that a relay has passed on to us."""
        inner = envelope.datagram, Via(relay, envelope.identity)
        for public, plains in self.tunnels.open([inner], now):
            for plain in filter(None, plains):
                yield from self._other(public, plain, now, relayed=True)

    def _pass_on(self, sender: bytes, envelope: Envelope, now: float) -> None:
        receiver = self.tunnels.public_of(envelope.identity)
        if receiver is None or receiver == sender or not self.may_relay(sender, receiver):
            raise WireError("nobody that is passed on to")
        if isinstance(self.tunnels.address_of(receiver), Via):
            raise WireError("one relay is enough")
        passed = Envelope(identity_of(sender), envelope.datagram).from_relay()
        self.tunnels.post(receiver, [passed], now)

    def _flow(self, public: bytes) -> _Flow:
        flow = self._flows.get(public)
        if flow is None:
            flow = self._flows[public] = _Flow()
        return flow

    def _drop(self, public: bytes) -> None:
        self._probing.discard(public)
        self._flows.pop(public, None)

    def _moved(self, public: bytes, _now: float) -> None:
        self._drop(public)  # the path is another one

    def _ended(self, public: bytes, now: float) -> None:
        self._drop(public)
        self.ended(public, now)
