"""The fake of a medium behaves like a segment of Ethernet."""

from collections.abc import Sequence

import pytest

from nwip.links.lan.medium import Medium
from nwip.links.lan.segment import Segment

A, B, C = (bytes([2, 0, 0, 0, 0, last]) for last in (1, 2, 3))
EVERYONE = b"\xff" * 6


async def heard_by(medium: Medium) -> list[bytes]:
    frames: list[bytes] = []
    await medium.open(frames.extend)
    return frames


@pytest.mark.asyncio
async def test_a_frame_reaches_its_address_and_whoever_hears_everything_but_not_its_sender() -> None:
    segment = Segment()
    media = [segment.medium(A), segment.medium(B), segment.medium(C), segment.medium(None)]
    at_a, at_b, at_c, at_wire = [await heard_by(medium) for medium in media]
    to_b, to_all = B + A + b"one", EVERYONE + A + b"two"
    assert media[0].send(to_b)
    assert media[0].send(to_all)
    assert (at_a, at_b, at_c, at_wire) == ([], [to_b, to_all], [to_all], [to_b, to_all])


@pytest.mark.asyncio
async def test_a_further_address_is_heard_once_it_is_accepted() -> None:
    segment = Segment()
    sender, hearer = segment.medium(A), segment.medium(B)
    await heard_by(sender)
    frames = await heard_by(hearer)
    sender.send(C + A)
    hearer.accept(C)
    sender.send(C + A + b"again")
    assert frames == [C + A + b"again"]


@pytest.mark.asyncio
async def test_an_answer_follows_its_question_at_every_station() -> None:
    segment = Segment()
    asker, answerer, witness = segment.medium(A), segment.medium(B), segment.medium(C, promiscuous=True)
    await heard_by(asker)

    def reply(_frames: Sequence[bytes]) -> None:
        answerer.send(A + B + b"answer")

    await answerer.open(reply)
    frames = await heard_by(witness)
    asker.send(B + A + b"question")
    assert frames == [B + A + b"question", A + B + b"answer"]


@pytest.mark.asyncio
async def test_with_the_cable_out_nothing_is_taken_and_nothing_heard() -> None:
    segment = Segment()
    one, other = segment.medium(A), segment.medium(B)
    await heard_by(one)
    frames = await heard_by(other)
    other.plugged = False
    assert one.send(B + A)
    assert not other.send(A + B)
    other.plugged = True
    one.send(B + A + b"back")
    assert frames == [B + A + b"back"]
    await other.close()
    assert not other.send(A + B)
