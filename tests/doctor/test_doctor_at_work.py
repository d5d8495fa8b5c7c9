"""`nwip doctor` on real machines: namespaces with nodes, a narrow path, a firewall, a LAN, and mistakes."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.packet import Packet
from real.mistaken import HERE, THERE, Place
from real.namespaces import inside, ip, two_hosts
from sealed_machine import until

PATHS: Final = 'state = "state"\ncontrol = "c.sock"\n'
WEST: Final = f'[node]\nname = "west"\naddress = "{HERE}"\n{PATHS}'
STATION: Final = bytes.fromhex("00A0C9123456")

Findings = list[dict[str, str]]


def examined(place: Place, *options: str) -> tuple[Findings, int]:
    done = place.nwip("doctor", "--json", *options)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["findings"], done.returncode


def about(findings: Findings, what: str) -> dict[str, str]:
    found = [finding for finding in findings if finding["about"] == what]
    assert found, f"nothing about {what} in {findings}"
    return next((finding for finding in found if finding["verdict"] != "ok"), found[0])


def amiss(findings: Findings) -> set[str]:
    return {finding["about"] for finding in findings if finding["verdict"] != "ok"}


def test_a_file_that_cannot_be_used_is_the_only_finding(tmp_path: Path) -> None:
    findings, code = examined(Place(tmp_path / "here", "[dss]\nlisten_at = 7\n"))
    assert code == 1
    assert findings == [
        {
            "about": "configuration",
            "verdict": "fault",
            "says": "nwip.toml: key 'dss.listen_at' is not known",
            "mend": "did you mean 'dss.listen'?",
        }
    ]


def test_a_node_that_runs_is_well_and_one_that_has_lost_its_port_to_another_is_not(tmp_path: Path) -> None:
    dss = f'[dss]\nserve = true\nlisten = ["{HERE}"]\nport = 10396\n'
    place = Place(tmp_path / "here", WEST + dss)
    other = Place(tmp_path / "other", WEST + dss)
    with place.up():
        findings, code = examined(place)
        assert (amiss(findings), code) == (set(), 0)
        assert "answers at" in about(findings, "node")["says"]
        assert about(findings, "DSS")["says"] == f"the DSS here answers at {HERE}:10396"
        text = place.nwip("doctor").stdout
        assert "ok      configuration: nwip.toml can be used\n" in text
        findings, code = examined(other)
        assert (amiss(findings), code) == ({"port"}, 1)
        assert about(findings, "port")["mend"] == "'nwip check' says by which; stop it, or set dss.port"
    findings, code = examined(place)
    assert (amiss(findings), code) == (set(), 0)
    assert about(findings, "node")["mend"] == "start it: nwip up"


def test_a_dss_that_is_not_there_is_nothing_reached(tmp_path: Path) -> None:
    text = f'{WEST}[dss]\nservers = ["{THERE}:10396"]\n'
    findings, code = examined(Place(tmp_path / "here", text))
    assert code == 3
    found = about(findings, "discovery: preferred")
    assert (found["verdict"], found["says"]) == ("fault", f"DSS at {THERE}:10396: does not answer")
    assert "dss.servers" in found["mend"]


def test_what_the_node_has_noticed_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as station:
        station.bind(("127.0.0.1", 0))
        link = (
            '[[link]]\nkind = "qemu"\nname = "lan"\nnetdev = "dgram"\nlocal = "127.0.0.1:20086"\n'
            f'remote = "127.0.0.1:{station.getsockname()[1]}"\nnetwork = "86"\nframe = "Ethernet_II"\n'
        )
        place = Place(tmp_path / "here", f'{WEST}[dss]\nlisten = ["{HERE}"]\nport = 10396\n{link}')
        with place.up():

            def is_told() -> bool:
                station.sendto(frame(FrameType.ETHERNET_SNAP), ("127.0.0.1", 20086))
                return "alarm" in amiss(examined(place)[0])

            until(is_told)
            findings, code = examined(place)
    assert code == 1
    assert "but the link speaks Ethernet_II" in about(findings, "alarm")["says"]
    assert "of Ethernet_SNAP" in about(findings, "frame types on lan")["says"]


def frame(frame_type: FrameType) -> bytes:
    packet = Packet(Address(0, BROADCAST_NODE, 0x869C), Address(0, STATION, 0x869C), payload=b"who is there?")
    return Frame.of(BROADCAST_NODE, STATION, frame_type, packet.encode()).encode()


@pytest.fixture
def three(tmp_path: Path) -> Iterator[tuple[Place, Place, str, str]]:
    """Give two machines with a router between them, which sends on 1400 octets only."""
    with two_hosts("10.77.1.1/24", "10.77.1.254/24") as (left, router):
        far = f"{left}-far"
        ip("netns", "add", far)
        try:
            ip("-n", router, "link", "add", "eth1", "type", "veth", "peer", "name", "eth0", "netns", far)
            ip("-n", router, "address", "add", "10.77.2.254/24", "dev", "eth1")
            ip("-n", far, "address", "add", "10.77.2.1/24", "dev", "eth0")
            for name, device in ((router, "eth1"), (far, "eth0")):
                ip("-n", name, "link", "set", device, "mtu", "1400", "up")
            ip("-n", far, "link", "set", "lo", "up")
            ip("-n", left, "route", "add", "default", "via", "10.77.1.254")
            ip("-n", far, "route", "add", "default", "via", "10.77.2.254")
            ip("netns", "exec", router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
            dss = '[dss]\nserve = true\nlisten = ["10.77.2.1"]\nport = 10396\n'
            here = Place(
                tmp_path / "west",
                f'[node]\nname = "west"\n{PATHS}[dss]\nservers = ["10.77.2.1:10396"]\n',
                ["ip", "netns", "exec", left],
            )
            there = Place(
                tmp_path / "east", f'[node]\nname = "east"\n{PATHS}{dss}', ["ip", "netns", "exec", far]
            )
            yield here, there, left, far
        finally:
            ip("netns", "delete", far)


@pytest.mark.real("root", "netns", "nft")
@pytest.mark.timeout(120)
def test_a_path_that_is_narrow_and_a_firewall_that_drops_the_data_port(
    three: tuple[Place, Place, str, str],
) -> None:
    west, east, left, _ = three
    with east.up(), west.up():
        until(lambda: len(json.loads(west.nwip("nodes", "--json").stdout or "{}").get("nodes", [])) == 2)
        findings, code = examined(west)
        assert (amiss(findings), code) == ({"path to east"}, 1)
        found = about(findings, "path to east")
        assert found["says"].startswith("10.77.2.1:43981: IPX packets of up to 1372 octets fit whole; ")
        assert "DSS at 10.77.2.1:10396: answers" in about(findings, "discovery: preferred")["says"]
        rules = "table ip f {\nchain in {\ntype filter hook input priority 0;\nudp dport 43981 drop\n}\n}\n"
        nft = ["ip", "netns", "exec", left, "nft", "-f", "-"]
        subprocess.run(nft, input=rules, text=True, check=True, timeout=10)
        findings, code = examined(west)
        assert "firewall" in amiss(findings)
        assert about(findings, "firewall")["says"] == "the chain ip f in drops UDP 43981"


@pytest.mark.real("root", "netns")
@pytest.mark.parametrize("speaks", ["Ethernet_II", "Ethernet_802.3"])
def test_a_lan_is_listened_to_where_no_node_runs(tmp_path: Path, speaks: str) -> None:
    with two_hosts("10.77.0.1/24", "10.77.0.2/24") as (left, right):
        text = f'{WEST.replace(HERE, "10.77.0.1")}[[link]]\nkind = "ethernet"\ninterface = "eth0"\n'
        place = Place(tmp_path / "here", f'{text}frame = "{speaks}"\n', ["ip", "netns", "exec", left])
        with inside(right):
            card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with card, place.begin("doctor", "--json", "--listen", "1.5") as doctor:
            card.bind(("eth0", 0))

            def has_ended() -> bool:
                card.send(frame(FrameType.ETHERNET_802_3))
                return doctor.poll() is not None

            until(has_ended)
            assert doctor.stdout is not None
            findings = json.loads(doctor.stdout.read())["findings"]
    found = about(findings, "frame types on eth0")
    assert found["verdict"] == ("fault" if speaks == "Ethernet_II" else "ok")
    assert "of Ethernet_802.3" in found["says"]
