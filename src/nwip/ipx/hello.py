"""What gateways of a domain say to each other on a LAN that they share: payload of packets to socket 4E57.

    offset  octets  field
         0       4  "NWIP"
         4       1  version: 1
         5       8  domain: BLAKE2b with a digest of 8 octets over the name in small letters, UTF-8
        13      16  identity of the node
        29       8  nonce: random, for each link and start; in a server's answer that of the hello it answers
        37       1  state: 1 active, 2 standing by, 3 server, 4 leaving, 5 listening, 6 blocked
        38       1  priority
        39       8  turn: 0 to 2^63-1
        47       4  number: hellos of this nonce so far, this one too; in a server's answer that of the hello
        51       1  0: makes the length even
        52          octets of a later version, ignored

The packet has type 0 and goes from socket 4E57 to socket 4E57 of the broadcast node, on the link's own
network (0 while that is unknown). Its source node is the number under which the gateway alone stands there. A
server's answer goes to the source of the hello. The socket is one that DOS programs may be given too: a
packet without "NWIP" is one of theirs.

A packet with those four octets alone shows switches at which port a node number is from now on. Source: this
project; `docs/links/sharing-a-lan.md`.
"""

from enum import IntEnum
from hashlib import blake2b
from typing import Final, NamedTuple

from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import DESTINATION_SOCKET_OFFSET, HEADER_SIZE, Packet
from nwip.wire import Reader, WireError, Writer

MAGIC: Final = b"NWIP"
VERSION: Final = 1
MOST_TURNS: Final = 2**63 - 1  # what a record of the directory can hold

DOMAIN_SIZE: Final = 8
IDENTITY_SIZE: Final = 16
NONCE_SIZE: Final = 8

_SOCKET: Final = Socket.HELLO.to_bytes(2, "big")


class HelloState(IntEnum):
    """What a gateway is on the link, by its own word; `SERVER` is the answer of a domain's star link."""

    ACTIVE = 1
    STANDING_BY = 2
    SERVER = 3
    LEAVING = 4
    LISTENING = 5
    BLOCKED = 6


class Hello(NamedTuple):
    """One hello, decoded; see the module for its fields."""

    domain: bytes
    identity: bytes
    nonce: bytes
    state: HelloState
    priority: int = 0
    turn: int = 0
    number: int = 0

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview) -> "Hello":
        """Read the payload of a packet. Raises `WireError`; octets behind the last field are ignored."""
        reader = Reader(payload)
        if reader.octets(len(MAGIC)) != MAGIC:
            raise WireError("not a hello")
        version = reader.u8()
        if version != VERSION:
            raise WireError(f"version {version} of hellos is not spoken here, only {VERSION}")
        domain, identity = reader.octets(DOMAIN_SIZE), reader.octets(IDENTITY_SIZE)
        nonce, state, priority = reader.octets(NONCE_SIZE), reader.u8(), reader.u8()
        turn = reader.u32() << 32 | reader.u32()
        number = reader.u32()
        reader.u8()
        if not HelloState.ACTIVE <= state <= HelloState.BLOCKED:
            raise WireError(f"{state} is not a state of a gateway")
        if turn > MOST_TURNS:
            raise WireError(f"turn {turn} is above 2^63-1")
        return cls(domain, identity, nonce, HelloState(state), priority, turn, number)

    def encode(self) -> bytes:
        """Write the payload of a packet. Raises `WireError` for a value that does not fit."""
        if not 0 <= self.turn <= MOST_TURNS:
            raise WireError(f"turn {self.turn} is not from 0 to 2^63-1")
        writer = Writer().octets(MAGIC).u8(VERSION).octets(self.domain, DOMAIN_SIZE)
        writer.octets(self.identity, IDENTITY_SIZE).octets(self.nonce, NONCE_SIZE)
        writer.u8(self.state).u8(self.priority).u32(self.turn >> 32).u32(self.turn & 0xFFFFFFFF)
        return writer.u32(self.number).u8(0).getvalue()

    def packet(self, network: int, station: bytes, to: bytes = BROADCAST_NODE) -> Packet:
        """Put it in a packet on `network` from the node number `station`."""
        return Packet(
            Address(network, to, Socket.HELLO), Address(network, station, Socket.HELLO), payload=self.encode()
        )


def domain_mark(domain: str) -> bytes:
    """Return the 8 octets that stand for a domain's name, in whatever case it is written."""
    return blake2b(domain.casefold().encode(), digest_size=DOMAIN_SIZE).digest()


def server_answer(hello: Hello, domain: str, identity: bytes) -> Hello | None:
    """Make the answer of a star link of the domain to a hello, which shows its sender that it leads back.

    None for what gets no answer: the hello of another domain, a goodbye, and an answer itself. It is as long
    as the hello.
    """
    if hello.domain != domain_mark(domain) or hello.state in (HelloState.SERVER, HelloState.LEAVING):
        return None
    return Hello(hello.domain, identity, hello.nonce, HelloState.SERVER, number=hello.number)


def is_between_gateways(packet: bytes) -> bool:
    """Say whether an encoded packet is for gateways alone: to the socket of hellos, and begins as they do."""
    return (
        packet[DESTINATION_SOCKET_OFFSET : DESTINATION_SOCKET_OFFSET + 2] == _SOCKET
        and packet[HEADER_SIZE : HEADER_SIZE + len(MAGIC)] == MAGIC
    )


def presence(network: int, node: bytes) -> Packet:
    """Make a packet that only shows switches at which port `node` is from now on; nobody takes it."""
    return Packet(
        Address(network, BROADCAST_NODE, Socket.HELLO), Address(network, node, Socket.HELLO), payload=MAGIC
    )
