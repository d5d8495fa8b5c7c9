"""Sites: LANs with hosts and gateways, which only a bad wire joins, and a DSS on a host of its own.

Everything has its own network namespace: a site's LAN, a bridge with the hosts' cards; each gateway, with a
card on its LAN and one on the wire; and the bridge in the middle of the wires.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple, Self

from conftest import is_there
from nwip.control import NodeRefused, NodeUnreachable, ask
from real.bad_wire import software_checksums, start_bad_wire
from real.lan_host import LanHost, card
from real.namespaces import ip
from real.watching import Place, Watch

DOMAIN: Final = "sites.test"
VIRTUAL: Final = 0x00C0FFEE
DSS: Final = "10.78.0.1"
STARTED_WITHIN: Final = 20.0  # seconds
WIRE: Final = "wire"  # as the place of a capture
BAD: Final = {"loss": 0.05, "delay": 0.03, "jitter": 0.01, "seconds": 600}  # between gateways there are two

_NODE: Final = """
[domain]
name = "{domain}"
{network}
[node]
name = "{name}"
address = "{address}"
state = "{folder}"
control = "{folder}/control.sock"
[dss]
"""
_SERVING: Final = """
serve = true
listen = ["{address}"]
"""
_ASKING: Final = """
servers = ["{dss}"]
[discovery]
ways = ["preferred"]
"""


class Site(NamedTuple):
    """A site's name, its LAN's frame type and network number; network 0: it is joined.

    The gateways of a site that is not `configured` are told neither: they learn them from its server.
    """

    name: str
    frame_type: str
    network: int = 0
    configured: bool = True

    @property
    def link(self) -> str:
        """The gateway's configuration of its LAN."""
        lines = ["[[link]]", 'kind = "ethernet"', 'interface = "lan0"']
        if self.configured:
            lines.append(f'frame = "{self.frame_type}"')
            lines.append(f'network = "{self.network:08X}"' if self.network else "joined = true")
        return "\n".join(lines)


