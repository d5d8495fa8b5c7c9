"""The ten likeliest mistakes, each made for real: what nwip says is what docs/guides/mistakes.md promises."""

import asyncio
import socket
from pathlib import Path
from typing import Final, Self

import pytest

import nwip
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.numbers import Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.links.dosbox.player import DosboxPlayer
from real.free_port import free_udp_port
from real.mistaken import HERE, THERE, Place, promises
from sealed_machine import until
from service.another_user import USER, open_folder, readable_python

PATHS: Final = 'state = "state"\ncontrol = "c.sock"\n'
STATION: Final = bytes.fromhex("00A0C9123456")
DSS: Final = f'[dss]\nserve = true\nlisten = ["{HERE}"]\nport = 10396\n'
NODE: Final = f'[node]\nname = "west"\naddress = "{HERE}"\n{PATHS}'


def expect(title: str, said: str) -> None:
    """See that all that the page shows of a mistake was said."""
    for line in promises()[title]:
        assert line in said, f"{line!r} is not in what was said:\n{said}"


def says_all(title: str, place: Place) -> bool:
    return all(line in place.logged() for line in promises()[title])


def test_the_page_has_ten_mistakes_and_shows_what_each_says() -> None:
    found = promises()
    assert len(found) == 10
    assert all(found.values())


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    text = f'[[link]]\nkind = "dosbox"\nlisten = ["{HERE}"]\nport = 10213\n'
    first = Place(tmp_path / "first", NODE + DSS + text)
    second = Place(tmp_path / "second", (NODE + DSS).replace(HERE, THERE) + text)
    with first.up():
        done = second.nwip("up")
    assert done.returncode == 2
    expect("The port is taken", done.stderr.replace(HERE, "192.0.2.1"))


