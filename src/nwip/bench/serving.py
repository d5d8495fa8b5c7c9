"""One of the DSSs of a domain that is measured, on loopback, with a store of its own or a shared one.

Run as a program, until it is killed. It prints two moments of the monotonic clock, which all processes share:
when it takes sessions, and when its directory first holds so many services.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from nwip.collector import Collector
from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint, Kind
from nwip.directory.table import Directory
from nwip.dss.server import DssServer
from nwip.dss.store.base import Store, is_shared
from nwip.dss.store.sqlite import SqliteStore

DOMAIN: Final = "bench.test"
LOOPBACK: Final = "127.0.0.1"
LOOK_EVERY: Final = 0.002  # seconds: a directory has no event for its size


class Setting(msgspec.Struct, frozen=True):
    """Which of the DSSs it is, from 0; its ports, and where those are that it has to call.

    `store` is the path of an SQLite file, or the addresses of etcd, the preferred one first.
    """

    number: int
    store: str | tuple[str, ...]
    port: int
    peer_port: int
    peers: tuple[Endpoint, ...]
    services: int

    @property
    def identity(self) -> bytes:
        """What others know it by, through all its lives."""
        return bytes([0xD0, self.number]) * 8

    def opened(self) -> Store:
        """Return its store."""
        if isinstance(self.store, str):
            return SqliteStore(Path(self.store))
        from nwip.dss.store.etcd import EtcdStore  # noqa: PLC0415 - SQLite needs no aiohttp
        from nwip.dss.store.etcd_access import Access  # noqa: PLC0415

        return EtcdStore(Access(self.store), DOMAIN, self.identity)


async def serve(setting: Setting) -> None:
    """Be the DSS; the first one is the primary."""
    Collector().start()  # as `nwip up` does
    identity, store = setting.identity, setting.opened()
    is_first = setting.number == 0
    server = DssServer(
        Parameters(term=int(is_first and not is_shared(store)), identity=identity, domain=DOMAIN),
        identity=identity,
        boot=os.urandom(16),
        name=f"dss {setting.number}",
        admit=lambda _: True,
        store=store,
    )

    async def named() -> tuple[Endpoint, ...]:
        return setting.peers

    await server.start([(LOOPBACK, setting.port)], founding=is_first)
    chance = Random(setting.number)  # noqa: S311 - spreads reconnections, keeps no secret
    await server.join(
        [(LOOPBACK, setting.peer_port)],
        named,
        chance,
        incarnation=int(time.time()),
        hold=bool(setting.peers),
    )
    say_now()
    while not holds(server.directory, setting.services):  # noqa: ASYNC110 - see LOOK_EVERY
        await asyncio.sleep(LOOK_EVERY)
    say_now()
    await asyncio.Event().wait()


def holds(directory: Directory, services: int) -> bool:
    """Say whether there are so many services in it."""
    return len(directory) >= services and sum(1 for _ in directory.keys(Kind.SERVICE)) >= services


def say_now() -> None:
    """Tell the moment."""
    print(time.monotonic(), flush=True)  # noqa: T201 - this is its answer


if __name__ == "__main__":
    asyncio.run(serve(msgspec.json.decode(sys.argv[1], type=Setting)))
