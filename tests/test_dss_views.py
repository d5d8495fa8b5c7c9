"""What a node tells of its DSS, and what may be done with it: the real engine without sockets."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import msgspec
import pytest

from nwip.control import Answer
from nwip.directory.filters import Filter
from nwip.directory.owners import Lease
from nwip.directory.parameters import Parameters
from nwip.directory.records import Dss, Kind, Node, Record, Route, Service
from nwip.dss.messages import Delta
from nwip.dss.peer_session import PeerStatus
from nwip.dss.server_engine import ServerEngine
from nwip.dss_rows import Row
from nwip.dss_status import alarms_of
from nwip.dss_views import DssViews
from nwip.slices import encoded, slices, sorted_in_slices

pytestmark = pytest.mark.asyncio

OURS, OTHER, MUSEUM, BARN = (letter * 16 for letter in (b"D", b"E", b"M", b"B"))
PARAMETERS = Parameters(domain="test.nwip", term=2, version=7, identity=OURS)


@dataclass
class Keeping:
    problem: str = ""
    saved_at: float | None = None
    carries: int = 0
    failing_since: float | None = None
    kind: str = "sqlite"
    shared: bool = False
    place: str = "directory.db"
    waiting: int = 0


@dataclass
class Peers:
    known: list[PeerStatus] = field(default_factory=list)

    def status(self, now: float) -> list[PeerStatus]:
        return self.known


class Server:
    """A `DssServer` without sockets."""

    def __init__(self, parameters: Parameters = PARAMETERS) -> None:
        self.engine = ServerEngine(
            parameters, identity=OURS, boot=b"b" * 16, name="one", admit=lambda _: True
        )
        self.keeper = Keeping()
        self.replication = Peers()
        self.woken = 0

    def set_parameters(self, parameters: Parameters) -> None:
        self.engine.set_parameters(parameters)

    def promote(self) -> None:
        self.engine.promote()

    def forget(self, owner: bytes) -> int:
        return self.engine.forget(owner, now())

    def wake(self) -> None:
        self.woken += 1

    def holds(self, owner: bytes, *values: Service | Route | Node | Dss) -> None:
        records = [Record(owner, 1, counter, value) for counter, value in enumerate(values, 1)]
        self.engine.take_in(Delta([Lease(owner, 1, 1, 600.0, 0.0)], records), b"", now())


class Here:
    def __init__(self, dss: Server | None) -> None:
        self.dss = dss


def now() -> float:
    return asyncio.get_running_loop().time()


def node(name: str, number: int) -> Node:
    return Node(number.to_bytes(6, "big"), name, [("192.0.2.1", 43981)])


def service(name: str, hops: int = 1) -> Service:
    return Service(4, name, 0xABCD01, b"\0\0\0\0\0\1", 0x451, hops)


def peer(lag: float = 0.0) -> PeerStatus:
    return PeerStatus(OTHER, "two", "192.0.2.2", True, 60.0, 0.5, lag, 10, 20, 1, True)


async def ask(server: Server | None, name: str, **question: object) -> Row:
    answer = await DssViews(Here(server)).handlers()[name](question)
    return cast("Row", msgspec.json.decode(msgspec.json.encode(answer)))


async def rows(server: Server, name: str, **question: object) -> list[Row]:
    return cast("list[Row]", await ask(server, name, **question))


async def refusal(server: Server | None, name: str, **question: object) -> Answer:
    with pytest.raises(Answer) as caught:
        await ask(server, name, **question)
    return caught.value


async def imported(views: DssViews, lines: list[str], size: int = 1000) -> Row:
    row: object = {}
    for start in range(0, max(len(lines), 1), size):
        part = lines[start : start + size]
        row = await views.take_in(
            {"token": "t", "first": start + 1, "lines": part, "last": start + size >= len(lines)}
        )
    return cast("Row", row)


async def exported(server: Server) -> list[str]:
    return [msgspec.json.encode(row).decode() for row in await rows(server, "dss-export")]


async def test_status_tells_role_counts_store_and_peers() -> None:
    server = Server()
    server.holds(MUSEUM, node("museum", 1), service("A"), service("B"))
    server.engine.directory.merge(Record(BARN, 1, 1, node("barn", 2)), now())  # only its store remembers it
    server.keeper.saved_at = now()
    server.replication.known.append(peer())
    row = await ask(server, "dss-status")
    assert (row["name"], row["role"]) == ("one", "primary")
    assert row["primary"] == {"identity": OURS.hex(), "name": "one"}
    assert row["rank"] == {"term": 2, "version": 7}
    assert row["records"] == {"service": 2, "route": 0, "host": 0, "node": 2, "dss": 0, "hidden": 0}
    assert row["owners"] == {"live": 2, "heard": 1, "unheard": 1}
    assert row["sessions"] == {"nodes": 0, "readers": 0}
    assert row["store"] == {
        "kind": "sqlite",
        "place": "directory.db",
        "shared": False,
        "carries": 0,
        "saved": pytest.approx(0, abs=5),
        "waiting": 0,
        "problem": "",
        "failing": None,
    }
    (other,) = cast("list[Row]", row["peers"])
    assert (other["identity"], other["name"], other["records_in"]) == (OTHER.hex(), "two", 10)
    assert row["alarms"] == []


async def test_a_service_claimed_by_two_owners_is_a_standing_alarm_with_both_origins() -> None:
    server = Server()
    server.holds(MUSEUM, node("museum", 1), service("A"))
    server.holds(BARN, node("barn", 2), Service(4, "A", 0xBA12, b"\0\0\0\0\0\1", 0x451, 1))
    row = await ask(server, "dss-status")
    assert row["conflicts"] == [
        {
            "about": "service 0004 A",
            "claims": [
                {"owner": "barn", "owner_id": BARN.hex(), "value": "0000BA12.000000000001.0451, 1 hops"},
                {"owner": "museum", "owner_id": MUSEUM.hex(), "value": "00ABCD01.000000000001.0451, 1 hops"},
            ],
        }
    ]
    (alarm,) = cast("list[str]", row["alarms"])
    assert alarm.startswith("service 0004 A is claimed at two addresses, by node barn at 192.0.2.1:43981")


async def test_a_lost_primary_a_failing_store_and_a_lagging_peer_are_standing_alarms() -> None:
    server = Server(msgspec.structs.replace(PARAMETERS, identity=BARN))
    server.keeper.problem = "the disk is full"
    server.replication.known.append(peer(lag=60.0))
    server.engine.alarms.append("two nodes have the identity 00")
    row = await ask(server, "dss-status")
    assert row["role"] == "secondary"
    alarms = " / ".join(cast("list[str]", row["alarms"]))
    for part in (f"the primary {BARN.hex()} is not heard", "disk is full", "two has differed", "two nodes"):
        assert part in alarms
    server.holds(BARN, Dss(BARN, "three", [], []))
    assert "the primary" not in " / ".join(cast("list[str]", (await ask(server, "dss-status"))["alarms"]))


async def test_a_shared_store_tells_where_it_is_whom_it_serves_and_for_how_long_it_has_failed() -> None:
    server = Server()
    server.keeper = Keeping(
        "no quorum; start its nodes", now() - 9, 2, now() - 7, "etcd", True, "http://192.0.2.1:2379", 12
    )
    row = await ask(server, "dss-status")
    assert row["store"] == {
        "kind": "etcd",
        "place": "http://192.0.2.1:2379",
        "shared": True,
        "carries": 2,
        "saved": pytest.approx(9, abs=5),
        "waiting": 12,
        "problem": "no quorum; start its nodes",
        "failing": pytest.approx(7, abs=5),
    }
    assert row["alarms"] == [
        "the shared store fails: no quorum; start its nodes; until it is back this DSS goes on from memory"
    ]


async def test_alarms_have_a_kind_and_the_name_of_what_they_are_about() -> None:
    server = Server(msgspec.structs.replace(PARAMETERS, identity=BARN))
    server.keeper.problem = "the disk is full"
    server.engine.alarms.append("two nodes have the identity 00")
    server.holds(MUSEUM, node("museum", 1), service("A"), Route(0xAB12, 0, 1))
    server.holds(
        BARN, node("barn", 2), Service(4, "A", 0xBA12, b"\0\0\0\0\0\1", 0x451, 1), Route(0xAB12, 0, 1)
    )
    found = {alarm.kind: alarm for alarm in alarms_of(server.engine, [peer(lag=60.0)], server.keeper)}
    assert {kind: alarm.about for kind, alarm in found.items()} == {
        "store": "one",
        "replication-lag": "two",
        "conflicting-service": "A",
        "duplicate-network": "0000AB12",
        "copied-identity": "",
    }
    later = alarms_of(server.engine, [peer(lag=70.0)], server.keeper)
    (lag,) = [alarm for alarm in later if alarm.kind == "replication-lag"]
    assert lag.sentence != found["replication-lag"].sentence
    assert lag.key == found["replication-lag"].key, "it is the same alarm, some time later"


async def test_records_have_sequence_age_source_and_whether_filters_hide_them() -> None:
    server = Server(msgspec.structs.replace(PARAMETERS, filters=(Filter("deny", name="B*"),)))
    server.holds(MUSEUM, node("museum", 1), service("A"), service("BOOK"))
    server.engine.directory.merge(Record(BARN, 3, 4, Route(0xABCD02, 1, 2)), now())
    found = {str(row["what"]): row for row in await rows(server, "dss-records")}
    assert found.keys() == {"000000000001", "0004 A", "0004 BOOK", "00ABCD02"}
    book = found["0004 BOOK"]
    assert (book["owner"], book["incarnation"], book["counter"], book["hidden"]) == ("museum", 1, 3, True)
    assert 590 < cast("float", book["left"]) <= 600
    assert (found["0004 A"]["hidden"], found["0004 A"]["from"]) == (False, "")
    assert (found["00ABCD02"]["from"], found["00ABCD02"]["heard"]) == ("kept", False)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"owner": "mus*"}, 3),
        ({"owner": MUSEUM.hex()[:6]}, 3),
        ({"owner": "use"}, 0),
        ({"kind": "service"}, 2),
        ({"service_type": 4}, 2),
        ({"service_type": 7}, 0),
        ({"age": ["<", 30]}, 3),
        ({"age": [">", 30]}, 0),
    ],
)
async def test_records_are_chosen_by_owner_type_age_and_kind(wanted: Row, count: int) -> None:
    server = Server()
    server.holds(MUSEUM, node("museum", 1), service("A"), service("B"))
    assert len(await rows(server, "dss-records", wanted=wanted)) == count


async def test_promote_raises_the_term_and_says_from_whom_to_whom() -> None:
    server = Server(msgspec.structs.replace(PARAMETERS, identity=OTHER))
    server.replication.known.append(peer())
    row = await ask(server, "dss-promote")
    assert (row["changed"], row["term"]) == (True, 3)
    assert row["before"] == {"identity": OTHER.hex(), "name": "two"}
    assert row["primary"] == {"identity": OURS.hex(), "name": "one"}
    assert server.engine.is_primary
    again = await ask(server, "dss-promote")
    assert (again["changed"], again["term"]) == (False, 3)


async def test_a_secondary_that_has_met_nobody_can_be_promoted() -> None:
    server = Server(msgspec.structs.replace(PARAMETERS, term=0))
    assert (await ask(server, "dss-status"))["role"] == "new"
    row = await ask(server, "dss-promote")
    assert (row["changed"], row["before"], row["term"]) == (True, None, 1)


async def test_forget_drops_one_owner_by_name_or_identity_and_refuses_ambiguity() -> None:
    server = Server()
    server.holds(MUSEUM, node("museum", 1), service("A"))
    server.holds(MUSEUM[:15] + b"N", node("annex", 2))
    wrong = await refusal(server, "dss-forget", owner="4d4d")
    assert (wrong.code, "museum" in wrong.sentence, "annex" in wrong.sentence) == (2, True, True)
    assert (await refusal(server, "dss-forget", owner="nobody")).code == 1
    assert (await refusal(server, "dss-forget", owner="")).code == 1
    row = await ask(server, "dss-forget", owner="Museum")
    assert (row["owner"], row["identity"], row["records"]) == ("museum", MUSEUM.hex(), 2)
    assert not server.engine.directory.is_live(MUSEUM)


async def test_set_changes_the_parameters_and_their_version() -> None:
    server = Server()
    row = await ask(server, "dss-set", values={"lease": "30", "ticks-elsewhere": "8"})
    assert [change["key"] for change in cast("list[Row]", row["changes"])] == ["ticks-elsewhere", "lease"]
    assert (server.engine.parameters.lease, server.engine.parameters.version) == (30.0, 8)
    assert row["restart"] == {"keys": [], "nodes": []}
    same = await ask(server, "dss-set", values={"lease": "30"})
    assert (same["changes"], server.engine.parameters.version) == ([], 8)
    await ask(server, "dss-set", values={"profile": "classic", "renewal": "200"})
    assert (server.engine.parameters.lease, server.engine.parameters.renewal) == (900.0, 200.0)


@pytest.mark.parametrize(
    ("values", "mend"),
    [
        ({"lease": "9"}, "more than twice the renewal"),
        ({"synchronisation": "20"}, "at most"),
        ({"lease": "nan"}, "write seconds"),
        ({"network": "FFFFFFFF"}, "hexadecimal"),
        ({"node-prefix": "7E"}, "4 hexadecimal digits"),
        ({"hop-limit": "1"}, "from 2 to 127"),
        ({"domain": "other"}, "cannot be set"),
        ({"term": "9"}, "cannot be set"),
        ({"leese": "9"}, "lease"),
        ({"filters": "[]"}, "--filters"),
        ({"grants": "[]"}, "[[grant]] tables with --grants"),
        ({"networks": "closed"}, "listed"),
        ({"profile": "old"}, "classic"),
        ({"lease": 30}, "no parameters"),
    ],
)
async def test_parameters_that_do_not_fit_are_refused_with_the_mend(values: Row, mend: str) -> None:
    server = Server()
    wrong = await refusal(server, "dss-set", values=values)
    assert wrong.code == 2
    assert mend in wrong.sentence
    assert server.engine.parameters is PARAMETERS


async def test_set_on_a_secondary_names_the_primary_and_promote_but_a_dry_run_is_answered() -> None:
    server = Server(msgspec.structs.replace(PARAMETERS, identity=OTHER))
    server.replication.known.append(peer())
    wrong = await refusal(server, "dss-set", values={"lease": "30"})
    assert wrong.code == 1
    assert "two" in wrong.sentence
    assert "nwip dss promote" in wrong.sentence
    assert (await ask(server, "dss-set", values={"lease": "30"}, dry_run=True))["changes"]


async def test_a_dry_run_says_what_filters_would_hide_and_who_must_restart_and_changes_nothing() -> None:
    server = Server(msgspec.structs.replace(PARAMETERS, filters=(Filter("deny", name="A"),)))
    server.holds(MUSEUM, node("museum", 1), service("A"), service("BOOK"), Route(0xABCD01, 0, 1))
    before = server.engine.parameters
    filters = [["deny", "service", [], "*", [], "mus*"]]
    row = await ask(server, "dss-set", values={"network": "C0FFEE"}, filters=filters, dry_run=True)
    assert [gone["what"] for gone in cast("list[Row]", row["vanishing"])] == [
        "0004 BOOK at 00ABCD01.000000000001.0451"
    ]
    assert row["restart"] == {"keys": ["network"], "nodes": ["museum"]}
    assert server.engine.parameters is before


async def test_an_export_comes_back_whole_and_is_not_taken_for_a_sign_of_life() -> None:
    here, there = Server(), Server(msgspec.structs.replace(PARAMETERS, version=1))
    here.holds(MUSEUM, node("museum", 1), service("A"), service("B\xdc\x01"))
    here.engine.directory.withdraw(MUSEUM, (Kind.SERVICE, 4, "OLD"), (1, 9), now())
    lines = await exported(here)
    views = DssViews(Here(there))
    row = await imported(views, lines, size=2)
    assert row["records"] == {"new": 3, "known": 0, "older": 0, "refused": 0}
    assert (row["withdrawals"], row["parameters"]) == (1, True)
    directory = there.engine.directory
    assert {record.key for record in directory.of_owner(MUSEUM)} == {
        record.key for record in here.engine.directory.of_owner(MUSEUM)
    }
    assert not directory.is_heard(MUSEUM)
    assert there.engine.parameters == here.engine.parameters
    again = await imported(views, lines)
    assert again["records"] == {"new": 0, "known": 3, "older": 0, "refused": 0}
    assert there.woken > 1


async def test_of_an_owner_that_is_heard_an_import_brings_back_nothing_old() -> None:
    here, there = Server(), Server()
    here.holds(MUSEUM, service("A"), service("GONE"), service("C"))
    there.holds(MUSEUM, service("A"), service("A", hops=2), service("C"))
    row = await imported(DssViews(Here(there)), await exported(here))
    assert row["records"] == {"new": 0, "known": 1, "older": 2, "refused": 0}
    there.holds(BARN, service("A"))
    there.forget(BARN)
    here.holds(BARN, service("A"), service("B"))
    row = await imported(DssViews(Here(there)), await exported(here))
    assert cast("Row", row["records"])["refused"] == 2  # its lease has ended here


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [lines[0].replace("test.nwip", "other.nwip"), *lines[1:]], "line 1 says domain"),
        (lambda lines: [lines[0].replace('"schema":1', '"schema":2'), *lines[1:]], "schema 2"),
        (lambda lines: [*lines[:3], lines[3][:-5], *lines[4:]], "line 4 is damaged"),
        (lambda lines: lines[:-1], "cut off behind line 6"),
        (lambda lines: [*lines[:3], *lines[4:]], "line 6 counts"),
        (lambda lines: lines[1:], "line 1 is not in its place"),
        (lambda lines: [*lines, lines[2]], "line 8 stands behind"),
        (lambda _: [], "cut off behind line 0"),
        (lambda _: ["[" * 10_000], "line 1 is damaged"),
    ],
)
async def test_a_file_that_is_not_whole_is_refused_with_its_line_and_changes_nothing(
    change: object, said: str
) -> None:
    here, there = Server(), Server()
    here.holds(MUSEUM, node("museum", 1), service("A"), service("B"))
    assert callable(change)
    with pytest.raises(Answer, match=said) as caught:
        await imported(DssViews(Here(there)), change(await exported(here)), size=3)
    assert caught.value.code == 2
    assert not there.engine.directory.owners()


async def test_parts_of_two_imports_do_not_mix() -> None:
    here, there = Server(), Server()
    here.holds(MUSEUM, node("museum", 1))
    lines, views = await exported(here), DssViews(Here(there))
    await views.take_in({"token": "a", "first": 1, "lines": lines[:1]})
    await views.take_in({"token": "b", "first": 1, "lines": lines[:1]})
    with pytest.raises(Answer, match="another import has begun"):
        await views.take_in({"token": "a", "first": 2, "lines": lines[1:], "last": True})
    assert not there.engine.directory.owners()


async def test_a_node_without_dss_says_where_to_ask() -> None:
    wrong = await refusal(None, "dss-status")
    assert (wrong.code, "serve = true" in wrong.sentence) == (1, True)


async def test_long_answers_let_others_run_between_their_slices() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.ensure_future(count())
    numbers = [number * 7919 % 10_007 for number in range(10_000)]
    found = await encoded(sorted_in_slices(numbers, key=lambda number: number))
    other.cancel()
    assert msgspec.json.decode(found) == sorted(numbers)
    assert turns >= 20
    assert [part async for part in slices(list[int](), 3)] == []
    assert msgspec.json.decode(await encoded(slices([]))) == []
