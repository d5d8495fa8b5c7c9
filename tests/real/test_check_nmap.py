"""Real nmap with our service probes and script: on a node with its DSS, and on a real DOSBox server."""

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from nwip.check.questions import datagram, dss_hello
from nwip.ipx.ping import registration
from real.dosbox import dosbox_in
from real.port_holders import node_up, one_host

FOLDER = Path(__file__).parent.parent.parent / "src" / "nwip" / "check" / "nmap"
PROBES = FOLDER / "nmap-service-probes"
SCRIPT = FOLDER / "nwip.nse"
NONCE = b"\x02nmap\x01"

NODE = """
[domain]
name = "games.test"
[node]
name = "museum"
[dss]
serve = true
[[link]]
kind = "dosbox"
"""


def nmap(namespace: str, *words: str) -> str:
    command = ["ip", "netns", "exec", namespace, "nmap", "-n", "-Pn", *words, "127.0.0.1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    assert not done.stderr, done.stderr
    return done.stdout


def octets(text: str) -> bytes:
    return re.sub(rb"\\x(..)", lambda found: bytes.fromhex(found[1].decode()), text.encode())


def test_the_octets_for_nmap_are_those_of_the_check() -> None:
    probes = dict(re.findall(r"^Probe \w+ (\w+) q\|(.*)\|$", PROBES.read_text("utf-8"), re.MULTILINE))
    script = dict(
        re.findall(r'^local (HELLO|NEAREST|STRANGER) = "(.*)"$', SCRIPT.read_text("utf-8"), re.MULTILINE)
    )
    hello = dss_hello(b"nmap".ljust(16, b"\0"))
    assert octets(probes["NwipHello"]) == octets(script["HELLO"]) == hello
    assert octets(probes["NwipNearest"]) == octets(script["NEAREST"]) == datagram(396, NONCE)
    assert octets(probes["NwipStranger"]) == octets(script["STRANGER"]) == datagram(213, NONCE)
    assert datagram(213, NONCE, register=True) == registration().encode()


@pytest.mark.real("netns", "nmap")
def test_nmaps_version_scan_knows_a_node_with_its_dss(tmp_path: Path) -> None:
    with one_host() as host, node_up(host, tmp_path, NODE):
        stream = nmap(host, "-sT", "-sV", "-p", "396,2010", "--versiondb", str(PROBES))
        datagrams = nmap(host, "-sU", "-sV", "-p", "213,396,43981", "--versiondb", str(PROBES))
    assert re.search(r"396/tcp +open +nwip-dss +nwip DSS \(domain games\.test\)", stream), stream
    assert re.search(r"2010/tcp +open +nwip-dss +nwip DSS \(for other DSSs\)", stream), stream
    assert re.search(r"213/udp +open +dosbox-ipx +nwip's server for DOSBox", datagrams), datagrams
    assert re.search(r"396/udp +open +netware-ip +NetWare/IP node \(domain games\.test\)", datagrams), (
        datagrams
    )
    assert re.search(r"43981/udp +open +netware-ip +NetWare/IP node \(domain games\.test\)", datagrams), (
        datagrams
    )


@pytest.mark.real("netns", "nmap")
def test_nmaps_script_tells_domain_and_name_of_a_dss(tmp_path: Path) -> None:
    ports = "T:396,2010,U:213,396,43981"
    with one_host() as host, node_up(host, tmp_path, NODE):
        told = nmap(host, "-sT", "-sU", "-p", ports, "--script", str(SCRIPT))
    blocks = {block.split(" ", 1)[0]: block for block in re.split(r"^(?=\d+/)", told, flags=re.MULTILINE)}
    assert re.search(r"protocol: DSS\n\| +domain: games\.test\n\|_ +name: museum", blocks["396/tcp"]), told
    assert "for other DSSs" in blocks["2010/tcp"]
    assert "DOSBox IPX, nwip's server" in blocks["213/udp"]
    for port in ("396/udp", "43981/udp"):
        assert "domain: games.test" in blocks[port]


@pytest.mark.real("netns", "nmap", "dosbox")
@pytest.mark.asyncio
async def test_nmaps_script_knows_a_dosbox_server_when_it_may_take_a_place(tmp_path: Path) -> None:
    commands = ["ipxnet startserver 213", "ipxnet status > up.txt"]
    with one_host() as host:
        async with dosbox_in(host, tmp_path, commands) as box:
            async with asyncio.timeout(30):
                while "from port" not in box.text("UP.TXT"):
                    await asyncio.sleep(0.05)
            words = ("-sU", "-p", "213", "--script", str(SCRIPT), "--script-args", "nwip.register=1")
            told = await asyncio.to_thread(nmap, host, *words)
    assert re.search(r"213/udp +open +dosbox-ipx\n\| nwip: *\n\|_ +protocol: DOSBox IPX\n", told), told


@pytest.mark.real("netns", "nmap", "dosbox")
@pytest.mark.asyncio
async def test_nmaps_bare_scan_takes_a_place_on_a_dosbox_server_as_the_guide_says(tmp_path: Path) -> None:
    commands = [
        "ipxnet startserver 213",
        "ipxnet status > before.txt",
        ":wait",
        "rescan",
        "if not exist scanned.txt goto wait",
        "ipxnet status > after.txt",
        "exit",
    ]
    with one_host() as host:
        async with dosbox_in(host, tmp_path, commands) as box:
            async with asyncio.timeout(30):
                while "from port" not in box.text("BEFORE.TXT"):
                    await asyncio.sleep(0.05)
            await asyncio.to_thread(nmap, host, "-sU", "-p", "213")
            (tmp_path / "SCANNED.TXT").touch()
            await box.finished(within=30)
    assert box.text("AFTER.TXT").count("from port") > box.text("BEFORE.TXT").count("from port")
