"""Which medium a configuration means, and what it says when it means none."""

from pathlib import Path

import pytest

from nwip.links.lan.multicast import MulticastMedium
from nwip.links.lan.qemu import QemuWire, parse_end, qemu_medium
from nwip.links.lan.qemu_dgram import UdpPairMedium, UnixPairMedium
from nwip.links.lan.qemu_stream import StreamMedium


@pytest.mark.parametrize(
    ("wire", "kind", "line"),
    [
        (
            QemuWire(listen="127.0.0.1:5555"),
            StreamMedium,
            "-netdev stream,id=nwip,server=off,addr.type=inet,addr.host=127.0.0.1,addr.port=5555",
        ),
        (
            QemuWire(connect="/run/qemu.sock"),
            StreamMedium,
            "-netdev stream,id=nwip,server=on,addr.type=unix,addr.path=/run/qemu.sock",
        ),
        (
            QemuWire("socket", listen="127.0.0.1:5555"),
            StreamMedium,
            "-netdev socket,id=nwip,connect=127.0.0.1:5555",
        ),
        (
            QemuWire("socket", connect="guests.example.org:5555"),
            StreamMedium,
            "-netdev socket,id=nwip,listen=guests.example.org:5555",
        ),
        (
            QemuWire("dgram", local="127.0.0.1:1", remote="127.0.0.1:2"),
            UdpPairMedium,
            (
                "-netdev dgram,id=nwip,local.type=inet,local.host=127.0.0.1,local.port=2,"
                "remote.type=inet,remote.host=127.0.0.1,remote.port=1"
            ),
        ),
        (
            QemuWire("dgram", local="/run/n.sock", remote="/run/q.sock"),
            UnixPairMedium,
            (
                "-netdev dgram,id=nwip,local.type=unix,local.path=/run/q.sock,"
                "remote.type=unix,remote.path=/run/n.sock"
            ),
        ),
        (
            QemuWire("socket", local="127.0.0.1:1", remote="127.0.0.1:2"),
            UdpPairMedium,
            "-netdev socket,id=nwip,udp=127.0.0.1:1,localaddr=127.0.0.1:2",
        ),
        (
            QemuWire("socket", group="230.0.0.1:1234"),
            MulticastMedium,
            "-netdev socket,id=nwip,mcast=230.0.0.1:1234",
        ),
        (
            QemuWire("dgram", group="230.0.0.1:1234", interface="192.0.2.1"),
            MulticastMedium,
            (
                "-netdev dgram,id=nwip,remote.type=inet,remote.host=230.0.0.1,remote.port=1234,"
                "local.type=inet,local.host=192.0.2.1,local.port=0"
            ),
        ),
    ],
)
def test_each_netdev_is_its_medium_and_says_what_qemu_wants(wire: QemuWire, kind: type, line: str) -> None:
    medium = qemu_medium(wire)
    assert isinstance(medium, kind)
    assert medium.mac is None
    assert medium.describe()["for QEMU, add"] == line


@pytest.mark.parametrize(
    ("wire", "complaint"),
    [
        (QemuWire("tap"), 'netdev "tap" is none of stream, dgram and socket'),
        (QemuWire(), 'netdev "stream" wants listen; or connect'),
        (QemuWire(listen="127.0.0.1:1", connect="127.0.0.1:2"), 'netdev "stream" wants listen; or connect'),
        (QemuWire("dgram", listen="127.0.0.1:1"), 'netdev "dgram" wants local and remote; or group'),
        (QemuWire("dgram", local="127.0.0.1:1"), 'netdev "dgram" wants local and remote; or group'),
        (QemuWire(listen="127.0.0.1:1", interface="127.0.0.1"), "interface belongs to group"),
        (QemuWire(listen="qemu"), '"qemu" is neither HOST:PORT nor the path of a UNIX socket'),
        (QemuWire(listen="127.0.0.1:70000"), '"127.0.0.1:70000" is neither'),
        (QemuWire(listen="run/qemu.sock"), '"run/qemu.sock" is not an absolute path'),
        (QemuWire(listen="example.org:1"), 'listen "example.org" is not an IP address'),
        (QemuWire("socket", listen="/run/q.sock"), 'netdev "socket" has no UNIX sockets'),
        (QemuWire("socket", local="/run/a", remote="/run/b"), 'netdev "socket" has no UNIX sockets'),
        (QemuWire("dgram", local="/run/a", remote="127.0.0.1:1"), "both HOST:PORT, or both paths"),
        (QemuWire("dgram", local="127.0.0.1:1", remote="127.0.0.1:0"), "remote needs a port"),
        (QemuWire("dgram", group="127.0.0.1:1234"), "not HOST:PORT of an IPv4 multicast group"),
        (QemuWire("dgram", group="230.0.0.1:1", interface="eth0"), 'interface "eth0" is not an IP address'),
    ],
)
def test_what_does_not_go_together_is_named(wire: QemuWire, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        qemu_medium(wire)


def test_places_are_read_as_people_write_them() -> None:
    assert parse_end("[2001:db8::1]:5555") == ("2001:db8::1", 5555)
    assert parse_end("/run/qemu.sock") == Path("/run/qemu.sock")
