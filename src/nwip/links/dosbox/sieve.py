"""What a DOSBox link's kernel lets in during a flood: players, and a random share of everybody else. Pure.

A player's datagrams are known by their IP address (not the port: there may be many players). A registration
is only ever let in by chance, whoever it seems to come from. The program sees a datagram from its UDP header
on.
"""

from collections.abc import Collection, Iterator
from typing import Final

from nwip.dataplane.packet_filter import (
    AT_LEAST,
    EQUAL,
    GO,
    GREATER,
    LOAD_HALF,
    LOAD_WORD,
    NETWORK,
    RANDOM,
    RETURN,
    STEPS_LIMIT,
    WHOLE,
    Step,
    assemble,
)
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import DESTINATION_NODE_OFFSET, DESTINATION_SOCKET_OFFSET
from nwip.links.dosbox.flood import Shares

MOST_ADDRESSES: Final = 800  # that the program can tell: with more players others than registrations pass

_UDP: Final = 8  # octets of its header, RFC 768
_SOURCE: Final = NETWORK + 12  # of an IPv4 header, RFC 791
_STEPS_OF_ONE: Final = 5
_ALL: Final = 1 << 32
_OTHERS: Final = "others"
_BY_CHANCE: Final = "by chance"


def sieve(shares: Shares, players: Collection[bytes] | None) -> bytes:
    """Return the program, for `packet_filter.attach`; `players` are IPv4 addresses of four octets.

    Without them, or with more than `MOST_ADDRESSES`, whatever is no registration passes.
    """
    known = None if players is None or len(players) > MOST_ADDRESSES else sorted(set(players))
    return assemble(_program(shares, known))


def _program(shares: Shares, players: list[bytes] | None) -> Iterator[Step]:
    node, socket = _UDP + DESTINATION_NODE_OFFSET, _UDP + DESTINATION_SOCKET_OFFSET
    yield Step(LOAD_HALF, socket)
    yield Step(EQUAL, Socket.ECHO, fails=_OTHERS)
    yield Step(LOAD_WORD, node)
    yield Step(EQUAL, 0, fails=_OTHERS)
    yield Step(LOAD_HALF, node + 4)
    yield Step(EQUAL, 0, fails=_OTHERS)
    yield from _some(shares.registrations, "no registration")
    if players is None:
        yield Step(RETURN, WHOLE, label=_OTHERS)
        return
    yield Step(LOAD_WORD, _SOURCE, label=_OTHERS)
    yield from _among([int.from_bytes(address, "big") for address in players])
    yield from _named(_BY_CHANCE, list(_some(shares.others, "no other")))


def _some(share: float, out: str) -> Iterator[Step]:
    """Yield what lets a share in; `out` names the step for the others."""
    if share >= 1:
        yield Step(RETURN, WHOLE)
        return
    yield Step(LOAD_WORD, RANDOM)
    yield Step(AT_LEAST, round(share * _ALL), holds=out)
    yield Step(RETURN, WHOLE)
    yield Step(RETURN, 0, label=out)


def _among(addresses: list[int]) -> Iterator[Step]:
    """Yield what lets in whom is among sorted addresses, by halves, and sends the others on."""
    if not addresses:
        yield Step(GO, holds=_BY_CHANCE)
    elif len(addresses) == 1:
        yield Step(EQUAL, addresses[0], fails=f"not {addresses[0]}")
        yield Step(RETURN, WHOLE)
        yield Step(GO, holds=_BY_CHANCE, label=f"not {addresses[0]}")
    else:
        middle = len(addresses) // 2
        pivot = addresses[middle - 1]
        yield Step(GREATER, pivot, fails=f"up to {pivot}")
        yield Step(GO, holds=f"above {pivot}")
        below, above = list(_among(addresses[:middle])), list(_among(addresses[middle:]))
        yield from _named(f"up to {pivot}", below)
        yield from _named(f"above {pivot}", above)


def _named(label: str, steps: list[Step]) -> Iterator[Step]:
    """Yield steps, the first with a label."""
    yield steps[0]._replace(label=label)
    yield from steps[1:]


assert MOST_ADDRESSES * _STEPS_OF_ONE < STEPS_LIMIT - 16  # noqa: S101 - what the two numbers mean
