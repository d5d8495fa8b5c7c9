"""A node that registers services, and changes a part of them at each number that it reads."""

import asyncio
import sys
from random import Random

from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Endpoint, Kind, Service
from nwip.dss.client import DssClient

TYPES = range(0x5000, 0x500A)


class Quiet:
    """A listener that has nothing to do."""

    def parameters_changed(self, parameters: Parameters) -> None:
        """Do nothing."""

    def directory_changed(self, changes: list[Change]) -> None:
        """Do nothing."""

    def session_opened(self, server: Endpoint) -> None:
        """Do nothing."""

    def session_closed(self, reason: str) -> None:
        """Say why."""
        sys.stderr.write(reason + "\n")


def name(host: int, number: int, round_: int) -> str:
    """Return the name of a service: of each four one changes its name at every round."""
    return f"H{host}S{number}R{round_ if number % 4 == 0 else 0}"


async def main() -> None:
    """Register, then change at each line of standard input and answer with a line."""
    host, count, *servers = sys.argv[1:]
    identity = bytes([int(host) + 1]) * 16
    endpoints = [(server, 396) for server in servers]
    chance = Random(int(host))  # noqa: S311 - spreads reconnections
    client = DssClient(
        "five.test",
        identity,
        f"node{host}",
        endpoints,
        boot=identity,
        listener=Quiet(),
        random=chance,
        kinds=(Kind.DSS,),
    )
    running = asyncio.ensure_future(client.run())
    before: dict[str, Service] = {}
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        wanted = {
            service.name: service
            for number in range(int(count))
            for service in [
                Service(
                    TYPES[number % len(TYPES)],
                    name(int(host), number, int(line)),
                    0x100 + int(host),
                    bytes(6),
                    1,
                    0,
                )
            ]
        }
        for gone in before.keys() - wanted.keys():
            client.retract(before[gone].key)
        for service in wanted.values():
            client.offer(service)
        before = wanted
        sys.stdout.write("done\n")
        sys.stdout.flush()
    running.cancel()


if __name__ == "__main__":
    asyncio.run(main())