class Member:
    """A node of the domain: a namespace with `eth0` on the wire, and `nwip up` in it."""

    def __init__(self, name: str, address: str, namespace: str, folder: Path, configuration: str) -> None:
        self.name = name
        self.address = address
        self.namespace = namespace
        self.folder = folder
        self._file = folder / "nwip.toml"
        self._file.write_text(configuration)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the node, or start it again."""
        command = [sys.executable, "-m", "nwip", "--config", str(self._file), "up"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """End it as a loss of power does: kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def stop(self) -> None:
        """Have it stop in order."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)
        self._process = None

    def ask(self, what: str, **more: object) -> list[dict[str, object]]:
        """Return the rows that the node answers to a question; none while it is not up."""
        try:
            rows = ask(self.folder / "control.sock", {"ask": what, **more})
        except (NodeUnreachable, NodeRefused):
            return []
        return rows if isinstance(rows, list) else []

    def log(self) -> str:
        """Return what it has said."""
        return (self.folder / "log").read_text()


class Lab:
    """The sites and what joins them, inside a `with` block. No node runs at first.

    Each site has a gateway, called as the site is; `add_gateway` gives it more. The wire is a good one where
    `bad` is False, and where the shared tools are not there.
    """

    def __init__(self, folder: Path, *sites: Site, bad: bool = True) -> None:
        self.sites = {site.name: site for site in sites}
        self.members: list[Member] = []
        self.gateways: dict[str, Member] = {}
        self._folder = folder
        self._bad = bad and is_there("shared")
        self._prefix = f"nwip-{os.getpid()}"
        self._middle = f"{self._prefix}-wire"
        self._namespaces: list[str] = []
        self._wires: list[subprocess.Popen[bytes]] = []
        self._hosts = contextlib.ExitStack()
        self._stations = 0

    def __enter__(self) -> Self:
        try:
            self._add_bridge(self._middle, "core")
            self._add_member("dss", _SERVING)
            for site in self.sites.values():
                self._add_bridge(self._lan(site.name), "lan")
                self.add_gateway(site.name, site)
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()

    async def start(self) -> None:
        """Start the DSS and all gateways, and wait until each knows all of them and has its links."""
        for member in self.members:
            member.start()
        async with asyncio.timeout(STARTED_WITHIN):
            for gateway in self.gateways.values():
                while len(gateway.ask("nodes")) < len(self.members) or len(gateway.ask("links")) < 2:
                    await asyncio.sleep(0.05)

    def add_gateway(self, name: str, site: Site | None, more: str = "") -> Member:
        """Add a gateway, on a site's LAN unless there is none; `more` are further links."""
        links = f"{site.link}\n{more}" if site else more
        self.gateways[name] = gateway = self._add_member(name, _ASKING, links)
        if site is None:
            return gateway
        lan = self._lan(site.name)
        end = ("name", f"g-{name}", "netns", lan)
        ip("-n", gateway.namespace, "link", "add", "lan0", "type", "veth", "peer", *end)
        ip("-n", lan, "link", "set", "dev", f"g-{name}", "master", "lan", "up")
        ip("-n", gateway.namespace, "link", "set", "lan0", "up")
        return gateway

    def host(self, site: str, internal: int = 0) -> LanHost:
        """Put a client on a site's LAN, or with an internal network a server; it lives as long as the lab."""
        self._stations += 1
        node = bytes((2, 0, 0, 0, ord(site[0]), self._stations))
        namespace, inner, outer = self._lan(site), f"host{self._stations}", f"port{self._stations}"
        lan = ("-n", namespace)
        ip(*lan, "link", "add", inner, "address", node.hex(":"), "type", "veth", "peer", "name", outer)
        ip(*lan, "link", "set", inner, "up")
        ip(*lan, "link", "set", outer, "master", "lan", "up")
        where = self.sites[site]
        network = where.network if internal else 0
        host = LanHost(
            card(namespace, inner),
            node,
            where.frame_type,
            network=network,
            internal=internal,
            name=f"SERVER-{site.upper()}" if internal else "",
        )
        return self._hosts.enter_context(host)

    def card_of(self, gateway: str) -> bytes:
        """Return the MAC address of a gateway's card on its LAN."""
        command = ["ip", "-n", self.gateways[gateway].namespace, "-j", "link", "show", "dev", "lan0"]
        shown = subprocess.run(command, capture_output=True, check=True, timeout=10)
        return bytes.fromhex(str(json.loads(shown.stdout)[0]["address"]).replace(":", ""))

    def stood_still(self) -> bool:
        """Say whether a gateway was not run by this machine for so long that it began anew."""
        return any("has not run for a while" in gateway.log() for gateway in self.gateways.values())

    def cut_lan(self, gateway: str, *, cut: bool) -> None:
        """Pull the cable between a gateway and its LAN, or put it back; both ends notice."""
        site = next(name for name in self.sites if gateway.startswith(name))
        ip("-n", self._lan(site), "link", "set", f"g-{gateway}", "down" if cut else "up")

    def cut_wire(self, gateway: str, *, cut: bool) -> None:
        """Cut the wire of a gateway somewhere in the middle, or mend it; nobody notices."""
        ip("-n", self._middle, "link", "set", f"p-{gateway}", "down" if cut else "up")

    def watch(self, file: Path) -> Watch:
        """Return a capture of all LANs and of the wire."""
        places = {name: Place(self._lan(name), "lan") for name in self.sites}
        return Watch(file, {WIRE: Place(self._middle, "core", tunnel=True), **places})

    def _lan(self, site: str) -> str:
        return f"{self._prefix}-lan-{site}"

    def _add_namespace(self, name: str) -> None:
        ip("netns", "add", name)
        self._namespaces.append(name)
        ip("-n", name, "link", "set", "lo", "up")

    def _add_bridge(self, namespace: str, name: str) -> None:
        self._add_namespace(namespace)
        ip("-n", namespace, "link", "add", name, "type", "bridge")
        ip("-n", namespace, "link", "set", name, "promisc", "on", "up")

    def _add_member(self, name: str, dss: str, links: str = "") -> Member:
        number = len(self._namespaces)
        namespace, address = f"{self._prefix}-{name}", DSS if name == "dss" else f"10.78.0.{number + 1}"
        self._add_namespace(namespace)
        middle, port = ("-n", self._middle), f"p-{name}"
        near = f"m-{name}" if self._bad else port
        ip(
            "-n",
            namespace,
            "link",
            "add",
            "eth0",
            "type",
            "veth",
            "peer",
            "name",
            near,
            "netns",
            self._middle,
        )
        ip("-n", namespace, "address", "add", f"{address}/24", "brd", "+", "dev", "eth0")
        ip("-n", namespace, "link", "set", "eth0", "up")
        ip(*middle, "link", "set", near, "up")
        if near != port:
            far = f"b-{name}"
            ip(*middle, "link", "add", far, "type", "veth", "peer", "name", port)
            ip(*middle, "link", "set", far, "up")
            software_checksums(namespace, "eth0")
            software_checksums(self._middle, near, far)
            self._wires.append(start_bad_wire(self._middle, near, far, **BAD, seed=number))
        ip(*middle, "link", "set", port, "master", "core", "up")
        folder = self._folder / name
        folder.mkdir()
        head = _NODE.format(
            domain=DOMAIN,
            network=f'network = "{VIRTUAL:08X}"' if name == "dss" else "",
            name=name,
            address=address,
            folder=folder,
        )
        tables = dss.format(address=address, dss=DSS) + links
        self.members.append(Member(name, address, namespace, folder, head + tables))
        return self.members[-1]

    def _clear(self) -> None:
        self._hosts.close()
        for member in self.members:
            member.kill()
        for wire in self._wires:
            wire.kill()
            wire.wait(10)
        for name in self._namespaces:
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "delete", name)
