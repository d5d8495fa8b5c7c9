"""Where the system's DHCP clients keep their leases; reads what of it can be read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from nwip.discovery.dhcp.leases import Lease, read_dhclient, read_key_value

PLACES: Final = (
    "/var/lib/dhcp/dhclient*.leases",  # Debian
    "/var/lib/dhclient/dhclient*.lease*",  # Red Hat, SUSE
    "/var/db/dhclient.leases*",  # FreeBSD
    "/var/lib/NetworkManager/*.lease",
    "/run/systemd/netif/leases/*",
)
LARGEST: Final = 1 << 20
FILE_LIMIT: Final = 64


def read_leases(now: float, further: Sequence[str] = ()) -> list[tuple[str, Lease]]:
    """Return the leases in force at `now` (seconds since 1970), each with the file that holds it.

    `further` are patterns of more places. Of a file larger than 1 MiB the last part is read; files that this
    user may not read are left out.
    """
    found: list[tuple[str, Lease]] = []
    for pattern in (*further, *PLACES):
        anchor, parts = Path(pattern).anchor, Path(pattern).parts
        if not anchor:
            continue
        for path in sorted(Path(anchor).glob(str(Path(*parts[1:]))))[:FILE_LIMIT]:
            text = _read(path)
            if "lease {" in text:
                found += [(str(path), lease) for lease in read_dhclient(text, now)]
            elif "=" in text:
                found.append((str(path), read_key_value(text)))
    return found


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - LARGEST))
            return file.read(LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""
