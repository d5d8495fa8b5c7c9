"""QEMU's netdevs as media: which of them a link means, and what stands on QEMU's command line for it.

    netdev    ends                                     carries
    stream    listen or connect: HOST:PORT or a path   length and frame, on TCP or a UNIX socket
    socket    listen or connect: HOST:PORT             the same
    dgram     local and remote: HOST:PORT or paths     a frame a datagram, between two sockets
    socket    local and remote: HOST:PORT              the same (`udp=` and `localaddr=`)
    dgram     group: HOST:PORT of a multicast group    a frame a datagram, for everybody in the group
    socket    group: the same                          the same (`mcast=`)

Ends are named from our side: QEMU connects where we listen, and its remote is our local.
"""

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from nwip.dataplane.interfaces import address_towards
from nwip.directory.records import Endpoint
from nwip.links.lan.ends import End, end_text
from nwip.links.lan.medium import Medium
from nwip.links.lan.multicast import MulticastMedium, Way, is_multicast
from nwip.links.lan.qemu_dgram import UdpPairMedium, UnixPairMedium
from nwip.links.lan.qemu_stream import StreamMedium, everyone


class QemuWire(NamedTuple):
    """How a QEMU is reached, as the configuration says it; `interface` is our IPv4 address for multicast."""

    netdev: str = "stream"
    listen: str | None = None
    connect: str | None = None
    local: str | None = None
    remote: str | None = None
    group: str | None = None
    interface: str | None = None


def qemu_medium(wire: QemuWire, admit: Callable[[str], bool] = everyone) -> Medium:
    """Make the medium that `wire` means; `admit` says which IP addresses may connect where we listen.

    Raises `ValueError`, which names the key and says what to write, when it means none.
    """
    named = _ends(wire)
    if named <= {"listen", "connect"}:
        return _stream(wire, admit)
    if named == {"local", "remote"}:
        return _pair(wire)
    return _multicast(wire)


def parse_end(text: str) -> End:
    """Read `HOST:PORT`, `[IPV6]:PORT` or the path of a UNIX socket, which has a slash in it.

    Raises `ValueError` that says what to write.
    """
    if "/" in text:
        path = Path(text)
        if not path.is_absolute():
            raise ValueError(f'"{text}" is not an absolute path')
        return path
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 0xFFFF:
        raise ValueError(f'"{text}" is neither HOST:PORT nor the path of a UNIX socket')
    return host, int(port)


def _ends(wire: QemuWire) -> set[str]:
    """Return the ends that are named; raise `ValueError` where they do not belong together."""
    named = {
        key for key in ("listen", "connect", "local", "remote", "group") if getattr(wire, key) is not None
    }
    allowed: dict[str, tuple[set[str], ...]] = {
        "stream": ({"listen"}, {"connect"}),
        "dgram": ({"local", "remote"}, {"group"}),
        "socket": ({"listen"}, {"connect"}, {"local", "remote"}, {"group"}),
    }
    if wire.netdev not in allowed:
        raise ValueError(f'netdev "{wire.netdev}" is none of stream, dgram and socket')
    if named not in allowed[wire.netdev]:
        choices = "; or ".join(" and ".join(sorted(keys)) for keys in allowed[wire.netdev])
        raise ValueError(f'netdev "{wire.netdev}" wants {choices}')
    if wire.interface is not None and named != {"group"}:
        raise ValueError("interface belongs to group")
    return named


def _stream(wire: QemuWire, admit: Callable[[str], bool]) -> StreamMedium:
    listening = wire.listen is not None
    end = parse_end(wire.listen or wire.connect or "")
    if listening:
        _check_address("listen", end)
    if wire.netdev == "socket":
        if isinstance(end, Path):
            raise ValueError('netdev "socket" has no UNIX sockets: write HOST:PORT, or netdev "stream"')
        verb = "connect" if listening else "listen"
        return StreamMedium(
            end,
            listening=listening,
            admit=admit,
            hint=lambda end: f"-netdev socket,id=nwip,{verb}={end_text(end)}",
        )
    server = "off" if listening else "on"
    return StreamMedium(
        end,
        listening=listening,
        admit=admit,
        hint=lambda end: f"-netdev stream,id=nwip,server={server},{_end('addr', end)}",
    )


def _pair(wire: QemuWire) -> Medium:
    local, remote = parse_end(wire.local or ""), parse_end(wire.remote or "")
    if isinstance(local, Path) and isinstance(remote, Path):
        if wire.netdev == "socket":
            raise ValueError('netdev "socket" has no UNIX sockets: write HOST:PORT, or netdev "dgram"')
        return UnixPairMedium(local, remote, hint=_dgram_hint(remote))
    if isinstance(local, Path) or isinstance(remote, Path):
        raise ValueError("local and remote are both HOST:PORT, or both paths")  # noqa: TRY004 - of a setting
    _check_address("local", local)
    _check_address("remote", remote)
    if remote[1] == 0:
        raise ValueError("remote needs a port")
    if wire.netdev == "socket":
        return UdpPairMedium(
            local,
            remote,
            hint=lambda local: f"-netdev socket,id=nwip,udp={end_text(local)},localaddr={end_text(remote)}",
        )
    return UdpPairMedium(local, remote, hint=_dgram_hint(remote))


def _multicast(wire: QemuWire) -> MulticastMedium:
    group = parse_end(wire.group or "")
    if isinstance(group, Path) or not is_multicast(group[0]) or group[1] == 0:
        raise ValueError(f'group "{wire.group}" is not HOST:PORT of an IPv4 multicast group')
    interface = wire.interface
    if interface is not None:
        _check_address("interface", (interface, 0))
    host, port = group
    if wire.netdev == "socket":
        line = f"-netdev socket,id=nwip,mcast={host}:{port}"
        line += f",localaddr={interface}" if interface else ""
    else:
        line = f"-netdev dgram,id=nwip,{_end('remote', group)}"
        line += f",{_end('local', (interface, 0))}" if interface else ""
    return MulticastMedium(
        group,
        lambda: _one_way(group, interface),
        hints={"for QEMU, add": line},
    )


def _one_way(group: Endpoint, interface: str | None) -> list[Way]:
    """Return the interface that was named, else the one that the kernel would choose, as QEMU has it."""
    try:
        return [Way(interface or address_towards(group), group[0], loop=True)]
    except OSError:
        return []


def _check_address(key: str, end: End) -> None:
    if isinstance(end, Path):
        return
    try:
        ipaddress.ip_address(end[0])
    except ValueError:
        raise ValueError(f'{key} "{end[0]}" is not an IP address') from None


def _dgram_hint(remote: End) -> Callable[[End], str]:
    return lambda local: f"-netdev dgram,id=nwip,{_end('local', remote)},{_end('remote', local)}"


def _end(key: str, end: End) -> str:
    """Return the options of the netdevs `stream` and `dgram` that name an end."""
    if isinstance(end, Path):
        return f"{key}.type=unix,{key}.path={end}"
    return f"{key}.type=inet,{key}.host={end[0]},{key}.port={end[1]}"
