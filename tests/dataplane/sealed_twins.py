"""Two identical gateways of a sealed domain, whose peers seal and open as real ones do.

Each side has peers of its own, with the same keys, because a tunnel is between two. A peer is heard from
where its record says that it is.
"""

import pytest

from dataplane.histories import History
from dataplane.memory_kernel import MemoryKernel, Sent
from dataplane.twins import DATA, HOSTS, PEERS, Side, Twins, packet
from gateway.world import NETWORK, Domain
from nwip.directory.records import Endpoint, Node, Value
from nwip.ipx.address import BROADCAST_NODE
from nwip.links.domain_link import DomainLink
from nwip.links.sealed import SealedLink
from nwip.security.domain_secrets import DomainSecrets
from nwip.security.membership import Membership
from nwip.security.roster import Roster
from nwip.security.sealed.engine import SealedPackets
from nwip.security.sealed.tunnels import Tunnels
from security.membership_parts import AUTHORITY, DOMAIN, Chance, key, member, revocation, signed

NAMES = ["one", "two", "three"]
OURS = "gateway"
MOST_ROUNDS = 100  # until nobody has anything to say any more


class SealedDomain(Domain):
    def link(self, number: bytes, at: Endpoint, broadcast_to: Endpoint | None) -> DomainLink:
        assert broadcast_to is None
        self.roster = Roster(AUTHORITY.public, DOMAIN)
        for name in (OURS, *NAMES):
            self.roster.merge(signed(member(name)))
        secrets = DomainSecrets([(1, b"s" * 32)])
        membership = Membership(key(OURS), DOMAIN, AUTHORITY.public, self.roster, secrets)
        return SealedLink(NETWORK, number, at, membership, opener=self.wire.open)


class SealedSide(Side):
    """One of the two. `said` are the packets that its peers got."""

    domain: SealedDomain

    def __init__(self, kernel: MemoryKernel, *, batched: bool) -> None:
        super().__init__(kernel, batched=batched)
        self.now = kernel.loop.time
        self.said: list[Sent] = []
        self.homes = dict(enumerate(PEERS))
        self.mischief = 0
        self.last: list[tuple[bytes, Endpoint]] = []
        self.engines = [self._engine(name) for name in NAMES]

    def make_domain(self) -> Domain:
        return SealedDomain()

    def _engine(self, name: str) -> SealedPackets:
        secrets = DomainSecrets([(1, b"s" * 32)])
        tunnels = Tunnels(key(name), DOMAIN, secrets, lambda _: True, Chance())
        engine = SealedPackets(tunnels)
        engine.know({key(OURS).public: DATA}, self.now())
        return engine

    def _peer_at(self, endpoint: Endpoint) -> int:
        return next((peer for peer, home in self.homes.items() if home == endpoint), PEERS.index(endpoint))

    def deliver(self, at: Endpoint, datagrams: list[tuple[bytes, Endpoint]]) -> None:
        """Let packets arrive; at the data port each sealed by the peer that is where it comes from."""
        if at == DATA:
            datagrams = self._sealed(datagrams)
        self.host.deliver(at, self._tampered(datagrams) if at == DATA else datagrams)
        self.settle()

    def _sealed(self, packets: list[tuple[bytes, Endpoint]]) -> list[tuple[bytes, Endpoint]]:
        sealed: list[tuple[bytes, Endpoint]] = []
        for data, address in packets:
            engine = self.engines[self._peer_at(address)]
            found = engine.send(key(OURS).public, [data], self.now())
            sealed += [(datagram, address) for datagram in found.datagrams]
        return sealed

    def _tampered(self, datagrams: list[tuple[bytes, Endpoint]]) -> list[tuple[bytes, Endpoint]]:
        """Return what whoever is on the way makes of it, once: see `then_tamper`."""
        mischief, self.mischief = self.mischief, 0
        at = mischief // 5 % max(1, len(datagrams))
        before, self.last = self.last, datagrams
        if not mischief or not datagrams:
            return datagrams
        data, source = datagrams[at]
        octet = mischief * 7 % len(data)
        altered = data[:octet] + bytes((data[octet] ^ 1,)) + data[octet + 1 :]
        plain = packet(NETWORK, HOSTS[0], NETWORK, BROADCAST_NODE)
        match mischief % 5:
            case 0:
                return [*datagrams[:at], (altered, source), *datagrams[at:]]
            case 1:
                return [*datagrams[:at], (altered, source), *datagrams[at + 1 :]]
            case 2:
                return [*datagrams[:at], (data, source), *datagrams[at:], *before]
            case 3:
                return [*datagrams[:at], (plain, source), *datagrams[at:]]
            case _:
                return [*datagrams[at:], *datagrams[:at]]

    def settle(self) -> None:
        """Let all hear what is said to them, until nothing is."""
        virtual = self.member.gateway.virtual
        assert isinstance(virtual, SealedLink)
        for _ in range(MOST_ROUNDS):
            virtual.flush()
            heard = [sent for sent in self.host.sent if sent.source == DATA]
            self.host.sent[:] = [sent for sent in self.host.sent if sent.source != DATA]
            for _, to, data in heard:
                engine = self.engines[self._peer_at(to)]
                for _, packets in engine.receive([(data, DATA)], self.now()):
                    self.said += [Sent(DATA, to, octets) for octets in packets]
            answers = [
                (data, self.homes[peer])
                for peer, engine in enumerate(self.engines)
                for data, _ in engine.datagrams_to_send()
            ]
            self.host.deliver(DATA, answers)
            if not heard and not answers:
                return
        raise AssertionError("they never stop")

    def sent(self) -> list[Sent]:
        return [*self.host.sent, *self.said]

    def forget_sent(self) -> None:
        super().forget_sent()
        self.said.clear()


class SealedTwins(Twins):
    side = SealedSide

    def sides(self) -> list[SealedSide]:
        return [side for side in (self.fast, self.slow) if isinstance(side, SealedSide)]

    async def open(self) -> None:
        await super().open()
        self.settle()

    def settle(self) -> None:
        for side in self.sides():
            for engine in side.engines:
                engine.advance(side.now())
            side.settle()

    def owner(self, peer: int) -> bytes:
        return key(NAMES[peer]).identity

    def publish(self, peer: int, value: Value) -> None:
        if isinstance(value, Node):
            for side in self.sides():
                side.homes[peer] = value.endpoints[0]
        super().publish(peer, value)
        self.settle()

    async def pass_time(self, seconds: float, step: float = 5.0) -> None:
        while seconds > 0:
            await super().pass_time(min(step, seconds), step)
            seconds -= step
            self.settle()


class SealedHistory(History):
    """What happens to them besides."""

    def __init__(self, twins: SealedTwins) -> None:
        super().__init__(twins)
        self.sealed = twins

    def then_tamper(self, which: int) -> None:
        """Let a datagram of the next batch be altered, repeated or overtaken, or a plain one come with it."""
        for side in self.sealed.sides():
            side.mischief = which + 1

    def then_revoke(self, which: int) -> None:
        """One of the other nodes is no member any more: seldom, since none becomes one again."""
        if which % 3 == 0:
            for side in self.sealed.sides():
                side.domain.roster.merge(signed(revocation(NAMES[which // 3 % 3], 2)))
            self.sealed.settle()


def sealed_twins(monkeypatch: pytest.MonkeyPatch) -> SealedTwins:
    return SealedTwins(monkeypatch)
