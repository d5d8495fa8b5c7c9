"""A node keeps out whom it is told to: on its links, at its DSS, and after a restart."""

import asyncio
import re
from pathlib import Path

import pytest

from dss.test_dss_sockets import Running
from nodes import dss, node, two_nodes, until
from nwip.ban_views import BanViews
from nwip.bench.domain import free_port
from nwip.binding import open_audit, open_dss
from nwip.config import ConfigError
from nwip.config.reading import parse
from nwip.control import NodeRefused, ask
from nwip.directory.parameters import Parameters
from nwip.directory.records import Kind
from nwip.discovery.nearest import query
from nwip.dss.reader import DssRefused, read_domain
from nwip.dss.server import DssServer
from nwip.gateway.gateway import NodeGateway
from nwip.ipx.packet import Packet
from nwip.joining import answerer
from nwip.links.dosbox.player import DosboxPlayer
from nwip.node import RunningNode
from nwip.security.bans import Bans
from nwip.state import State

pytestmark = pytest.mark.asyncio


class Guarded:
    def __init__(self, server: DssServer | None = None) -> None:
        self.bans = Bans(lambda: 1000.0)
        self.dss = server
        self.gateway: NodeGateway | None = None
        self.inside: NodeGateway | None = None


async def asked(running: RunningNode, **question: object) -> object:
    return await asyncio.to_thread(ask, running.config.node.control_path, question)


