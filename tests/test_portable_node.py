"""Which data plane a node's links use, and what an operator may say about it."""

from pathlib import Path

import pytest

from cli.running_node import nwip
from nodes import dss, node, until
from nwip.config import Config, portable
from nwip.config.reading import parse
from nwip.dataplane.kernel import IS_THERE
from nwip.dataplane.port import PortablePort

FASTEST = "batched" if IS_THERE else "portable"


@pytest.mark.asyncio
@pytest.mark.parametrize("plain", [True, False])
async def test_a_node_with_portable_ports_says_so_of_every_link(tmp_path: Path, *, plain: bool) -> None:
    more = f"portable = {str(plain).lower()}\n        busy-poll = 50"
    async with dss() as server, node(tmp_path, server.endpoints[0][1], more=more) as (running, said):
        await until(lambda: said)
        assert running.gateway is not None
        virtual, (link,) = running.gateway.virtual, running.gateway.links
        assert {each.describe()["data plane"] for each in (virtual, link)} == {
            "portable" if plain else FASTEST
        }
        polling = [isinstance(port, PortablePort) and port._spinner is not None for port in virtual._ports]
        assert polling == [True]


def test_the_command_line_overrules_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    taken: list[Config] = []

    def run(config: Config, *_: object) -> int:
        taken.append(config)
        return 0

    monkeypatch.setattr("nwip.running.run", run)
    file = tmp_path / "nwip.toml"
    file.write_text('[node]\nname = "museum"\nportable = false\n')
    for arguments in ([], ["--portable"]):
        assert nwip("--config", str(file), "up", *arguments).exit_code == 0
    assert [config.node.portable for config in taken] == [False, True]
    assert taken[1] == portable(taken[0])


def test_busy_poll_is_a_number_of_each_link() -> None:
    text = "[node]\nbusy-poll = 20\n[[link]]\nkind = 'dosbox'\nbusy-poll = 100\n"
    text += "[[link]]\nkind = 'dosbox'\nname = 'b'\nport = 9"
    config = parse(text, "nwip.toml")
    assert config.node.busy_poll == 20
    assert [getattr(link, "busy_poll", None) for link in config.links] == [100, 0]
