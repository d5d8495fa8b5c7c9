"""Draws random histories of the twins: what is in a batch, what happens between two."""

from typing import Any

from hypothesis import strategies as st

from dataplane.histories import CLIENTS, FAR_AWAY, NATURAL, Batch, Happening, History, Spec
from nwip.ipx.numbers import Socket

SIZES = [30, 31, 255, 256, 512, 576, 1400, 1424, 1425, 1500, 1501, 2111, 2112, 2113, 3000, 29, 0]
HOPS = [1, 14, 15, 16, 17, 127, 128, 255]
SOCKETS = [0x0455, 0x0002, 0x5502, 0x0200, Socket.NCP, Socket.SAP, Socket.RIP, Socket.HELLO]


def _odd(run: Spec, oddity: dict[str, Any]) -> Spec:  # Any: what the fields hold
    return run._replace(**oddity)


CLIENT = st.integers(0, CLIENTS - 1)
ANYONE = st.integers(0, CLIENTS + 7)
PLAIN = st.builds(
    Spec,
    source=st.integers(0, NATURAL - 1),
    to=st.one_of(CLIENT, st.integers(CLIENTS, CLIENTS + 1), st.just(FAR_AWAY)),
    came_from=st.just(0),
    networks=st.sampled_from([(0, 0), (0, 0), (1, 2), (1, 3)]),
    size=st.sampled_from([50, 50, 576, 1000]),
    hops=st.just(0),
    socket=st.just(0x869C),
    checksum=st.just(0xFFFF),
    flaw=st.just(0),
    kind=st.just(4),
    times=st.sampled_from([1, 2, 5, 40, 64, 100]),
)
ODDITIES = st.fixed_dictionaries(
    {},
    optional={
        "source": ANYONE.map(lambda which: which + 14),
        "to": st.one_of(ANYONE, st.just(11)),
        "came_from": st.integers(1, 2),
        "networks": st.tuples(st.integers(0, 5), st.integers(0, 5)),
        "size": st.sampled_from(SIZES),
        "hops": st.sampled_from(HOPS),
        "socket": st.sampled_from(SOCKETS),
        "checksum": st.sampled_from([0xFF00, 0x00FF, 0]),
        "flaw": st.sampled_from([1, -1, -20, 3000]),
        "kind": st.sampled_from([0, 17, 20]),
        "times": st.integers(1, 3),
    },
)
ODD = st.builds(_odd, PLAIN, ODDITIES)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Batches of some runs that are plain, odd, or like the run before but for an oddity."""
    runs: list[Spec] = []
    for _ in range(draw(st.integers(1, 6))):
        match draw(st.integers(0, 3)) if runs else 0:
            case 0 | 1:
                runs.append(draw(PLAIN))
            case 2:
                runs.append(draw(ODD))
            case _:
                runs.append(_odd(runs[-1], draw(ODDITIES)))
    return Batch(draw(st.sampled_from([0, 0, 1, 2, 3, 3])), runs)


HAPPENINGS = st.builds(
    Happening,
    what=st.sampled_from([name.removeprefix("then_") for name in vars(History) if name.startswith("then_")]),
    which=st.integers(0, 23),
)
HISTORIES = st.lists(st.one_of(batches(), batches(), HAPPENINGS), min_size=8, max_size=40)
