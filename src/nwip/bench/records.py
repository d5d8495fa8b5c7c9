"""The records of so many hosts of one node, as that node keeps them; prints how many octets each takes.

Run as a program. A node keeps its own hosts twice: as it registers them, in whatever order its DSS has to be
told, and as it hears them from the domain, like everybody's.
"""

import sys
import time

import msgspec

from nwip.bench.processes import status
from nwip.directory.records import Host, Record
from nwip.directory.table import Directory
from nwip.dss.registration import Registration

OWNER = b"M" * 16


def main(count: int) -> None:
    """Register the hosts, and hear of them as a session does, record by record."""
    directory, registration, now = Directory(), Registration(OWNER, 1), time.monotonic()
    directory.heard(OWNER, 1, 1, 86400.0, 0.0, now)
    decoder = msgspec.msgpack.Decoder(Record)
    before = status(0, "VmRSS")
    for number in range(count):
        registration.offer(Host(b"\x02\0" + number.to_bytes(4, "big"), 1))
        for record in registration.take():
            directory.merge(decoder.decode(msgspec.msgpack.encode(record)), now)
    print((status(0, "VmRSS") - before) * 1024 / count, flush=True)  # noqa: T201 - this is its answer


if __name__ == "__main__":
    main(int(sys.argv[1]))
