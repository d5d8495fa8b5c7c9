"""What a node answers to nearest-server queries at a subnet's broadcast address, until it is told to stop.

`python -m nwip.bench.nearest ADDRESS PORT HOST DSS`: prints a line when it listens. A node does so at the
broadcast addresses of its subnets; of loopback it uses none, and here nobody else shall hear.
"""

import asyncio
import sys

from nwip.directory.parameters import Parameters
from nwip.discovery.nearest_ports import NearestAnswerer


async def answer(address: str, port: int, host: str, dss: int) -> None:
    """Answer queries to an address with the DSS at HOST."""
    parameters = Parameters(domain="bench.nwip")
    answers = NearestAnswerer(lambda _asker: (host, dss), lambda: parameters, asyncio.get_running_loop().time)
    sys.stdout.write(f"heard at {answers.listen([address], [port])}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(answer(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
