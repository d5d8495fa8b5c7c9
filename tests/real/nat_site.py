"""An internet of the test's own: a host on it, and two behind a NAT each, made by the kernel (nft)."""

import contextlib
import itertools
import os
import subprocess
from collections.abc import Iterator
from typing import Final, NamedTuple

from real.namespaces import ip

OUTER: Final = "192.0.2"
_numbers = itertools.count()


class Internet(NamedTuple):
    """Namespaces: a host at 192.0.2.1; two at 10.0.0.2, whose NATs are at 192.0.2.11 and 192.0.2.12."""

    host: str
    west: str
    east: str
    west_nat: str
    east_nat: str


def nft(namespace: str, *commands: str) -> None:
    """Run commands of nft in a namespace."""
    subprocess.run(
        ["ip", "netns", "exec", namespace, "nft", "-f", "-"],
        input="\n".join(commands).encode(),
        check=True,
        capture_output=True,
        timeout=10,
    )


def masquerade(nat: str, how: str = "") -> None:
    """Let a NAT hide what is behind it; `how` says which UDP ports it takes, else those of the hosts."""
    by_udp = f"oifname eth0 meta l4proto udp masquerade {how};" if how else ""
    nft(
        nat,
        "flush ruleset",
        "table ip nat {",
        f"chain out {{ type nat hook postrouting priority 100; {by_udp} oifname eth0 masquerade; }}",
        "}",
        "table ip filter {",
        "chain in { type filter hook input priority 0; iifname eth0 drop; }",
        "}",
    )


@contextlib.contextmanager
def internet() -> Iterator[Internet]:
    """Give the namespaces, all of whose cables are in."""
    turn = next(_numbers)
    names = Internet(*(f"nwip-{os.getpid()}-i{turn}-{part}" for part in ("h", "w", "e", "wn", "en")))
    switch = f"nwip-{os.getpid()}-i{turn}-s"
    try:
        for name in (switch, *names):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", switch, "link", "add", "br0", "type", "bridge")
        ip("-n", switch, "link", "set", "br0", "up")
        for name, address in ((names.host, 1), (names.west_nat, 11), (names.east_nat, 12)):
            port = f"port{address}"
            ip("-n", switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("-n", switch, "link", "set", port, "master", "br0", "up")
            ip("-n", name, "address", "add", f"{OUTER}.{address}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
        for inner, nat in ((names.west, names.west_nat), (names.east, names.east_nat)):
            ip("-n", nat, "link", "add", "eth1", "type", "veth", "peer", "name", "eth0", "netns", inner)
            ip("-n", nat, "address", "add", "10.0.0.1/24", "dev", "eth1")
            ip("-n", nat, "link", "set", "eth1", "up")
            ip("-n", inner, "address", "add", "10.0.0.2/24", "dev", "eth0")
            ip("-n", inner, "link", "set", "eth0", "up")
            ip("-n", inner, "route", "add", "default", "via", "10.0.0.1")
            subprocess.run(
                ["ip", "netns", "exec", nat, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True, timeout=10
            )
            masquerade(nat)
        yield names
    finally:
        for name in (*names, switch):
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "delete", name)


@contextlib.contextmanager
def beside(net: Internet) -> Iterator[str]:
    """Give one more host, at 10.0.0.3, on the cable of the west one."""
    name = f"{net.west}2"
    try:
        ip("netns", "add", name)
        ip("-n", net.west_nat, "link", "add", "br1", "type", "bridge")
        ip("-n", net.west_nat, "link", "add", "eth2", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("-n", net.west_nat, "address", "flush", "dev", "eth1")
        for port in ("eth1", "eth2"):
            ip("-n", net.west_nat, "link", "set", port, "master", "br1", "up")
        ip("-n", net.west_nat, "address", "add", "10.0.0.1/24", "dev", "br1")
        ip("-n", net.west_nat, "link", "set", "br1", "up")
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "address", "add", "10.0.0.3/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "route", "add", "default", "via", "10.0.0.1")
        yield name
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            ip("netns", "delete", name)


def forward(nat: str, *ports: str) -> None:
    """Let a NAT forward ports, such as `tcp dport 396`, to 10.0.0.2, where they come from outside."""
    rules = " ".join(f"iifname eth0 {port} dnat to 10.0.0.2;" for port in ports)
    chain = f"chain arriving {{ type nat hook prerouting priority -100; {rules} }}"
    nft(nat, "table ip forwarding {", chain, "}")


def forget_ways(nat: str) -> None:
    """Let a NAT forget whom it has let out, as when it starts again."""
    for state in ("down", "up"):
        ip("-n", nat, "link", "set", "eth0", state)
