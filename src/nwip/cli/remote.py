"""Asks a DSS over the network for the rows that a node's control socket gives."""

# ruff: noqa: PLC0415 - who asks an open domain needs no ciphers

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import click

from nwip import rows
from nwip.cli.source import Settings
from nwip.discovery.preferred import preferred_servers
from nwip.dss.reader import Domain, DssUnreachable, read_domain
from nwip.rows import Row, Seen

if TYPE_CHECKING:
    from nwip.security.membership import Membership


def read(server: str, timeout: float, membership: "Membership | None") -> Domain:
    """Read the domain that the DSS at `HOST[:PORT]` serves; every address gets `timeout` seconds.

    `membership` is `own_membership()`. Raises `DssRefused`, `DssUnreachable`.
    """
    return asyncio.run(_read(server, timeout, membership))


def own_membership() -> "Membership | None":
    """Return as whom this user asks: as the member of a sealed domain that the state directory makes it.

    None for whoever may not read that, or the configuration: a sealed DSS tells strangers nothing. Raises
    `ConfigError`.
    """
    from nwip.charter import CHARTER, read_charter
    from nwip.config import ConfigError, load
    from nwip.state import State

    context = click.get_current_context(silent=True)
    settings = context.find_object(Settings) if context else None
    named = settings.config if settings else None
    try:
        config = load(named)
        state = State(config.node.state_directory)
        state.read(CHARTER)
    except (PermissionError, NotADirectoryError):
        return None
    except ConfigError:
        if named is not None:
            raise
        return None
    charter = read_charter(state, config.file)
    if charter is None:
        return None
    from nwip.membership_files import MembershipFiles

    return MembershipFiles(state, charter, config.file, keeping=False).node


async def _read(server: str, limit: float, membership: "Membership | None") -> Domain:
    try:
        endpoints = await preferred_servers([server])
    except OSError as error:
        raise DssUnreachable(f"{server} cannot be resolved: {error.strerror or error}") from None
    failures = []
    for endpoint in endpoints:
        try:
            return await read_domain(endpoint, timeout=limit, membership=membership)
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