@pytest.mark.real("root", "netns")
def test_a_port_that_takes_privilege() -> None:
    python = readable_python()
    with open_folder() as folder:
        who = [f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--inh-caps=-all"]
        place = Place(
            folder / "here",
            f"{NODE}[dss]\nserve = true\nport = 396\n",
            ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", "setpriv", *who],
            program=python.program,
            more=python.environment,
        )
        place.folder.chmod(0o777)
        place.file.chmod(0o644)
        done = place.nwip("up")
    assert done.returncode == 2
    expect("No privilege", done.stderr)


def test_a_key_of_nobody_in_a_sealed_domain(tmp_path: Path) -> None:
    dss = Place(tmp_path / "dss", NODE + DSS)
    node = Place(tmp_path / "node", f'[node]\nname = "east"\naddress = "{THERE}"\n{PATHS}')
    assert dss.nwip("domain", "create", "games.example.org").returncode == 0
    with dss.up():
        token = dss.nwip("domain", "invite", "--server", f"{HERE}:10396").stdout.splitlines()[0].split()[-1]
        assert node.nwip("join", token).returncode == 0
        (node.folder / "state" / "key").write_text("11" * 32 + "\n")
        said = node.says("up")
        text = f'[domain]\nname = "games.example.org"\n[dss]\nservers = ["{HERE}:10396"]\n'
        stranger = Place(tmp_path / "stranger", node.file.read_text() + text)
        with stranger.up(ready=False):
            until(lambda: "sealed" in stranger.logged())
    expect("The wrong key", said + stranger.logged())


def test_a_key_of_the_file_that_nwip_does_not_know(tmp_path: Path) -> None:
    place = Place(tmp_path / "here", '[domain]\nname = "games.example.org"\n[dss]\nlisten_at = ["0.0.0.0"]\n')
    done = place.nwip("config", "check", "nwip.toml")
    assert done.returncode == 2
    expect("An unknown key", done.stderr)
    assert place.nwip("up").stderr == done.stderr


def test_a_dss_that_cannot_be_reached(tmp_path: Path) -> None:
    place = Place(tmp_path / "here", f'{NODE}[dss]\nservers = ["{THERE}:10396"]\n[domain]\nname = "x.test"\n')
    with place.up(ready=False):
        until(lambda: says_all("The DSS is not reached", place))
    expect("The DSS is not reached", place.logged())


def test_a_domain_whose_name_is_misspelt(tmp_path: Path) -> None:
    dss = Place(tmp_path / "dss", f'[domain]\nname = "games.example.org"\n{NODE}{DSS}')
    node = Place(
        tmp_path / "node",
        f'[domain]\nname = "gmaes.example.org"\n[node]\naddress = "{THERE}"\n{PATHS}'
        f'[dss]\nservers = ["{HERE}:10396"]\n',
    )
    with dss.up(), node.up(ready=False):
        until(lambda: says_all("The domain's name is misspelt", node))
    expect("The domain's name is misspelt", node.logged())


class Cable:
    """The wire of a `qemu` link to one station, which is the test itself."""

    def __init__(self) -> None:
        self.port = free_udp_port()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.link = (
            f'[[link]]\nkind = "qemu"\nname = "lan"\nnetdev = "dgram"\nlocal = "127.0.0.1:{self.port}"\n'
            f'remote = "127.0.0.1:{self.socket.getsockname()[1]}"\n'
            'network = "C0FFEE"\nframe = "Ethernet_II"\n'
        )

    def send(self, packet: Packet, frame_type: FrameType) -> None:
        frame = Frame.of(BROADCAST_NODE, STATION, frame_type, packet.encode())
        self.socket.sendto(frame.encode(), ("127.0.0.1", self.port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def says_on_its_links(place: Place, title: str, cable: Cable, packet: Packet, frame_type: FrameType) -> bool:
    """Let the station speak once more, and see whether `nwip links` tells of the mistake."""
    cable.send(packet, frame_type)
    said = place.says("links")
    return all(line in said for line in promises()[title] if line.startswith("! "))


def test_a_network_number_that_two_have(tmp_path: Path) -> None:
    title = "Two networks with one number"
    lan = '[[link]]\nkind = "qemu"\nname = "lan"\nlisten = "127.0.0.1:10086"\nnetwork = "C0FFEE"\n'
    twice = Place(tmp_path / "twice", f'{lan}[[link]]\nkind = "tap"\nnetwork = "C0FFEE"\n')
    done = twice.nwip("config", "check", "nwip.toml")
    assert done.returncode == 2
    routes = RipPacket(RipOperation.RESPONSE, (RipEntry(0xBEEF, 1, 2),)).encode()
    source = Address(0xBEEF, STATION, Socket.RIP)
    packet = Packet(Address(0xBEEF, BROADCAST_NODE, Socket.RIP), source, payload=routes)
    with Cable() as cable, (place := Place(tmp_path / "here", NODE + DSS + cable.link)).up():
        until(lambda: says_on_its_links(place, title, cable, packet, FrameType.ETHERNET_II))
        expect(title, done.stderr + place.says("links"))


def test_a_frame_type_that_the_link_does_not_speak(tmp_path: Path) -> None:
    title = "The wrong frame type"
    everyone, station = Address(0, BROADCAST_NODE, 0x869C), Address(0, STATION, 0x869C)
    packet = Packet(everyone, station, payload=b"who is there?")
    with Cable() as cable, (place := Place(tmp_path / "here", NODE + DSS + cable.link)).up():
        until(lambda: says_on_its_links(place, title, cable, packet, FrameType.ETHERNET_802_3))
        expect(title, place.says("links"))


def test_two_dss_that_are_both_primary(tmp_path: Path) -> None:
    title = "Two primaries"
    first, second = (
        Place(
            tmp_path / name,
            f'[domain]\nname = "games.example.org"\n[node]\nname = "{name}"\naddress = "{at}"\n{PATHS}'
            f'[dss]\nserve = true\nlisten = ["{at}"]\nport = 10396\npeers = ["{other}"]\n',
        )
        for name, at, other in (("west", HERE, THERE), ("east", THERE, HERE))
    )
    for place in (first, second):
        with place.up(ready=False):
            until(lambda: place.nwip("dss", "promote").returncode == 0)  # noqa: B023 - called at once
    with first.up(), second.up():
        until(lambda: "ALARM" in first.says("dss", "status"))
        said = first.says("dss", "status")
    if "east stays it" in said:  # chance gives the higher identity to one of them
        said = said.replace("west", "?").replace("east", "west").replace("?", "east")
    expect(title, said)


@pytest.mark.asyncio
async def test_a_packet_that_is_larger_than_a_path_carries(tmp_path: Path) -> None:
    title = "A packet that is too large"
    link = f'[[link]]\nkind = "dosbox"\nname = "players"\nlisten = ["{HERE}"]\nport = 10213\n'
    place = Place(tmp_path / "here", NODE + DSS + link)
    with place.up():
        async with (
            asyncio.timeout(20),
            DosboxPlayer((HERE, 10213)) as player,
            nwip.open_socket(control=place.folder / "c.sock") as program,
        ):
            await player.register()
            await player.ping(timeout=0.05)  # its first packet proves it
            await program.send(bytes(1470), player.address._replace(socket=0x869C))
            await program.send(b"it fits", player.address._replace(socket=0x869C))
            assert (await player.receive(5)).payload == b"it fits"
            said = await asyncio.to_thread(place.says, "links")
    expect(title, said)
