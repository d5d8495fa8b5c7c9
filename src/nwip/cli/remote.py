"""Asks a DSS over the network for the rows that a node's control socket gives."""

import asyncio
from collections.abc import Callable
from typing import Final

from nwip import rows
from nwip.discovery.preferred import preferred_servers
from nwip.dss.reader import Domain, DssUnreachable, read_domain
from nwip.rows import Row, Seen


def read(server: str, timeout: float) -> Domain:
    """Read the domain that the DSS at `HOST[:PORT]` serves; every address gets `timeout` seconds.

    Raises `DssRefused`, `DssUnreachable`.
    """
    return asyncio.run(_read(server, timeout))


async def _read(server: str, limit: float) -> Domain:
    try:
        endpoints = await preferred_servers([server])
    except OSError as error:
        raise DssUnreachable(f"{server} cannot be resolved: {error.strerror or error}") from None
    failures = []
    for endpoint in endpoints:
        try:
            return await read_domain(endpoint, timeout=limit)
        except DssUnreachable as failure:
            failures.append(str(failure).rstrip("."))
    raise DssUnreachable("; ".join(dict.fromkeys(failures)) or f"{server} has no address")


def seen(domain: Domain) -> list[Seen]:
    """Return what a DSS told, as rows are made from it; an owner without a name goes by its identity."""
    return [
        Seen(reading.record, reading.owner_name or reading.record.owner.hex(), reading.age)
        for reading in domain.readings
    ]


def resolve(domain: Domain, name: str) -> list[Row]:
    """Return the services and nodes of this name; capital and small letters are the same."""
    return rows.resolve(seen(domain), domain.parameters.network, name)


TABLES: Final[dict[str, Callable[[Domain], list[Row]]]] = {
    "services": lambda domain: rows.services(seen(domain)),
    "routes": lambda domain: rows.routes(seen(domain)),
    "nodes": lambda domain: rows.nodes(seen(domain)),
}
