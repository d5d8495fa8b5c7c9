"""A directory with the records of so many hosts; prints how many octets each takes. Run as a program."""

import sys
import time

from nwip.bench.processes import status
from nwip.directory.records import Host, Record
from nwip.directory.table import Directory

OWNER = b"M" * 16


def main(count: int) -> None:
    """Fill a directory as a session does, record by record."""
    directory, now = Directory(), time.monotonic()
    directory.heard(OWNER, 1, 1, 86400.0, 0.0, now)
    before = status(0, "VmRSS")
    for number in range(count):
        node = b"\x02\0" + number.to_bytes(4, "big")
        directory.merge(Record(bytes(bytearray(OWNER)), 1, number + 1, Host(node, 0)), now)
    print((status(0, "VmRSS") - before) * 1024 / count, flush=True)  # noqa: T201 - this is its answer


if __name__ == "__main__":
    main(int(sys.argv[1]))
