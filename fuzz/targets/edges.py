"""Links as strangers reach them: DOSBox on 213, RFC 1234, uplinks, LANs; and nearest-server queries.

An input is what some sources send, and the time that goes by. What a link hands on must be whole; what a
stranger draws must be no more than it sent, or twice that for a DOSBox registration.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, cast

from nwip.dataplane.port import Opener, Received
from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint
from nwip.discovery import nearest
from nwip.ipx.frames import FrameType
from nwip.ipx.packet import HEADER_SIZE, Packet, checksum_is_valid
from nwip.links.base import Arrival, Gateway
from nwip.links.dosbox.engine import DosboxServer
from nwip.links.dosbox.ingress import MAXIMUM_SIZE
from nwip.links.lan.engine import LanEngine
from nwip.links.lan.own_numbers import OwnNumbers
from nwip.links.rfc1234.engine import Tunnel
from nwip.links.uplink.engine import UplinkClient
from nwip.links.virtual import VirtualLink
from targets.steps import promise, steps

NETWORK: Final = 0xC0FFEE
NODE: Final = bytes.fromhex("7e0600000001")
FAR: Final = bytes.fromhex("02000000000a")
CLIENTS: Final = 8
BROADCAST: Final = b"\xff" * 6
PARAMETERS: Final = Parameters(domain="fuzz.test")


def _whole(arrival: Arrival | None, largest: int = MAXIMUM_SIZE) -> None:
    """See that a packet which is handed on keeps what links promise: see `Arrival`."""
    if arrival is None:
        return
    packet = Packet.decode(arrival.packet)
    promise(HEADER_SIZE + len(packet.payload) == len(arrival.packet), "octets behind the packet")
    promise(len(arrival.packet) <= largest, "a packet that is too large")
    promise(checksum_is_valid(arrival.packet), "a packet with a wrong checksum")
    promise(packet.destination.network != 0 and packet.source.network != 0, "a packet of network 0")


def dosbox(data: bytes) -> None:
    """Clients and strangers at a DOSBox server. Nobody who is no client draws more than twice its octets."""
    server, now = DosboxServer(NETWORK, NODE, b"K" * 16, limit=CLIENTS), 1000.0
    sent: Counter[Endpoint] = Counter()
    drawn: Counter[Endpoint] = Counter()
    for step in steps(data):
        now += step.seconds
        server.advance(now)
        at = (f"198.51.100.{step.source}", 213 + step.choice % 2)
        sent[at] += len(step.data)
        arrival = server.receive_datagram(step.data, at, now)
        _whole(arrival)
        if arrival is not None and arrival.packet[10:16] == BROADCAST:
            server.send_to_all(arrival.packet, besides=arrival.hop)
        server.advance(now)
        clients = {client.address for client in server.clients()}
        promise(len(clients) <= CLIENTS, "more clients than there is room for")
        for outgoing in server.datagrams_to_send():
            drawn[outgoing.address] += len(outgoing.data)
        for stranger in drawn.keys() - clients:
            most = 2 * max(sent[stranger], HEADER_SIZE)
            promise(drawn[stranger] <= most, f"{drawn[stranger]} octets for {sent[stranger]}")
        for client in clients:
            sent[client] += 1 << 30  # it has shown that it receives
        server.events()


def rfc1234(data: bytes) -> None:
    """Peers and strangers at a tunnel, routed and joined as the last octet says."""
    tunnel, now = Tunnel(NETWORK, NODE, "192.0.2.1", 213, joined=bool(data[-1:] > b"\x80")), 1000.0
    tunnel.know(["198.51.100.1", "198.51.100.2"])
    for step in steps(data):
        now += step.seconds
        tunnel.advance(now)
        source = (f"198.51.100.{step.source}", 213 + step.choice // 15)
        _whole(tunnel.receive_datagram(step.data, source, now))
        for outgoing in tunnel.datagrams_to_send():
            promise(outgoing.to[0] in {"198.51.100.1", "198.51.100.2"}, "a datagram to no peer")
        tunnel.events()


def uplink(data: bytes) -> None:
    """What someone else's DOSBox server sends, or whoever took its place; and what our hosts send there."""
    link, now = UplinkClient(NETWORK, NODE, FAR, lambda: 0.5), 1000.0
    link.start(now)
    for step in steps(data):
        now += step.seconds
        link.advance(now)
        if step.choice < 4 and len(step.data) >= HEADER_SIZE:
            link.send(step.data, now)
        else:
            _whole(link.receive_datagram(step.data, step.choice % 4, now))
        link.datagrams_to_send()
        link.events()
        promise(len(link.registrations()) <= 256, "more registrations than allowed")


def lan(data: bytes) -> None:
    """Frames on a LAN; the last octet says: routed or joined, the frame type given or to be found."""
    kind = data[-1] if data else 0
    own = OwnNumbers(NETWORK, NODE, NODE, joined=bool(kind & 1))
    engine, now = LanEngine(own, FrameType.ETHERNET_802_3 if kind & 2 else None, limit=CLIENTS), 1000.0
    engine.start(now)
    for step in steps(data):
        now += step.seconds
        engine.advance(now)
        for arrival in engine.receive_frames([step.data], now):
            _whole(arrival, 1500)
        promise(len(engine.neighbours) <= CLIENTS, "more hosts than there is room for")
        engine.frames_to_send()
        engine.events()


class _Wire:
    """A port and a gateway at once: what a link sends goes nowhere, what it hands on is looked at."""

    def __init__(self) -> None:
        self.endpoint: Endpoint = ("192.0.2.1", 43981)
        self.sent: list[bytes] = []
        self.received: Received = lambda _batch: None

    def open(self, _at: Endpoint, received: Received, **_: object) -> "_Wire":
        """Be the port."""
        self.received = received
        return self

    def send(self, data: bytes, _to: Endpoint) -> bool:
        """Take a datagram."""
        self.sent.append(data)
        return True

    def close(self) -> None:
        """Do nothing."""

    def receive(self, _link: object, batch: Sequence[Arrival]) -> None:
        """Take what a link hands on."""
        for arrival in batch:
            _whole(arrival, 1500)
            promise(arrival.packet[22:28] not in {NODE, BROADCAST}, "a packet from our own number")


def virtual(data: bytes) -> None:
    """Nodes and strangers at the data port of an open domain."""
    wire = _Wire()
    link = VirtualLink(NETWORK, NODE, wire.endpoint, opener=cast("Opener", wire.open))
    link.stranger = lambda said, _source: nearest.answer(said, ("192.0.2.1", 396), PARAMETERS)
    with suppress(StopIteration):
        link.open(cast("Gateway", wire)).send(None)  # nothing in it waits
    link.know({(f"198.51.100.{host}", 43981): bytes((0x7E, 1, 198, 51, 100, host)) for host in range(3)})
    for step in steps(data):
        wire.sent.clear()
        wire.received([(step.data, (f"198.51.100.{step.source}", 43981 + step.choice // 15))])
        promise(sum(map(len, wire.sent)) <= len(step.data), "more octets back than came")


def nearest_query(data: bytes) -> None:
    """A query for a DSS, and what comes as the answer to ours."""
    answered = nearest.answer(data, ("192.0.2.1", 396), PARAMETERS)
    promise(answered is None or len(answered) <= len(data), "an answer longer than its query")
    nearest.read_answer(data, data[10:16])


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "dosbox": dosbox,
    "rfc1234": rfc1234,
    "uplink": uplink,
    "lan": lan,
    "virtual": virtual,
    "nearest-query": nearest_query,
}
