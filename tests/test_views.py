"""What a running node tells: by its control socket, with real players on its link."""

import asyncio
from pathlib import Path

import pytest

from nodes import dss, node, until
from nwip.control import NodeRefused, ask
from nwip.ipx.address import format_node
from nwip.links.dosbox.player import DosboxPlayer

pytestmark = pytest.mark.asyncio


async def asked(control: Path, **question: object) -> object:
    return await asyncio.to_thread(ask, control, question)


async def rows(control: Path, **question: object) -> list[dict[str, object]]:
    answer = await asked(control, **question)
    assert isinstance(answer, list)
    return answer


async def test_ping_reaches_players_nodes_and_names_and_says_who_answered(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with dss() as server:
        port = server.endpoints[0][1]
        async with (
            node(tmp_path / "a", port, "127.0.0.5") as (_, said_a),
            node(tmp_path / "b", port, "127.0.0.6") as (there, said_b),
            DosboxPlayer(("127.0.0.6", 20213)) as ben,
        ):
            await until(lambda: said_a and said_b)
            await ben.register()
            await ben.ping(timeout=0.05)
            gateway = there.gateway
            assert gateway is not None
            await until(lambda: gateway.hosts_of(gateway.links[0]))
            control = tmp_path / "a" / "control.sock"
            player, network = format_node(ben.address.node), "00C0FFEE"
            for address, answering in (
                (player, player),
                (f"{network}.{player}", player),
                ("7E017F000006", "7E017F000006"),
                ("7E017F000005", "7E017F000005"),
                ("FFFFFFFFFFFF", player),
            ):
                answer = await asked(control, ask="ping", address=address, count=2, timeout=0.5)
                assert isinstance(answer, dict)
                assert answer["sent"] == 2
                assert [reply["from"] for reply in answer["replies"]] == [f"{network}.{answering}"] * 2
            answer = await asked(control, ask="ping", address="0200000000EE", count=1, timeout=0.3)
            assert answer == {"address": f"{network}.0200000000EE.0000", "sent": 1, "replies": []}
            (client,) = await rows(tmp_path / "b" / "control.sock", ask="clients")
            assert (client["node"], client["link"]) == (player, "dosbox")
            found = await rows(control, ask="resolve", name="MUSEUM")
            assert {(row["kind"], row["address"]) for row in found} == {
                ("node", f"{network}.7E017F000005"),
                ("node", f"{network}.7E017F000006"),
            }


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({"ask": "ping", "address": "no such thing"}, 2),
        ({"ask": "ping", "address": "1", "count": 0}, 2),
        ({"ask": "ping", "address": "1", "timeout": "long"}, 2),
        ({"ask": "everything"}, 2),
    ],
)
async def test_a_wrong_question_is_refused_in_one_sentence(
    tmp_path: Path, question: dict[str, object], code: int
) -> None:
    async with dss() as server, node(tmp_path, server.endpoints[0][1]) as (_, said):
        await until(lambda: said)
        with pytest.raises(NodeRefused) as caught:
            await asked(tmp_path / "control.sock", **question)
    assert caught.value.code == code


async def test_before_a_dss_has_answered_there_is_nothing_to_see(tmp_path: Path) -> None:
    async with dss() as server:
        port = server.endpoints[0][1]
    async with node(tmp_path, port):
        with pytest.raises(NodeRefused, match="no DSS has answered") as caught:
            await asked(tmp_path / "control.sock", ask="services")
        assert caught.value.code == 3
