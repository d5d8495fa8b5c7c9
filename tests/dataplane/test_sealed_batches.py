"""What goes through a sealed domain in batches: that it does, and what is never let through there."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from dataplane.memory_kernel import KernelLoop
from dataplane.scene import ALICE, BOB
from dataplane.sealed_twins import SealedSide, SealedTwins
from dataplane.twins import DATA, FAR_NETWORK, GAMES, HOSTS, PEER_NUMBERS, PEERS, packet
from gateway.world import NETWORK
from nwip.directory.records import Endpoint, Node
from nwip.links.sealed import SealedLink
from nwip.security.sealed.timing import REKEY_AFTER
from security.membership_parts import revocation, signed

BURST = 40


class Scene:
    """Alice and Bob play here, a host behind each of two peers; each way has been taken once."""

    def __init__(self, twins: SealedTwins) -> None:
        self.twins = twins
        (self.fast, _) = twins.sides()
        self.alice, self.bob = (twins.register(place, GAMES[0]) for place in (ALICE, BOB))
        for _ in range(2):
            for host, peer in zip(HOSTS, PEERS, strict=False):
                self.hear(host, peer, 2)
                self.say(host, 2)
                self.same()
        self.looked_at = 0
        link = self.fast.member.gateway.virtual
        assert isinstance(link, SealedLink)
        self.link = link
        take, send = link.take, link.send

        def noting_take(public: bytes | None, packets: Sequence[bytes]) -> None:
            self.looked_at += len(packets)
            take(public, packets)

        def noting_send(data: bytes, hop: object) -> None:
            self.looked_at += 1
            send(data, hop)

        vars(link).update(take=noting_take, send=noting_send)

    def hear(self, source: bytes, peer: Endpoint, count: int = BURST, size: int = 600) -> None:
        """Let packets come from a host or node, by a peer, to Alice."""
        data = [packet(NETWORK, source, NETWORK, self.alice, size=size, mark=mark) for mark in range(count)]
        self.twins.deliver(DATA, [(each, peer) for each in data])

    def say(self, to: bytes, count: int = BURST, size: int = 600) -> None:
        """Let Alice send packets."""
        data = [packet(NETWORK, self.alice, NETWORK, to, size=size, mark=mark) for mark in range(count)]
        self.twins.deliver(GAMES[0], [(each, ALICE) for each in data])

    def same(self) -> None:
        assert not self.twins.differences()

    def links(self) -> list[SealedLink]:
        links = [side.member.gateway.virtual for side in self.twins.sides()]
        return [link for link in links if isinstance(link, SealedLink)]

    def slow_link(self) -> SealedLink:
        return self.links()[1]

    def node_with(self, number: bytes) -> Node:
        return Node(number, "peer 2", [PEERS[2]])

    def heard(self, side: SealedSide) -> int:
        """Return how many packets Alice got."""
        return sum(to == ALICE for _, to, _ in side.host.sent)


def play(work: Callable[[Scene], Awaitable[None]]) -> None:
    async def opened() -> None:
        with pytest.MonkeyPatch.context() as monkeypatch:
            twins = SealedTwins(monkeypatch)
            await twins.open()
            await work(Scene(twins))

    with asyncio.Runner(loop_factory=KernelLoop) as runner:
        runner.run(opened())


@pytest.mark.parametrize("size", [50, 600, 1200])
def test_what_is_known_is_opened_and_sealed_without_a_look_at_single_packets(size: int) -> None:
    async def work(scene: Scene) -> None:
        scene.hear(HOSTS[0], PEERS[0], size=size)
        assert scene.heard(scene.fast) == BURST
        scene.say(HOSTS[0], size=size)
        assert len(scene.fast.said) == BURST
        assert scene.looked_at == 0
        scene.same()
        traffic = scene.link.traffic_with(PEERS[0])
        assert traffic == scene.slow_link().traffic_with(PEERS[0])

    play(work)


def test_who_is_banned_by_address_is_not_heard_in_batches_either() -> None:
    async def work(scene: Scene) -> None:
        port = scene.link._fast
        assert port is not None
        port._keeps_out = lambda ip: ip == PEERS[0][0]
        for count in (1, BURST):
            scene.hear(HOSTS[0], PEERS[0], count)
            assert scene.heard(scene.fast) == 0
        scene.hear(HOSTS[1], PEERS[1])
        assert scene.heard(scene.fast) == BURST

    play(work)


def test_a_batch_for_two_peers_is_sealed_for_each_and_goes_with_few_calls() -> None:
    async def work(scene: Scene) -> None:
        data = [packet(NETWORK, scene.alice, NETWORK, HOSTS[mark % 2], mark=mark) for mark in range(BURST)]
        calls = scene.twins.kernel.calls
        scene.fast.deliver(GAMES[0], [(each, ALICE) for each in data])
        assert scene.twins.kernel.calls <= calls + 2, "one for the batch, and one in return"
        scene.twins.slow.deliver(GAMES[0], [(each, ALICE) for each in data])
        for peer in PEERS[:2]:
            assert sum(to == peer for _, to, _ in scene.fast.said) == BURST // 2
        assert scene.looked_at == 0
        scene.same()

    play(work)


def test_packets_of_many_lengths_are_sealed_together() -> None:
    async def work(scene: Scene) -> None:
        data = [packet(NETWORK, scene.alice, NETWORK, HOSTS[0], size=40 + 7 * mark) for mark in range(BURST)]
        scene.twins.deliver(GAMES[0], [(each, ALICE) for each in data])
        assert len(scene.fast.said) == BURST
        assert scene.looked_at == 0
        scene.same()

    play(work)


def test_what_the_path_does_not_carry_is_split_as_ever() -> None:
    async def work(scene: Scene) -> None:
        for size in (1201, 1424):
            scene.say(HOSTS[0], size=size)
            assert len(scene.fast.said) == BURST
            scene.same()

    play(work)


@pytest.mark.parametrize("place", [0, 1, BURST // 2, BURST - 1])
def test_one_datagram_that_was_altered_is_lost_and_no_other(place: int) -> None:
    async def work(scene: Scene) -> None:
        for octet in (0, 4, 8, 15, 16, 40, -1):
            drops = dict(scene.link.counters.drops)
            for side in scene.twins.sides():
                data = packet(NETWORK, HOSTS[0], NETWORK, scene.alice)
                sealed = side._sealed([(data, PEERS[0])] * BURST)
                bad = bytearray(sealed[place][0])
                bad[octet] ^= 1
                sealed[place] = bytes(bad), PEERS[0]
                side.host.deliver(DATA, sealed)
                side.settle()
            assert scene.heard(scene.fast) == BURST - 1
            assert sum(scene.link.counters.drops.values()) == sum(drops.values()) + 1
            scene.same()

    play(work)


def test_nothing_is_taken_twice_alone_or_in_a_burst() -> None:
    async def work(scene: Scene) -> None:
        data = packet(NETWORK, HOSTS[0], NETWORK, scene.alice)
        sealed = scene.fast._sealed([(data, PEERS[0])] * BURST)
        scene.fast.host.deliver(DATA, sealed)
        assert scene.heard(scene.fast) == BURST
        for again in (sealed, sealed[:1], sealed[3:20], sealed[::-1]):
            scene.fast.host.deliver(DATA, again)
        assert scene.heard(scene.fast) == BURST
        assert scene.link.counters.drops["data"] == 2 * BURST + 1 + 17

    play(work)


def test_a_plain_packet_is_never_taken_not_even_of_a_known_flow_and_in_a_burst() -> None:
    async def work(scene: Scene) -> None:
        data = packet(NETWORK, HOSTS[0], NETWORK, scene.alice)
        for count in (1, 2, BURST):
            scene.fast.host.deliver(DATA, [(data, PEERS[0])] * count)
        assert scene.heard(scene.fast) == 0
        assert scene.link.counters.drops["not sealed"] == 3 + BURST
        mixed = scene.fast._sealed([(data, PEERS[0])] * BURST)
        alike = data.ljust(len(mixed[0][0]), b"x"), PEERS[0]
        scene.fast.host.deliver(DATA, [*mixed[:9], alike, *mixed[9:]])
        assert scene.heard(scene.fast) == BURST

    play(work)


def test_no_peer_speaks_for_another_node_or_for_a_host_that_is_elsewhere() -> None:
    async def work(scene: Scene) -> None:
        for source in (PEER_NUMBERS[0], scene.link.node, scene.bob):
            scene.hear(source, PEERS[1])
            assert scene.link.counters.drops.get("source of another node", 0) <= 2 * BURST
            scene.same()
        assert scene.link.counters.drops["source of another node"] == 2 * BURST
        scene.looked_at = 0
        scene.hear(HOSTS[0], PEERS[1])
        assert scene.looked_at, "the first packet from elsewhere is looked at"
        scene.same()

    play(work)


def test_a_key_says_who_a_peer_is_and_no_address_that_its_datagrams_come_from() -> None:
    async def work(scene: Scene) -> None:
        data = packet(NETWORK, HOSTS[0], NETWORK, scene.alice)
        before = scene.link.traffic_with(PEERS[0]).packets_in
        for side in scene.twins.sides():
            roaming = [(each, ("198.51.100.9", 5)) for each, _ in side._sealed([(data, PEERS[0])] * BURST)]
            side.host.deliver(DATA, roaming)
        assert scene.heard(scene.fast) == BURST
        assert scene.looked_at == 0
        assert scene.link.traffic_with(PEERS[0]).packets_in == before + BURST
        scene.same()
        for side in scene.twins.sides():
            borrowed = [(each, PEERS[0]) for each, _ in side._sealed([(data, PEERS[1])] * BURST)]
            side.host.deliver(DATA, borrowed)
        assert scene.looked_at, "the host is behind another node"
        scene.same()

    play(work)


def test_a_source_that_was_believed_is_looked_at_again_when_a_node_takes_its_number() -> None:
    async def work(scene: Scene) -> None:
        scene.hear(HOSTS[1], PEERS[1])
        scene.same()
        scene.twins.publish(2, scene.node_with(HOSTS[1]))
        scene.hear(HOSTS[1], PEERS[1])
        assert scene.heard(scene.fast) == 0
        assert scene.link.counters.drops["source of another node"] == BURST
        scene.same()

    play(work)


def test_a_node_number_is_its_own_on_every_network_from_the_moment_that_it_is_one() -> None:
    async def work(scene: Scene) -> None:
        number = PEER_NUMBERS[2]
        data = packet(FAR_NETWORK, number, NETWORK, scene.alice)
        for _ in range(2):
            scene.twins.deliver(DATA, [(data, PEERS[0])] * BURST)
        assert scene.heard(scene.fast) == 2 * BURST
        scene.same()
        scene.twins.publish(2, scene.node_with(number))
        scene.twins.deliver(DATA, [(data, PEERS[0])] * BURST)
        assert scene.heard(scene.fast) == 0
        scene.same()

    play(work)


def test_what_is_for_someone_who_was_revoked_is_counted_as_such() -> None:
    async def work(scene: Scene) -> None:
        for side in scene.twins.sides():
            side.domain.roster.merge(signed(revocation("one", 2)))
        scene.say(HOSTS[0])
        assert scene.link.counters.drops["nobody to seal it for"] == BURST
        assert scene.fast.said == []
        scene.same()

    play(work)


def test_who_is_revoked_in_the_middle_of_a_batch_is_not_heard_from_there_on() -> None:
    async def work(scene: Scene) -> None:
        stranger = b"\2strng"
        known = packet(NETWORK, HOSTS[0], NETWORK, scene.alice)
        unknown = packet(NETWORK, stranger, NETWORK, scene.alice)
        receive = scene.fast.member.gateway.receive

        def revoking(link: object, batch: object) -> None:
            scene.fast.domain.roster.merge(signed(revocation("one", 2)))
            receive(link, batch)  # type: ignore[arg-type] # as given

        vars(scene.fast.member.gateway)["receive"] = revoking
        sealed = scene.fast._sealed([(each, PEERS[0]) for each in [unknown] + [known] * 383])
        scene.fast.host.deliver(DATA, sealed)
        before = scene.heard(scene.fast)
        assert before == 128, "what was opened before is his who was a member then"
        scene.fast.host.deliver(DATA, scene.fast._sealed([(known, PEERS[0])] * BURST))
        assert scene.heard(scene.fast) == before
        scene.fast.said.clear()
        scene.fast.deliver(GAMES[0], [(packet(NETWORK, scene.alice, NETWORK, HOSTS[0]), ALICE)] * BURST)
        assert scene.fast.said == []
        assert scene.link.spot(PEERS[0]) is None

    play(work)


def test_a_tunnel_gets_new_keys_while_batches_go_on() -> None:
    async def work(scene: Scene) -> None:
        handshakes = scene.link._handshakes
        for _ in range(4):
            await scene.twins.pass_time(REKEY_AFTER / 2 + 1, step=30.0)
            scene.say(HOSTS[0])
            scene.hear(HOSTS[0], PEERS[0])
            scene.same()
        assert scene.link._handshakes > handshakes

    play(work)


def test_what_the_kernel_refuses_is_counted_and_large_ones_go_in_parts_from_then_on() -> None:
    async def work(scene: Scene) -> None:
        for _ in range(2):
            scene.say(HOSTS[0], size=1400)
            scene.same()
        for side in scene.twins.sides():
            side.host.refused.add(PEERS[0])
        scene.say(HOSTS[0], size=1400)
        drops = [link.counters.drops["refused by the kernel"] for link in scene.links()]
        assert drops == [BURST, BURST]
        for side in scene.twins.sides():
            side.host.refused.clear()
        scene.say(HOSTS[0], size=1400)
        assert len(scene.fast.said) == BURST
        scene.same()

    play(work)


def test_no_datagram_is_larger_than_the_path_has_shown_to_carry() -> None:
    async def work(scene: Scene) -> None:
        for side in scene.twins.sides():
            side.host.largest = 1300
        for _ in range(3):
            scene.say(HOSTS[0], size=1400)
            assert len(scene.fast.said) == BURST
            scene.same()

    play(work)


def test_a_path_that_has_become_narrow_is_noticed_by_what_the_kernel_refuses_of_a_batch() -> None:
    async def work(scene: Scene) -> None:
        for _ in range(2):
            scene.say(HOSTS[0], size=1400)
            scene.same()
        for side in scene.twins.sides():
            side.host.largest = 1300
        scene.say(HOSTS[0], size=1400)
        assert scene.link.counters.drops["refused by the kernel"] == BURST
        scene.same()
        scene.say(HOSTS[0], size=1400)
        assert len(scene.fast.said) == BURST
        scene.same()

    play(work)
