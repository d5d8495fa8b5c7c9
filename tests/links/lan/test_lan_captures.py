"""Traffic of a real server and its clients, replayed into a LAN engine."""

from pathlib import Path
from typing import Final

import pytest

from nwip.capture.pcap import read_capture
from nwip.ipx.address import BROADCAST_NODE
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.packet import Packet
from nwip.links.lan.engine import LanEngine
from nwip.links.lan.events import Found, Joined, Warned
from nwip.links.lan.frame_types import OTHER_TYPE
from nwip.links.lan.ingress import OTHER_NETWORK
from nwip.links.lan.own_numbers import OwnNumbers

pytestmark = pytest.mark.real("shared")

CAPTURES: Final = {
    "netware-ethernet-ii.pcap": FrameType.ETHERNET_II,
    "netware-802.3-raw.pcap": FrameType.ETHERNET_802_3,
}
SERVER, CLIENT = bytes.fromhex("525400000001"), bytes.fromhex("525400000002")
NETWORK: Final = 1
US: Final = bytes.fromhex("02000000CA4D")


def frames_of(shared: Path, name: str) -> list[bytes]:
    with (shared / "captures" / name).open("rb") as stream:
        frames = [captured.octets for captured in read_capture(stream)]
    return [octets for octets in frames if Frame.decode(octets) is not None]  # the rest is ARP and IPv6


def engine(
    frame_type: FrameType | None, station: bytes, *, network: int = NETWORK, joined: bool = False
) -> LanEngine:
    made = LanEngine(OwnNumbers(network, station, station, joined=joined), frame_type)
    made.start(0.0)
    return made


@pytest.mark.parametrize(("name", "frame_type"), CAPTURES.items())
def test_a_router_in_the_servers_place_takes_every_packet_of_the_clients(
    shared: Path, name: str, frame_type: FrameType
) -> None:
    frames = frames_of(shared, name)
    clients = [frame for frame in frames if frame[6:12] == CLIENT]
    lan = engine(frame_type, SERVER)
    arrivals = lan.receive_frames(clients, 1.0)
    decoded = [frame for octets in clients if (frame := Frame.decode(octets)) is not None]
    assert [arrival.packet for arrival in arrivals] == [frame.packet for frame in decoded]
    assert len(arrivals) > 200
    assert lan.counters.drops == {}
    for arrival, octets in zip(arrivals, clients, strict=True):
        again = engine(frame_type, CLIENT).frame(arrival.packet, octets[:6], 1.0)
        assert again == octets.ljust(60, b"\0")


@pytest.mark.parametrize(("name", "frame_type"), CAPTURES.items())
def test_a_joined_link_finds_the_frame_type_the_hosts_and_the_servers_own_network(
    shared: Path, name: str, frame_type: FrameType
) -> None:
    frames = frames_of(shared, name)
    lan = engine(None, US, joined=True)
    arrivals = []
    for octets in frames:
        arrivals += lan.receive_frames([octets], 1.0)
        lan.frames_to_send()
    lan.advance(5.0)
    assert lan.types.spoken is frame_type
    events = lan.events()
    assert [type(event) for event in events] == [Found, Joined, Joined]
    assert {event.node for event in events if isinstance(event, Joined)} == {SERVER, CLIENT}
    broadcasts = [Packet.decode(arrival.packet) for arrival in arrivals]
    assert {packet.destination.node for packet in broadcasts} == {BROADCAST_NODE}


@pytest.mark.parametrize(("name", "frame_type"), CAPTURES.items())
def test_a_joined_link_of_another_network_takes_no_host_and_says_why(
    shared: Path, name: str, frame_type: FrameType
) -> None:
    lan = engine(frame_type, US, network=0xC0FFEE, joined=True)
    assert lan.receive_frames(frames_of(shared, name), 1.0) == []
    (warning,) = lan.events()
    assert isinstance(warning, Warned)
    assert "network 00000001" in warning.text
    assert lan.counters.drops[OTHER_NETWORK] > 200


@pytest.mark.parametrize(("name", "frame_type"), CAPTURES.items())
def test_a_link_of_another_frame_type_says_which_to_add(
    shared: Path, name: str, frame_type: FrameType
) -> None:
    frames = frames_of(shared, name)
    lan = engine(FrameType.ETHERNET_802_2, SERVER)
    assert lan.receive_frames(frames, 1.0) == []
    (warning,) = lan.events()
    assert isinstance(warning, Warned)
    assert f'frame = "{frame_type.value}"' in warning.text
    assert lan.counters.drops == {OTHER_TYPE[frame_type]: len([f for f in frames if f[6:12] != SERVER])}
