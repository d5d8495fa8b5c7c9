"""Real sessions of nodes and DSSs, captured on loopback: the dissector finds nothing malformed in them."""

from pathlib import Path

import pytest

from dss.test_peering import at, peers_of, site
from fixtures.tshark import fields, tshark
from nodes import PARAMETERS, node, until
from nwip.directory.records import Kind
from nwip.links.dosbox.player import DosboxPlayer
from real.sniffer import Sniffer

SCRIPT = Path(__file__).resolve().parent.parent.parent / "src" / "nwip" / "capture" / "wireshark" / "nwip.lua"


@pytest.mark.real("root", "tshark")
@pytest.mark.asyncio
async def test_every_message_of_nodes_and_dss_is_named_and_none_is_malformed(tmp_path: Path) -> None:
    capture = tmp_path / "sessions.pcapng"
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    with Sniffer(capture, None):
        async with site(2) as first, site(1, at(first)) as second:
            await until(lambda: peers_of(first) == peers_of(second) == 1)
            ports = [first.endpoints[0][1], second.endpoints[0][1]]
            peer_ports = [at(first)[1], at(second)[1]]
            async with (
                node(folders[0], ports[0], "127.0.0.5") as (west, said_west),
                node(folders[1], ports[1], "127.0.0.6") as (east, said_east),
                DosboxPlayer(("127.0.0.5", 20213)) as anna,
            ):
                await until(lambda: said_west and said_east)
                await anna.register()
                await anna.ping(timeout=0.05)
                for server in (first, second):
                    await until(lambda server=server: len([*server.directory.records(Kind.HOST)]) == 1)  # type: ignore[misc]
                gateway = east.gateway
                assert gateway is not None
                await until(lambda: [*gateway.directory.records(Kind.HOST)])
                await until(lambda: west.gateway and [*west.gateway.directory.records(Kind.NODE)][1:])
                await anna.ping(timeout=0.05)
    script = (
        *("-X", f"lua_script:{SCRIPT}", "-o", f"nwip.tcp_ports:{','.join(map(str, ports + peer_ports))}"),
        *("-o", f"nwip.udp_ports:{PARAMETERS.data_port}"),
    )
    faults = "nwip.malformed || _ws.lua.error || nwip.other || (ipx && _ws.malformed)"
    assert tshark(capture, *script, "-Y", faults) == ""
    rows = fields(capture, "nwip.message", "tcp.port", arguments=(*script, "-Y", "nwip.message"))
    of_nodes, of_peers = (
        {
            name
            for names, used in rows
            for name in names.split(",")
            if set(used.split(",")) & set(map(str, wanted))
        }
        for wanted in (ports, peer_ports)
    )
    assert of_nodes >= {
        *("Hello", "DomainParameters", "Subscribe", "Renew", "Register", "Acknowledge"),
        *("Delta", "SnapshotEnd", "Goodbye"),
    }
    assert of_peers >= {
        "Hello",
        "DomainParameters",
        "Neighbours",
        "Attached",
        "Summary",
        "Synchronised",
        "Delta",
    }
    assert not any("Unknown" in name for name in of_nodes | of_peers)
    assert fields(capture, "ipx.src", arguments=(*script, "-Y", f"ipx && udp.port == {PARAMETERS.data_port}"))
