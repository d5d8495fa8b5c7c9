"""What sealing costs: packets beside the bare AEAD, handshakes, and datagrams of strangers.

Prints a table, or with --json one object. One process, no sockets: what is measured is CPU time. A packet is
set against ChaCha20-Poly1305 of the package cryptography on the same octets, in turn in the same run
(A B A B, medians).
"""

import argparse
import json
import secrets
import statistics

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from nwip.bench.sealing import Party, cpu, handshakes, party, shake_hands
from nwip.security.sealed.framing import Initiation
from nwip.security.sealed.macs import Macs

SIZES = (64, 576, 1200)
BATCH = 64
HERE, THERE, ELSEWHERE = ("192.0.2.1", 43981), ("192.0.2.2", 43981), ("198.51.100.1", 1)


def joined() -> tuple[Party, Party]:
    """Return two nodes with a tunnel between them."""
    one, other = party(), party()
    one.engine.know({other.key.public: THERE}, 0.0)
    other.engine.know({one.key.public: HERE}, 0.0)
    shake_hands(one, other, 0.0)
    return one, other


class Costs:
    """What packets of one size cost, sealed and opened, and by the bare AEAD, a batch of each in turn."""

    def __init__(self, size: int) -> None:
        self.one, self.other = joined()
        self.packets = [b"\xff\xff" + secrets.token_bytes(size - 2) for _ in range(BATCH)]
        self.aead, self.nonce = ChaCha20Poly1305(bytes(32)), bytes(12)
        self.closed: list[bytes] = []
        self.sealed: list[bytes] = []

    def measure(self, rounds: int) -> dict[str, float]:
        """Return microseconds for each packet, the medians of batches."""
        calls = {
            "seal": self.seal,
            "bare_seal": self.bare_seal,
            "open": self.open,
            "bare_open": self.bare_open,
        }
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(rounds):
            for name, call in calls.items():
                times[name].append(cpu(call) / BATCH * 1e6)
        return {name: round(statistics.median(values), 3) for name, values in times.items()}

    def seal(self) -> None:
        """Seal packets."""
        self.sealed, _ = self.one.engine.send(self.other.key.public, self.packets, 1.0)

    def open(self) -> None:
        """Open what was sealed, each with the address that a port gives it."""
        came = self.other.engine.receive([(datagram, HERE) for datagram in self.sealed], 1.0)
        if [len(packets) for _, packets in came] != [BATCH]:
            raise SystemExit("packets were lost")

    def bare_seal(self) -> None:
        """Do the same with nothing but the AEAD."""
        encrypt, nonce = self.aead.encrypt, self.nonce
        self.closed = [encrypt(nonce, packet, None) for packet in self.packets]

    def bare_open(self) -> None:
        """Likewise."""
        decrypt, nonce = self.aead.decrypt, self.nonce
        self.opened = [decrypt(nonce, datagram, None) for datagram in self.closed]


def refusals(count: int, kind: str) -> float:
    """Return how many datagrams of strangers a second are disposed of."""
    target = party()
    forged = [Initiation(number, secrets.token_bytes(101)).encode() for number in range(count)]
    macs = Macs(target.key.public if kind != "wrong mac1" else bytes(32))
    plain = [b"\xff\xff" + secrets.token_bytes(139) for _ in range(count)]
    batch = plain if kind == "plain" else [macs.add(body) for body in forged]

    def run() -> None:
        for data in batch:
            target.engine.receive([(data, ELSEWHERE)], 0.0)
            target.engine.datagrams_to_send()

    return count / cpu(run)


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description="What sealing costs.")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="just see that it works")
    options = parser.parse_args()
    rounds, count = (10, 20) if options.quick else (1000, 1000)
    packets = {str(size): Costs(size).measure(rounds) for size in SIZES}
    per_second = round(handshakes(count))
    refused = {kind: round(refusals(count * 5, kind)) for kind in ("plain", "wrong mac1", "under load")}
    if options.json:
        told = {"packets_us": packets, "handshakes_a_second": per_second, "refused_a_second": refused}
        print(json.dumps({"schema": 1, **told}))
        return
    print("microseconds of CPU a packet, in batches of", BATCH)
    for size, costs in packets.items():
        print(f"{size:>6} octets", *(f"{name} {value:.2f}" for name, value in costs.items()), sep="   ")
    print("handshakes a second, both sides in one process:", per_second)
    print("datagrams of strangers refused a second:", refused)


if __name__ == "__main__":
    main()
