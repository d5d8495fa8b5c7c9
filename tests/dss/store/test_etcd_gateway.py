"""The client of etcd against real etcds."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from etcd_cluster import EtcdCluster
from etcd_witness import Witness, gateway
from nodes import until
from nwip.dss.store.etcd_gateway import (
    Access,
    Compacted,
    Delete,
    EtcdError,
    Event,
    Item,
    LeaseLost,
    Put,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.real("etcd")]

PASSWORD, WRONG = "hidden", "wrong"
names = map("test{}/".format, itertools.count())


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    cluster = EtcdCluster(tmp_path_factory.mktemp("etcd"), 1)
    asyncio.run(cluster.__aenter__())
    yield cluster
    asyncio.run(cluster.__aexit__(None, None, None))


@pytest.fixture
def room() -> tuple[bytes, bytes]:
    """Return where the keys of one test begin and end."""
    start = next(names).encode()
    return start, start[:-1] + b"0"


async def test_what_is_written_is_read_in_order_and_in_pages(
    single: EtcdCluster, room: tuple[bytes, bytes]
) -> None:
    start, end = room
    async with gateway(single) as etcd:
        revision = await etcd.write([Put(start + bytes([n]), bytes([255 - n]) * n) for n in (3, 0, 255, 1)])
        page = await etcd.read(start, end)
        assert page.items == [
            Item(start + bytes([n]), bytes([255 - n]) * n, revision, 0) for n in (0, 1, 3, 255)
        ]
        assert page.revision == revision
        assert not page.more
        first = await etcd.read(start, end, limit=2)
        assert (first.items, first.more) == (page.items[:2], True)
        rest = await etcd.read(first.items[-1].key + b"\0", end, revision=first.revision)
        assert (rest.items, rest.more) == (page.items[2:], False)
        assert (await etcd.read(start + b"\1")).items == page.items[1:2]
        keys = await etcd.read(start, end, keys_only=True, serializable=True)
        assert [item.value for item in keys.items] == [b""] * 4
        assert [item.key for item in keys.items] == [item.key for item in page.items]


async def test_a_page_as_of_a_revision_does_not_see_what_came_later(
    single: EtcdCluster, room: tuple[bytes, bytes]
) -> None:
    start, end = room
    async with gateway(single) as etcd:
        before = await etcd.write([Put(start + b"a", b"1"), Put(start + b"b", b"1"), Put(start + b"c", b"1")])
        after = await etcd.write([Put(start + b"a", b"2"), Delete(start + b"b", end)])
        assert after == before + 1
        assert [item.value for item in (await etcd.read(start, end, revision=before)).items] == [b"1"] * 3
        (left,) = (await etcd.read(start, end)).items
        assert left == Item(start + b"a", b"2", after, 0)


@pytest.mark.parametrize("lease", [77, 2**62 + 1, 2**63 - 1])
async def test_a_lease_is_granted_once_kept_alive_and_ends_with_its_keys(
    single: EtcdCluster, room: tuple[bytes, bytes], lease: int
) -> None:
    start, end = room
    async with gateway(single) as etcd:
        assert await etcd.grant(lease, 30)
        assert not await etcd.grant(lease, 30)
        assert 25 <= await etcd.keep_alive(lease) <= 30
        await etcd.write([Put(start + b"a", b"", lease), Put(start + b"b", b"")])
        assert [item.lease for item in (await etcd.read(start, end)).items] == [lease, 0]
        await etcd.revoke(lease)
        assert [item.key for item in (await etcd.read(start, end)).items] == [start + b"b"]
        assert await etcd.keep_alive(lease) == 0
        await etcd.revoke(lease)
        with pytest.raises(LeaseLost):
            await etcd.write([Put(start + b"b", b"new"), Put(start + b"c", b"", lease)])
        assert [item.value for item in (await etcd.read(start, end)).items] == [b""]


async def test_a_lease_that_nobody_renews_expires_and_the_watch_tells_of_every_key_at_once(
    single: EtcdCluster, room: tuple[bytes, bytes]
) -> None:
    start, _ = room
    async with gateway(single) as etcd:
        await etcd.grant(4711, 1)
        revision = await etcd.write([Put(start + bytes([n]), b"was", 4711) for n in range(50)])
        async with Witness(etcd, room, revision + 1) as witness:
            await until(lambda: witness.told)
        (told,) = witness.told
        assert told.events == [Event(start + bytes([n]), None, b"was", told.revision) for n in range(50)]


async def test_a_watch_begins_in_the_past_and_tells_what_was_before(
    single: EtcdCluster, room: tuple[bytes, bytes]
) -> None:
    start, end = room
    async with gateway(single) as etcd:
        first = await etcd.write([Put(start + b"a", b"1")])
        await etcd.write([Put(end + b"a", b"not ours")])
        await etcd.write([Put(start + b"a", b"2"), Put(start + b"b", b"")])
        async with Witness(etcd, room, first + 1) as witness:
            last = await etcd.write([Delete(start, end)])
            await until(lambda: len(witness.events) == 4)
        assert witness.events == [
            Event(start + b"a", b"2", b"1", first + 2),
            Event(start + b"b", b"", None, first + 2),
            Event(start + b"a", None, b"2", last),
            Event(start + b"b", None, b"", last),
        ]
        assert witness.told[-1].revision == last
        assert witness.confirmed == 1


async def test_a_watch_may_leave_out_what_was_before(single: EtcdCluster, room: tuple[bytes, bytes]) -> None:
    start, end = room
    async with gateway(single) as etcd:
        first = await etcd.write([Put(start, b"1")])
        await etcd.write([Delete(start)])
        async with aclosing(etcd.watch(start, end, first + 1, lambda: None, previous=False)) as watch:
            assert (await anext(watch)).events == [Event(start, None, None, first + 1)]


async def test_what_is_compacted_cannot_be_read_or_watched(
    single: EtcdCluster, room: tuple[bytes, bytes]
) -> None:
    start, end = room
    async with gateway(single) as etcd:
        old = await etcd.write([Put(start, b"1")])
        new = await etcd.write([Put(start, b"2")])
        await single.compact(new)
        with pytest.raises(Compacted):
            await etcd.read(start, end, revision=old)
        async with Witness(etcd, room, old) as witness:
            with pytest.raises(Compacted):
                await witness.task
        async with Witness(etcd, room, new) as witness:
            await until(lambda: witness.events)


async def test_a_revision_that_is_not_there_yet_is_of_another_history(
    single: EtcdCluster, room: tuple[bytes, bytes]
) -> None:
    start, end = room
    async with gateway(single) as etcd:
        newest = await etcd.write([Put(start, b"1")])
        for serializable in (False, True):
            with pytest.raises(Compacted):
                await etcd.read(start, end, revision=newest + 5, serializable=serializable)
        async with Witness(etcd, room, newest + 2) as witness:
            with pytest.raises(Compacted):
                await witness.task


async def test_a_watch_whose_cluster_is_restored_from_a_backup_says_so(tmp_path: Path) -> None:
    async with EtcdCluster(tmp_path, 1) as cluster, gateway(cluster) as etcd:
        await etcd.write([Put(b"r/a", b"kept")])
        await cluster.ctl("snapshot", "save", str(tmp_path / "backup"))
        revision = await etcd.write([Put(b"r/a", b"lost")])
        async with Witness(etcd, (b"r/", b"r0"), revision + 1) as witness:
            cluster.kill(0)
            await cluster.restore(0, tmp_path / "backup")
            with pytest.raises(Compacted):
                await witness.task
        assert (await etcd.read(b"r/a")).items[0].value == b"kept"


async def test_many_events_come_whole_and_in_order(single: EtcdCluster, room: tuple[bytes, bytes]) -> None:
    """One lease over more octets than etcd takes in one request, and than it tells of in fragments."""
    start, _ = room
    async with gateway(single, patience=3.0) as etcd:
        await etcd.grant(815, 60)
        first = last = 0
        for batch in range(50):
            last = await etcd.write(
                [Put(start + b"%02d/%02d" % (batch, n), bytes(500), 815) for n in range(100)]
            )
            first = first or last
        async with Witness(etcd, room, first) as witness:
            await until(lambda: len(witness.events) == 5_000)
            assert [event.key for event in witness.events] == [
                start + b"%02d/%02d" % (batch, n) for batch in range(50) for n in range(100)
            ]
            await etcd.revoke(815)
            await until(lambda: witness.told[-1].revision == last + 1, 60)
        assert len(witness.told[-1].events) == 5_000
        assert witness.confirmed == 1


async def test_a_watch_that_is_given_up_leaves_no_connection(
    single: EtcdCluster, room: tuple[bytes, bytes]
) -> None:
    async with gateway(single) as etcd:
        revision = await etcd.write([Put(room[0], b"")])
        async with Witness(etcd, room, revision):
            assert etcd._endpoints._session is not None
            connector = etcd._endpoints._session.connector
            assert connector is not None
            assert len(connector._acquired) == 1
        assert not connector._acquired


async def test_a_closed_gateway_ends_its_watches_and_says_so(
    single: EtcdCluster, room: tuple[bytes, bytes]
) -> None:
    async with gateway(single) as etcd:
        revision = await etcd.write([Put(room[0], b"")])
        async with Witness(etcd, room, revision) as witness:
            await etcd.close()
            with pytest.raises(EtcdError, match="closed"):
                await witness.task
        with pytest.raises(EtcdError, match="closed"):
            await etcd.read(room[0])


async def test_a_request_that_etcd_refuses_is_said_in_one_sentence(single: EtcdCluster) -> None:
    async with gateway(single) as etcd:
        with pytest.raises(EtcdError, match=r"^etcd cannot be used \(http://[^ ]+: duplicate key given"):
            await etcd.write([Put(b"twice", b""), Put(b"twice", b"")])
        with pytest.raises(EtcdError, match="too many operations"):
            await etcd.write([Put(b"%d" % n, b"") for n in range(200)])


async def test_users_show_a_token_and_get_a_new_one_when_it_is_not_good_any_more(tmp_path: Path) -> None:
    async with EtcdCluster(tmp_path, 1) as cluster:
        root = "root:secret"
        await cluster.ctl("user", "add", root)
        await cluster.ctl("user", "grant-role", "root", "root")
        await cluster.ctl("user", "add", f"nwip:{PASSWORD}")
        await cluster.ctl("role", "add", "nwip")
        await cluster.ctl("role", "grant-permission", "nwip", "--prefix=true", "readwrite", "nwip/")
        await cluster.ctl("user", "grant-role", "nwip", "nwip")
        access = Access(cluster.endpoints, user="nwip", password=PASSWORD)
        async with gateway(cluster, access, patience=10.0) as etcd:  # a start of etcd takes its time
            await etcd.write([Put(b"nwip/a", b"1")])  # a user, where none is needed yet
            await cluster.ctl("auth", "enable")
            revision = await etcd.write([Put(b"nwip/a", b"2")])
            async with Witness(etcd, (b"nwip/", b"nwip0"), revision) as witness:
                await until(lambda: witness.events)
                await cluster.ctl("user", "add", "other:other", user=root)  # the token is of before that
                await etcd.write([Put(b"nwip/a", b"3")])
                cluster.kill(0)  # tokens are kept in memory only
                cluster.start(0)
                await cluster.ready()
                await etcd.write([Put(b"nwip/a", b"4")])
                await until(lambda: len(witness.events) == 3, within=30.0)
                assert [event.value for event in witness.events] == [b"2", b"3", b"4"]
            with pytest.raises(EtcdError, match=r"permission denied.*grant the user"):
                await etcd.read(b"elsewhere")
        for access, mend in (
            (Access(cluster.endpoints), "set user and password"),
            (Access(cluster.endpoints, user="nwip", password=WRONG), "see user and password"),
        ):
            async with gateway(cluster, access) as etcd:
                with pytest.raises(EtcdError, match=mend):
                    await etcd.read(b"nwip/a")
                async with Witness(etcd, (b"nwip/", b"nwip0"), 1) as witness:
                    with pytest.raises(EtcdError, match=mend):
                        await witness.task


@pytest.mark.real("openssl")
async def test_tls_shows_a_certificate_and_looks_at_the_servers(tmp_path: Path) -> None:
    async with EtcdCluster(tmp_path, 1, tls=True) as cluster:
        good = Access(
            cluster.endpoints,
            ca=tmp_path / "ca.pem",
            certificate=tmp_path / "client.pem",
            key=tmp_path / "client.key",
        )
        async with gateway(cluster, good) as etcd:
            revision = await etcd.write([Put(b"a", b"1")])
            async with Witness(etcd, (b"a", b"b"), revision) as witness:
                await until(lambda: witness.events)
        for access, words in (
            (Access(cluster.endpoints), "its certificate is not good.*see ca"),
            (Access(cluster.endpoints, ca=good.ca), "certificate.*see ca"),
            (Access(cluster.endpoints, ca=tmp_path / "none.pem"), r"none\.pem.*No such file.*see ca"),
            (
                Access(cluster.endpoints, ca=good.ca, certificate=good.certificate, key=tmp_path / "ca.key"),
                "(?i)key.*mismatch.*see ca",
            ),
            (Access((cluster.endpoints[0].replace("https", "http"),), ca=good.ca), "http or https"),
        ):
            async with gateway(cluster, access) as etcd:
                with pytest.raises(EtcdError, match=words):
                    await etcd.read(b"a")
    assert PASSWORD not in repr(Access(("http://127.0.0.1:1",), user="nwip", password=PASSWORD))


async def test_https_where_etcd_speaks_http_is_said(single: EtcdCluster) -> None:
    access = Access((single.endpoints[0].replace("http", "https"),))
    async with gateway(single, access) as etcd:
        with pytest.raises(EtcdError, match="http or https"):
            await etcd.read(b"a")
