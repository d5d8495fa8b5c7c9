"""`nwip dss ask` as it is typed: what it asks, what it prints, and with which exit code it ends."""

import json
from collections.abc import Iterator

import pytest

from cli.running_node import nwip
from nwip.directory.records import Endpoint
from nwip.dss import asking
from nwip.dss.asking import Answers
from nwip.ipx import sap
from nwip.ipx.address import Address
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse

HERE = Address(1, b"dss___", 0x452)
THERE = Address(1, b"myself", 0x4001)
ENTRY = SapEntry.of(4, "MU\x1bSEUM", Address(0xABCD, b"\0\0\0\0\0\1", 0x451), 2)
SERVICES = Packet(THERE, HERE, 4, SapResponse(SapOperation.GENERAL_RESPONSE, (ENTRY,)).encode())
ROUTES = Packet(
    THERE,
    HERE._replace(socket=0x453),
    1,
    RipPacket(RipOperation.RESPONSE, (RipEntry(0xC0FFEE, 1, 3),)).encode(),
)


class Dss:
    """Keeps what it was asked, and answers with what it was given."""

    def __init__(self) -> None:
        self.answers = Answers([], is_there=True)
        self.asked: list[tuple[Endpoint, bytes, int]] = []

    async def __call__(
        self, server: Endpoint, payload: bytes, socket: int, _limit: float, _membership: object
    ) -> Answers:
        self.asked.append((server, payload, socket))
        return self.answers


@pytest.fixture
def dss(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dss]:
    made = Dss()
    monkeypatch.setattr(asking, "ask", made)
    monkeypatch.setattr("nwip.cli.remote.own_membership", lambda: None)
    return iter([made])


def test_services_are_asked_by_sap_and_shown(dss: Iterator[Dss]) -> None:
    there = next(dss)
    there.answers = Answers([SERVICES], is_there=True)
    result = nwip("dss", "ask", "127.0.0.1:10396")
    assert result.exit_code == 0
    assert "SEUM" in result.stdout
    assert "\x1b" not in result.stdout
    assert there.asked == [
        (("127.0.0.1", 10396), SapQuery(SapOperation.GENERAL_QUERY, 0xFFFF).encode(), 0x452)
    ]
    result = nwip("dss", "ask", "127.0.0.1:10396", "--type", "file server", "--nearest", "--json")
    assert sap.decode(there.asked[-1][1]) == SapQuery(SapOperation.NEAREST_QUERY, 4)
    assert json.loads(result.stdout)["services"] == [
        {
            "type": 4,
            "type_name": "file server",
            "name": "MU\x1bSEUM",
            "address": "0000ABCD.000000000001.0451",
            "hops": 2,
        }
    ]


def test_networks_are_asked_by_rip(dss: Iterator[Dss]) -> None:
    there = next(dss)
    there.answers = Answers([ROUTES], is_there=True)
    result = nwip("dss", "ask", "127.0.0.1:10396", "--network", "C0FFEE", "--json")
    assert json.loads(result.stdout)["routes"] == [{"network": "00C0FFEE", "hops": 1, "ticks": 3}]
    assert there.asked == [(("127.0.0.1", 10396), RipPacket.request(0xC0FFEE).encode(), 0x453)]


def test_no_answer_and_the_answer_no_are_two_things(dss: Iterator[Dss]) -> None:
    there = next(dss)
    result = nwip("dss", "ask", "127.0.0.1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "127.0.0.1 knows of no such services" in result.stderr
    there.answers = Answers([], is_there=False)
    result = nwip("dss", "ask", "127.0.0.1")
    assert result.exit_code == 3
    assert [server for server, *_ in there.asked[-2:]] == [("127.0.0.1", 396), ("127.0.0.1", 10396)]
    assert "does not answer over UDP" in result.stderr


@pytest.mark.parametrize(
    "wrong",
    [("--network", "0"), ("--network", "zz"), ("--network", "1", "--nearest"), ("--type", "nonsense")],
)
def test_what_makes_no_sense_is_not_asked(dss: Iterator[Dss], wrong: tuple[str, ...]) -> None:
    assert nwip("dss", "ask", "127.0.0.1", *wrong).exit_code == 2
    assert next(dss).asked == []


def test_a_packet_that_answers_with_nonsense_is_nothing(dss: Iterator[Dss]) -> None:
    next(dss).answers = Answers([SERVICES._replace(payload=b"\0"), ROUTES], is_there=True)
    result = nwip("dss", "ask", "127.0.0.1", "--json")
    assert result.exit_code == 0
