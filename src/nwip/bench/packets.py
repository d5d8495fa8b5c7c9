"""The packets of a load, made before it starts, and the three kinds of sender that send them."""

import struct
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, Protocol

from nwip.bench.clients import WINDOW
from nwip.bench.messages import BATCH, Messages, set_column
from nwip.bench.ways import Way
from nwip.dataplane.kernel import SOL_UDP, UDP_SEGMENT
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import HEADER_SIZE, Packet

GAME_SOCKET: Final = 0x4003  # of the range for programs of the moment
SMALLEST: Final = HEADER_SIZE + 1
LARGEST: Final = 1424  # DOSBox's own limit
LONGEST_BURST: Final = 65000  # octets with UDP_SEGMENT
USUAL: Final = 9  # packets of a mix for one that is not
NOBODY: Final = b"\x02\xee\xee\xee\xee\xee"  # a node number that no client has
NOT_COUNTED: Final = 0  # the mark of packets that no sink waits for


class Sender(Protocol):
    """Something that sends packets whose first octet behind the header is `mark`, `size` octets each.

    Each makes `fan` packets at the receivers.
    """

    size: int
    mark: int
    fan: int

    def send(self, limit: int) -> int:
        """Send at most so many packets, at once; return how many of those that are counted went out."""
        ...


class Ring:
    """Sends prebuilt packets over and over, in batches; `head` is what a LAN puts before each."""

    fan = 1

    def __init__(
        self, way: Way, packets: Sequence[bytes], size: int, mark: int, *, head: bytes = b""
    ) -> None:
        self.size, self.mark = size, mark
        self._descriptor = way.clients.sender.fileno()
        packets = list(packets) * -(-WINDOW // len(packets))
        stride = len(head) + max(map(len, packets))
        buffer = bytearray(b"".join((head + packet).ljust(stride, b"\0") for packet in packets))
        self._messages = Messages(len(packets), buffer, stride, stride)
        set_column(self._messages.sizes, [len(head) + len(packet) for packet in packets])
        counted = (packet[HEADER_SIZE : HEADER_SIZE + 1] == bytes([mark]) for packet in packets)
        self._counted = list(accumulate(counted, initial=0))
        self._at = 0

    def send(self, limit: int) -> int:
        """Send the next packets, at most so many and at most a batch."""
        at, count = self._at, min(limit, BATCH, self._messages.count - self._at)
        try:
            end = at + self._messages.send(self._descriptor, at, count)
        except OSError:  # nobody listens any more, or no room: what was not sent is sent later
            return 0
        self._at = end % self._messages.count
        return self._counted[end] - self._counted[at]


class Burst:
    """Sends equal packets to one peer in bursts that the kernel cuts up (`UDP_SEGMENT`)."""

    fan = 1

    def __init__(self, way: Way, packet: bytes, mark: int) -> None:
        self.size, self.mark = len(packet), mark
        self._socket = way.clients.sender
        self._most = min(BATCH, LONGEST_BURST // len(packet))
        self._octets = memoryview(packet * self._most)
        self._ancillary = [(SOL_UDP, UDP_SEGMENT, struct.pack("=H", len(packet)))]

    def send(self, limit: int) -> int:
        """Send one burst of at most so many."""
        count = min(limit, self._most)
        try:
            self._socket.sendmsg([self._octets[: count * self.size]], self._ancillary)
        except OSError:
            return 0
        return count


def packet(way: Way, node: bytes, size: int, mark: int, *, network: bytes | None = None) -> bytes:
    """Return a packet of client 0, as DOSBox makes them: its own network's number on both sides."""
    number = int.from_bytes(way.network if network is None else network, "big")
    source = Address(number, way.nodes[0], GAME_SOCKET)
    payload = bytes([mark]).ljust(size - HEADER_SIZE, b"\0")
    return Packet(Address(number, node, GAME_SOCKET), source, packet_type=4, payload=payload).encode()


def to_peers(way: Way, size: int, peers: int, mark: int, *, network: bytes | None = None) -> Ring:
    """Return a sender of packets to receivers 1 to `peers`, in turn."""
    first, second = packet(way, bytes(6), size, mark, network=network), slice(16, None)
    made = [first[:10] + node + first[second] for node in way.nodes[1 : peers + 1]]
    return Ring(way, made, size, mark)


def broadcasts(way: Way, size: int, mark: int) -> Ring:
    """Return a sender of broadcasts to all receivers."""
    ring = Ring(way, [packet(way, BROADCAST_NODE, size, mark)], size, mark)
    ring.fan = len(way.nodes) - 1
    return ring


def bursts(way: Way, size: int, mark: int) -> Burst:
    """Return a sender of bursts to receiver 1."""
    return Burst(way, packet(way, way.nodes[1], size, mark), mark)


def unusual(way: Way, size: int, mark: int) -> list[bytes]:
    """Return packets that no whole batch may have in it: a ping, one to nobody, one cut short."""
    number = int.from_bytes(way.network, "big")
    whole = packet(way, way.nodes[1], size, mark)
    here, there = Address(number, way.nodes[0], GAME_SOCKET), Address(number, way.nodes[1], Socket.ECHO)
    return [
        Packet(there, here, payload=bytes([mark])).encode(),
        packet(way, NOBODY, size, mark),
        whole[:2] + (size + 1).to_bytes(2, "big") + whole[4:],
    ]


def unusual_alone(way: Way, size: int, mark: int) -> Ring:
    """Return a sender of unusual packets only; none of them arrives as a packet of this size."""
    return Ring(way, unusual(way, size, mark), size, mark)


def mixed(way: Way, size: int, peers: int, mark: int) -> Ring:
    """Return a sender of packets to receivers of which each tenth is an unusual one, that is not counted."""
    odd = unusual(way, size, NOT_COUNTED)
    made: list[bytes] = []
    for turn, node in enumerate(way.nodes[1 : peers + 1] * (USUAL * len(odd))):
        made.append(packet(way, node, size, mark))
        if turn % USUAL == USUAL - 1:
            made.append(odd[turn // USUAL % len(odd)])
    return Ring(way, made, size, mark)