async def test_a_player_goes_stays_out_and_may_come_again(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    async with dss() as server, asyncio.timeout(60):
        port = server.endpoints[0][1]
        async with node(tmp_path, port, more=f'audit = "{log}"') as (running, said):
            await until(lambda: said)
            at = ("127.0.0.5", 20213)
            async with DosboxPlayer(at, local=("127.0.0.7", 0), node=bytes.fromhex("02A0C9123456")) as player:
                mine = (await player.register()).node.hex()
                for _ in range(3):  # the first draws the proof
                    await player.ping(0.3, answers=1)
                clients = await asked(running, ask="clients")
                assert isinstance(clients, list)
                assert len(clients) == 1
                answer = await asked(running, ask="ban", what=mine, seconds=60, why="test")
                assert isinstance(answer, dict)
                assert [row["what"] for row in answer["bans"]] == ["127.0.0.7", "02A0C9123456"]
                assert (answer["gone"], answer["kept"]) == (1, True)
                assert await asked(running, ask="clients") == []
                with pytest.raises(TimeoutError):
                    await player.register(0.3)
                rows = await asked(running, ask="ban-list")
                assert isinstance(rows, list)
                assert rows[0]["kept_out"] > 0
                assert rows[0]["why"] == "test"
                assert rows[0]["until"] == rows[0]["since"] + 60
                for what in ("127.0.0.7", "02a0c9123456"):
                    await asked(running, ask="ban-lift", what=what)
                await player.register()
            with pytest.raises(NodeRefused, match="is not banned here"):
                await asked(running, ask="ban-lift", what="127.0.0.7")
            with pytest.raises(NodeRefused, match="cannot be banned: write an IP address"):
                await asked(running, ask="ban", what="somebody")
            with pytest.raises(NodeRefused, match="seconds must be a number"):
                await asked(running, ask="ban", what="127.0.0.8", seconds=0)
    events = [line.split()[1] for line in log.read_text().splitlines() if "who=" not in line]
    assert events[:5] == ["joined", "banned", "banned", "left", "refused"]
    assert "ban-lifted" in events
    assert log.stat().st_mode & 0o777 == 0o600


async def test_bans_are_kept_and_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    state = State(tmp_path)
    await BanViews(Guarded(), state).ban({"what": "203.0.113.0/24"})
    assert (tmp_path / "bans.json").stat().st_mode & 0o777 == 0o600
    again = Guarded()
    views = BanViews(again, state)
    assert again.bans.keeps_out_address("203.0.113.9")
    assert [row["what"] for row in await views.bans({})] == ["203.0.113.0/24"]
    (tmp_path / "bans.json").write_text("[{")
    third = Guarded()
    await BanViews(third, state).ban({"what": "203.0.113.1"})
    assert not third.bans.keeps_out_address("203.0.113.9")
    assert (tmp_path / "bans.json.damaged").read_text() == "[{"


async def test_a_ban_that_cannot_be_kept_holds_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    guarded = Guarded()
    answer = await BanViews(guarded, State(tmp_path / "file")).ban({"what": "203.0.113.1"})
    assert answer["kept"] is False
    assert guarded.bans.keeps_out_address("203.0.113.1")
    assert "they last until this program ends" in caplog.text


async def test_a_node_that_is_banned_loses_its_session_and_its_records() -> None:
    guarded = Guarded()
    server = DssServer(
        Parameters(domain="sockets.test"),
        identity=b"D" * 16,
        boot=b"0" * 16,
        admit=lambda ip: not guarded.bans.keeps_out_address(ip),
    )
    guarded.dss = server
    await server.start([("127.0.0.1", 0)])
    at = server.endpoints[0]
    banned = Running(1, at)
    await banned.holds(2)
    assert len(list(server.directory.records(Kind.NODE))) == 1
    guarded.bans.add("127.0.0.1", why="test")
    assert server.expel() == 1
    assert not list(server.directory.records(Kind.NODE))
    await banned.watcher.until(lambda: any("may not join" in text for text in banned.watcher.happened))
    with pytest.raises(DssRefused, match="may not join"):
        await read_domain(at)
    guarded.bans.lift("127.0.0.1")
    assert (await read_domain(at)).parameters.domain == "sockets.test"
    await banned.end()
    await server.close()


async def test_the_dss_of_a_node_is_closed_to_who_is_banned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nwip.binding.local_addresses", list)
    bans = Bans(lambda: 1000.0)
    config = parse(f'[dss]\nport = {free_port()}\npeer-port = {free_port()}\nstore = "memory"', "nwip.toml")
    server = await open_dss(config, State(tmp_path), b"b" * 16, lambda _: None, bans=bans)
    at = server.endpoints[0]
    assert (await read_domain(at)).parameters.domain
    bans.add("127.0.0.1")
    with pytest.raises(DssRefused, match="may not join"):
        await read_domain(at)
    await server.close()
    monkeypatch.setattr("nwip.binding.local_addresses", lambda: ["127.0.0.1"])
    server = await open_dss(config, State(tmp_path), b"b" * 16, lambda _: None, bans=bans)
    assert (await read_domain(server.endpoints[0])).parameters.domain, "a node does not lock itself out"
    await server.close()


async def test_another_node_is_kept_out_of_the_data_port_and_comes_back_when_the_ban_ends(
    tmp_path: Path,
) -> None:
    async with two_nodes(tmp_path) as site, asyncio.timeout(60):
        ping = {"ask": "ping", "address": "east", "count": 1, "timeout": 0.3}

        async def replies() -> int:
            try:
                found = await asyncio.to_thread(ask, site.at_west, ping)
            except NodeRefused:
                return 0
            assert isinstance(found, dict)
            return len(found["replies"])

        assert await replies() == 1
        await asked(site.west, ask="ban", what="127.0.0.6")
        assert await replies() == 0
        assert site.east.gateway is not None
        before = site.west.gateway.virtual.counters.packets_in if site.west.gateway else 0
        await asyncio.to_thread(ask, site.at_east, {**ping, "address": "FFFFFFFFFFFF"})
        assert site.west.gateway is not None
        assert site.west.gateway.virtual.counters.packets_in == before
        await asked(site.west, ask="ban", what="127.0.0.6", seconds=1.0)
        while not await replies():
            pass


async def test_a_conversation_that_flows_by_itself_ends_with_a_ban_of_the_far_player(tmp_path: Path) -> None:
    async with (
        two_nodes(tmp_path) as site,
        DosboxPlayer(("127.0.0.5", 20213), local=("127.0.0.7", 0)) as here,
        DosboxPlayer(("127.0.0.6", 20213), local=("127.0.0.8", 0)) as there,
        asyncio.timeout(60),
    ):
        to = (await here.register())._replace(socket=0x5678)
        far = (await there.register()).node

        async def crosses(payload: bytes) -> bool:
            there.send(Packet(to, to, payload=payload))
            try:
                while (await here.receive(0.3)).payload != payload:
                    pass
            except TimeoutError:
                return False
            return True

        while not await crosses(b"first"):
            pass
        for number in range(4):  # the port remembers the way: the gateway sees no more of it
            assert await crosses(bytes([number]))
        assert site.west.gateway is not None
        await asked(site.west, ask="ban", what=far.hex())
        assert not await crosses(b"banned")
        assert site.west.gateway.virtual.counters.drops["banned"] == 1
        await asked(site.west, ask="ban-lift", what=far.hex())
        assert await crosses(b"again")


async def test_who_is_banned_learns_of_no_dss_and_calls_none(tmp_path: Path) -> None:
    bans = Bans(lambda: 1000.0)
    parameters = Parameters(domain="sockets.test")
    config = parse('dss.admit = ["any"]', "nwip.toml")
    server = DssServer(
        parameters,
        identity=b"D" * 16,
        boot=b"0" * 16,
        admit=lambda _: True,
        admit_peers=lambda _: True,
        banned=bans.keeps_out_address,
    )
    await server.start([("127.0.0.1", 0)])
    answers = answerer(config, server, lambda: None, lambda: parameters, bans.keeps_out_address)
    assert answers.answer(query(b"nonce_"), ("127.0.0.1", 1)) is not None
    assert server.replication.admits("127.0.0.1")
    calling = server.replication.open("127.0.0.1", 0.0, calling=False)
    assert not calling.closing
    bans.add("127.0.0.1")
    assert answers.answer(query(b"nonce_"), ("127.0.0.1", 1)) is None
    assert not server.replication.admits("127.0.0.1")
    assert server.expel() == 1
    assert calling.closing
    await server.close()


async def test_a_timed_ban_of_an_earlier_run_ends_too(tmp_path: Path) -> None:
    state = State(tmp_path)
    now = 1000.0
    guarded = Guarded()
    await BanViews(guarded, state).ban({"what": "203.0.113.1", "seconds": 1.0})
    again = Guarded()
    again.bans = Bans(lambda: now)
    views = BanViews(again, state)
    assert again.bans.keeps_out_address("203.0.113.1")
    now = 1001.0
    await until(lambda: not len(again.bans))
    assert await views.bans({}) == []


async def test_an_audit_log_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    config = parse(f'node.audit = "{tmp_path}"', "nwip.toml")
    sentence = f"nwip.toml: key 'node.audit' means {tmp_path}: Is a directory; write the path of a file"
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        open_audit(config)
    assert open_audit(parse("", "nwip.toml")) is None
    log = open_audit(parse('node.audit = "log"', "nwip.toml"))
    assert log is not None
    log.close()
