"""The hosts that are named on a command line: names, addresses, and small networks."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from typing import Final, NamedTuple

NETWORK_LIMIT: Final = 256  # addresses of a network
HOST_LIMIT: Final = 1024  # in all


class Target(NamedTuple):
    """A host: what it was called, and its address; None for a name that is not known."""

    name: str
    address: str | None
    named: bool = True
    """Whether it was named itself, and is no mere address of a network."""


async def targets(words: Sequence[str]) -> list[Target]:
    """Return the hosts that these words mean, in order, each once.

    A word is a name, an address, or ADDRESS/LENGTH. Raises `ValueError`, one sentence, for what is none of
    these, for what is no single host's address, and for too many.
    """
    found: dict[str, Target] = {}
    for word in words:
        for target in list(_networked(word)) if "/" in word else [await _named(word)]:
            found.setdefault(target.address or target.name, target)
            if len(found) > HOST_LIMIT:
                raise ValueError(f"these are more than {HOST_LIMIT} hosts: check them in parts")
    return list(found.values())


def _networked(word: str) -> Iterator[Target]:
    try:
        network = ip_network(word, strict=False)
    except ValueError:
        raise ValueError(f"{word!r} is not a network: 192.0.2.0/24 would be one") from None
    if network.num_addresses > NETWORK_LIMIT:
        raise ValueError(f"{word} has {network.num_addresses} addresses: at most {NETWORK_LIMIT} are checked")
    if network.is_multicast:
        raise ValueError(f"{word} is no network of hosts")
    for address in network.hosts():
        yield Target(str(address), str(address), named=False)


async def _named(word: str) -> Target:
    bare = word.strip("[]")
    try:
        address = ip_address(bare)
    except ValueError:
        return Target(word, await _resolved(word))
    if address.is_multicast or address.is_unspecified:
        raise ValueError(f"{word} is the address of no host")
    return Target(bare, bare)


async def _resolved(name: str) -> str | None:
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return None
    return str(answers[0][4][0]) if answers else None
