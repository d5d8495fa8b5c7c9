"""A client of a real etcd for one test, and who watches by it on the side."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Self

from etcd_cluster import EtcdCluster
from nodes import until
from nwip.dss.store.etcd_gateway import Access, Event, Gateway, Told

PATIENCE = 1.0


@asynccontextmanager
async def gateway(
    cluster: EtcdCluster, access: Access | None = None, *, patience: float = PATIENCE
) -> AsyncIterator[Gateway]:
    opened = Gateway(access or Access(cluster.endpoints), patience=patience)
    try:
        yield opened
    finally:
        await opened.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}


class Witness:
    """Watches on the side, and keeps what it is told."""

    def __init__(self, to: Gateway, room: tuple[bytes, bytes], revision: int) -> None:
        self.told: list[Told] = []
        self.confirmed = 0
        self._watch = to.watch(*room, revision, self._started)

    @property
    def events(self) -> list[Event]:
        return [event for told in self.told for event in told.events]

    async def __aenter__(self) -> Self:
        self.task = asyncio.ensure_future(self._see())
        await until(lambda: self.confirmed or self.task.done())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])

    def _started(self) -> None:
        self.confirmed += 1

    async def _see(self) -> None:
        async with aclosing(self._watch) as watch:
            async for told in watch:
                self.told.append(told)
