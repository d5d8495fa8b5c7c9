"""A domain with three gateways and traffic, its page, and a Chromium that looks at it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from nwip.bench.domain import Gateway, domain, free_port
from nwip.bench.processes import line, module, running
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import THIS_NETWORK, PacketType, ServiceType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.sap import SapEntry, SapOperation, SapResponse
from nwip.links.dosbox.player import DosboxPlayer

NAMES: Final = ("west", "east", "north")
SERVICE: Final = "ARCHIVE"
GAME: Final = 0x869C
PACE: Final = 0.05  # seconds between two packets of a player
AGEING: Final = "lease = 3\nrenewal = 1\nsynchronisation = 2\n"
DESK: Final = (1280, 900)
TELEPHONE: Final = (390, 844)


class Players:
    """Anna at west and Ben at east, who play and announce a service, in a thread of their own."""

    def __init__(self, gateways: dict[str, Gateway]) -> None:
        self._at = [gateways[name].players_at for name in NAMES[:2]]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._playing: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Let them play."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(20)

    def stop(self) -> None:
        """End the game."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        self._anna, self._ben = [DosboxPlayer(at) for at in self._at]
        for player in (self._anna, self._ben):
            await player.__aenter__()
            await player.register()
            await player.ping(timeout=0.05)
        self._playing = [
            asyncio.create_task(work)
            for work in (self._play(), self._hear(self._anna), self._hear(self._ben))
        ]

    async def _stop(self) -> None:
        for task in self._playing:
            task.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)
        for player in (self._anna, self._ben):
            await player.__aexit__(None, None, None)

    async def _play(self) -> None:
        here, there = (player.address._replace(socket=GAME) for player in (self._anna, self._ben))
        offer = SapEntry.of(ServiceType.FILE_SERVER, SERVICE, here, 1)
        announcement = SapResponse(SapOperation.GENERAL_RESPONSE, (offer,)).encode()
        everyone = Address(THIS_NETWORK, BROADCAST_NODE, Socket.SAP)
        for number in range(1 << 30):
            if number % 200 == 0:
                sap = self._anna.address._replace(socket=Socket.SAP)
                self._anna.send(Packet(everyone, sap, PacketType.PEP, announcement))
            self._anna.send(Packet(there, here, payload=bytes(100)))
            if number % 3 == 0:
                self._ben.send(Packet(here, there, payload=bytes(60)))
            await asyncio.sleep(PACE)

    async def _hear(self, player: DosboxPlayer) -> None:
        while True:
            await player.receive()


class Site:
    """What the tests look at: the page's address, the gateways, and every word on a browser's console."""

    def __init__(self, url: str, gateways: dict[str, Gateway], browser: Browser) -> None:
        self.url = url
        self.gateways = gateways
        self.console: list[str] = []
        self._browser = browser

    @contextmanager
    def page(self, path: str = "/", size: tuple[int, int] = DESK, **more: object) -> Iterator[Page]:
        """Open a page in a context of its own; `more` are Playwright's options of one."""
        context: BrowserContext = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]}, **more  # type: ignore[arg-type]
        )  # fmt: skip
        try:
            page = context.new_page()
            page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
            page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
            page.goto(self.url.rstrip("/") + path)
            yield page
        finally:
            context.close()


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Run it all; the page is that of west."""
    with domain(NAMES, ageing=AGEING) as gateways:
        players = Players(gateways)
        players.start()
        command = module(
            "nwip", "web", "--control", gateways["west"].control, "--port", free_port("127.0.0.1"), "--json"
        )
        try:
            with running([*map(str, command)], folder / "log") as process:
                (url,) = json.loads(line(process, folder / "log"))["web"]
                with sync_playwright() as playwright:
                    browser = playwright.chromium.launch(
                        executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-dev-shm-usage"]
                    )
                    yield Site(url, gateways, browser)
                    browser.close()
        finally:
            players.stop()
