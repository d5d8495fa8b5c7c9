"""Two sites joined by NetWare/IP: each a real `nwip up` in a namespace, and a host on its LAN in another.

The west node runs the DSS. The hosts have the MAC addresses of a recording, and the frame type of their LAN.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from fixtures.recording import Recording
from nwip.control import NodeRefused, NodeUnreachable, ask
from nwip.ipx.address import format_network
from nwip.ipx.frames import FrameType
from nwip.links.lan.af_packet import card_medium
from real.finding_site import Process
from real.lan_stations import within
from real.namespaces import ip, two_hosts
from real.replay import ReplayClient, ReplayServer

VIRTUAL: Final = 0x00C0FFEE
CLIENTS_LAN: Final = 0x0000BB02
ADDRESSES: Final = {"west": "192.0.2.1", "east": "192.0.2.2"}
PATIENCE: Final = 20.0  # seconds

_CONFIG: Final = """
[domain]
name = "replay.test"
{domain}
[node]
name = "{name}"
address = "{address}"
state = "{folder}"
control = "{folder}/control.sock"
[dss]
{dss}
[[link]]
kind = "ethernet"
name = "lan"
interface = "lan0"
{lan}
"""
_DSS: Final = {
    "west": f'serve = true\nlisten = ["{ADDRESSES["west"]}"]\nadmit = ["192.0.2.0/24"]',
    "east": f'servers = ["{ADDRESSES["west"]}"]',
}


class Lan(NamedTuple):
    """What a site's LAN is; `network` 0 joins it to the virtual network.

    Of one that `is_found` the gateway is told neither frame type nor network number.
    """

    frame_type: FrameType
    network: int
    is_found: bool = False

    @property
    def is_joined(self) -> bool:
        return self.network == 0

    @property
    def number(self) -> int:
        return self.network or VIRTUAL

    @property
    def keys(self) -> str:
        """What the gateway's configuration says of it."""
        if self.is_found:
            return ""
        frame = f'frame = "{self.frame_type.value}"\n'
        return frame + ("joined = true" if self.is_joined else f'network = "{format_network(self.network)}"')


class Site:
    """A gateway and the host on its LAN: their namespaces, and where to ask the gateway."""

    def __init__(self, name: str, gateway: str, host: str, folder: Path, lan: Lan) -> None:
        self.name, self.gateway, self.host, self.lan = name, gateway, host, lan
        self.folder = folder / name
        self.folder.mkdir()
        self.file = self.folder / "nwip.toml"
        self.file.write_text(
            _CONFIG.format(
                domain=f'network = "{format_network(VIRTUAL)}"' if name == "west" else "",
                name=name,
                address=ADDRESSES[name],
                folder=self.folder,
                dss=_DSS[name],
                lan=lan.keys,
            )
        )

    def start(self) -> Process:
        command = (sys.executable, "-m", "nwip", "--config", str(self.file), "up", "--json")
        return Process(self.gateway, command, self.folder / "log")

    def ask(self, what: str) -> list[dict[str, object]]:
        try:
            rows = ask(self.folder / "control.sock", {"ask": what})
        except (NodeUnreachable, NodeRefused):
            return []
        assert isinstance(rows, list)
        return rows

    async def until(self, what: str, fits: Callable[[dict[str, object]], bool]) -> None:
        """Wait until one of the rows that the gateway answers fits."""
        async with asyncio.timeout(PATIENCE):
            while not any(fits(row) for row in self.ask(what)):
                await asyncio.sleep(0.05)

    async def until_it_has_route(self, network: int) -> None:
        await self.until("routes", lambda row: row["network"] == format_network(network))

    def drops(self) -> dict[str, int]:
        """Return what the gateway has dropped, by reason, on whichever link."""
        drops: dict[str, int] = {}
        for link in self.ask("links"):
            found = link["drops"]
            assert isinstance(found, dict)
            for reason, count in found.items():
                drops[reason] = drops.get(reason, 0) + count
        return {reason: count for reason, count in drops.items() if count}


@contextlib.contextmanager
def lan_of(gateway: str, mac: bytes) -> Iterator[str]:
    """Give a namespace whose `eth0`, with this MAC address, is on one cable with the gateway's `lan0`."""
    name = f"{gateway}-lan"
    ip("netns", "add", name)
    try:
        ip("-n", gateway, "link", "add", "lan0", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("-n", name, "link", "set", "eth0", "address", mac.hex(":"), "up")
        ip("-n", gateway, "link", "set", "lan0", "up")
        yield name
    finally:
        with contextlib.suppress(Exception):
            ip("netns", "delete", name)


@contextlib.contextmanager
def two_sites(folder: Path, recording: Recording, lans: tuple[Lan, Lan]) -> Iterator[tuple[Site, Site]]:
    """Make the site of the server, west, and that of the client, east; nothing runs there yet."""
    with contextlib.ExitStack() as stack:
        gateways = stack.enter_context(two_hosts(f"{ADDRESSES['west']}/24", f"{ADDRESSES['east']}/24"))
        macs = recording.server, recording.client
        west, east = (
            Site(name, gateway, stack.enter_context(lan_of(gateway, mac)), folder, lan)
            for name, gateway, mac, lan in zip(ADDRESSES, gateways, macs, lans, strict=True)
        )
        yield west, east


@contextlib.asynccontextmanager
async def live(
    recording: Recording, west: Site, east: Site, own: int, *, server_first: bool
) -> AsyncIterator[tuple[ReplayServer, ReplayClient]]:
    """Start the gateways, the server and the client, the server first or the gateways.

    The client believes itself on network `own`. Given when both gateways serve their LANs, that of the client
    knows the server, and the server the way to it.
    """
    media = [card_medium("eth0", within=within(site.host)) for site in (west, east)]
    server = ReplayServer(recording, media[0], west.lan.frame_type, west.lan.number)
    client = ReplayClient(recording, media[1], east.lan.frame_type, own)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(server.close)
        stack.push_async_callback(client.close)
        if server_first:
            await server.open()
        for site in (west, east):
            await asyncio.to_thread(stack.enter_context(site.start()).first_object)
        if not server_first:
            await server.open()
        await client.open()
        for site in (west, east):
            await site.until("links", lambda row: row["name"] == "lan" and not row["state"])
        name = recording.announced()[1].entries[0].name
        await east.until("services", lambda row: row["name"] == name)
        await east.until_it_has_route(recording.address.network)
        async with asyncio.timeout(PATIENCE):
            while not (east.lan.is_joined or east.lan.number in server.ways):
                await asyncio.sleep(0.02)
        yield server, client
