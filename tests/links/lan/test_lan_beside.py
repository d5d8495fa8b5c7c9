"""What a LAN's engine is told of frames that passed beside it, on a clock of our own."""

from links.lan.lan_world import CARD, NETWORK, REMOTE, SHARED, A, B, engine, frame, packet
from nwip.ipx.address import Address
from nwip.ipx.frames import FrameType
from nwip.ipx.packet import Packet
from nwip.links.lan.beside import Beside
from nwip.links.lan.engine import LanEngine
from nwip.links.lan.events import Joined, Left
from nwip.links.lan.neighbours import FRESH, SILENCE, Neighbours
from nwip.links.lan.own_numbers import ECHO_WINDOW


class Passed:
    """What has passed: packets of each host, and when the last did."""

    def __init__(self) -> None:
        self.packets: dict[bytes, int] = {}
        self.taken_at = 0.0

    def taken(self, node: bytes) -> int:
        return self.packets.get(node, 0)

    def note(self, node: bytes, now: float) -> None:
        self.packets[node] = self.taken(node) + 1
        self.taken_at = now


def hosts() -> tuple[Neighbours, Passed]:
    neighbours, passed = Neighbours(), Passed()
    neighbours.beside = passed
    for node in (A, B):
        assert neighbours.hear(node, 0.0) is None
    neighbours.events()
    return neighbours, passed


def test_a_host_of_which_everything_passes_does_not_age() -> None:
    neighbours, passed = hosts()
    passed.note(A, SILENCE - 1)
    neighbours.advance(SILENCE)
    assert neighbours.events() == [Left(B, "silent")]
    assert A in neighbours
    neighbours.advance(2 * SILENCE - 1.5)
    assert A in neighbours
    due = neighbours.next_deadline()
    assert due is not None
    neighbours.advance(due)
    assert neighbours.events() == [Left(A, "silent")]


def test_a_host_of_which_something_passed_just_now_can_be_nowhere_else() -> None:
    neighbours, passed = hosts()
    assert not neighbours.is_here(A, 100.0)
    passed.note(A, 99.0)
    assert neighbours.is_here(A, 100.0)
    assert not neighbours.is_here(B, 100.0)
    assert not neighbours.is_here(A, 99.0 + FRESH)


def test_what_passed_before_a_review_is_not_taken_for_later() -> None:
    neighbours, passed = hosts()
    passed.note(A, 50.0)
    neighbours.review()
    passed.note(B, 90.0)
    assert neighbours.is_here(A, 59.0)
    assert not neighbours.is_here(A, 91.0)


def test_a_host_that_moves_while_its_packets_pass_may_still_be_heard_for_a_moment() -> None:
    neighbours, passed = hosts()
    passed.note(A, 100.0)
    neighbours.release(A)
    assert neighbours.is_here(A, 100.5)
    assert not neighbours.is_here(A, 101.5)


def joined() -> tuple[LanEngine, Beside]:
    made = engine(FrameType.ETHERNET_II, joined=True)
    return made, Beside(made, lambda: None)


def of_remote(source: bytes = REMOTE) -> bytes:
    return packet(A, source, network=NETWORK, source_network=NETWORK).encode()


def test_a_frame_from_whom_frames_were_sent_unseen_is_our_own_for_as_long_as_an_echo_takes() -> None:
    made, beside = joined()
    place = beside.place(A, of_remote(), 0.0)
    assert place is not None
    assert place.target is beside.port.by_source
    beside.note_sending({REMOTE}, 10.0)
    echo = frame(packet(A, REMOTE), to=SHARED, frame_type=FrameType.ETHERNET_II)
    assert made.receive_frames([echo], 10.0 + ECHO_WINDOW - 0.1) == []
    assert made.counters.drops == {"own frame came back": 1}
    beside.note_sending({B}, 11.0)
    assert len(made.receive_frames([echo], 10.0 + ECHO_WINDOW)) == 1
    assert made.events() == [Joined(REMOTE)]
    assert beside.place(A, of_remote(), 31.0) is None


def test_frames_are_not_sent_unseen_in_the_name_of_who_may_be_here() -> None:
    made, beside = joined()
    heard = frame(packet(REMOTE, A), to=SHARED, frame_type=FrameType.ETHERNET_II)
    made.receive_frames([heard], 0.0)
    assert beside.place(B, of_remote(A), FRESH + 1) is None
    assert beside.place(B, of_remote(CARD), 0.0) is None
    assert beside.place(B, of_remote(b"\xff" * 6), 0.0) is None
    elsewhere = Packet(Address(NETWORK, A, 1), Address(9, A, 1), 0, b"").encode()
    place = beside.place(B, elsewhere, 0.0)
    assert place is not None
    assert place.target is beside.port


def test_nothing_is_remembered_of_a_frame_type_that_is_only_supposed_nor_of_what_does_not_fit() -> None:
    _, beside = joined()
    large = packet(A, REMOTE, payload=bytes(1471)).encode()
    assert beside.place(A, large, 0.0) is None
    assert beside.spot(A) is not None
    supposed = engine(None)
    supposed.advance(6.0)
    assert supposed.types.spoken is FrameType.ETHERNET_802_2
    assert Beside(supposed, lambda: None).spot(A) is None
