"""What sealing costs by itself: the AEAD of the package cryptography, and handshakes. No sockets."""

import secrets
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from nwip.bench.error import BenchError
from nwip.directory.records import Endpoint
from nwip.security.keys import KeyPair
from nwip.security.sealed.engine import SealedPackets
from nwip.security.sealed.tunnels import Tunnels

BATCH: Final = 64  # packets

_HERE: Final[Endpoint] = ("192.0.2.1", 43981)
_THERE: Final[Endpoint] = ("192.0.2.2", 43981)
_PACKET: Final = b"\xff\xff"


class Aead(NamedTuple):
    """Nanoseconds of CPU time of one call for a packet, to seal and to open."""

    seal: float
    open: float


class _Secret:
    """A domain with one secret."""

    current = (1, bytes(32))

    def of_epoch(self, epoch: int, now: float) -> bytes | None:
        """Return the secret, whatever the time."""
        return bytes(32) if (epoch, now >= 0) == (1, True) else None


class Party(NamedTuple):
    """A node that talks to anybody."""

    key: KeyPair
    engine: SealedPackets


def party() -> Party:
    """Return a fresh one."""
    key = KeyPair.generate()
    tunnels = Tunnels(key, "bench.test", _Secret(), lambda _public: True, secrets.token_bytes)
    return Party(key, SealedPackets(tunnels))


def aead(octets: int, seconds: float) -> Aead:
    """Seal and open packets of a size with nothing but the AEAD, over and over."""
    cipher = ChaCha20Poly1305(secrets.token_bytes(32))
    encrypt, decrypt = cipher.encrypt, cipher.decrypt
    packets = [secrets.token_bytes(octets) for _ in range(BATCH)]
    nonces = [number.to_bytes(12, "little") for number in range(BATCH)]
    sealing = opening = batches = 0
    end = time.perf_counter() + seconds
    while not batches or time.perf_counter() < end:
        begun = time.process_time_ns()
        sealed = [encrypt(nonce, packet, None) for nonce, packet in zip(nonces, packets, strict=True)]
        between = time.process_time_ns()
        opened = [decrypt(nonce, packet, None) for nonce, packet in zip(nonces, sealed, strict=True)]
        opening += time.process_time_ns() - between
        sealing += between - begun
        batches += 1
        if opened != packets:
            raise BenchError("the AEAD does not open what it has sealed")
    return Aead(sealing / batches / BATCH, opening / batches / BATCH)


def pass_on(engine: SealedPackets, to: SealedPackets, source: Endpoint, now: float) -> list[bytes]:
    """Give the one what the other has to send; return the packets that came of it."""
    batch = [(data, source) for data, _ in engine.datagrams_to_send()]
    return [packet for _, packets in to.receive(batch, now) for packet in packets]


def shake_hands(one: Party, other: Party, now: float) -> None:
    """Go through one handshake, up to the first packet."""
    one.engine.send(other.key.public, [_PACKET], now)
    pass_on(one.engine, other.engine, _HERE, now)
    pass_on(other.engine, one.engine, _THERE, now)
    if pass_on(one.engine, other.engine, _HERE, now) != [_PACKET]:
        raise BenchError("a handshake came to nothing")


def handshakes(count: int) -> float:
    """Return the handshakes a second that one process does for both sides."""
    one, other = party(), party()
    one.engine.know({other.key.public: _THERE}, 0.0)

    def run() -> None:
        for now in range(10, 10 * count + 10, 10):
            one.engine.know({}, now)
            one.engine.forget(other.key.public, now)
            one.engine.know({other.key.public: _THERE}, now)
            shake_hands(one, other, now)

    return count / cpu(run)


def cpu(call: Callable[[], object]) -> float:
    """Return the seconds of CPU time that a call takes."""
    began = time.process_time()
    call()
    return time.process_time() - began
