"""What the system's own DHCP client has been told: reads the lease files of three of them. Pure.

dhclient keeps every option it asked for (so also under NetworkManager with `dhcp=dhclient`).
systemd-networkd and NetworkManager's own client write KEY=VALUE lines: the addresses, and of the other
options only the site's own (224 to 254), as `OPTION_N=hex`. So from those two comes the server to ask, and
options 62 and 63 only should a version write them. Source: sd-dhcp-lease.c; dhclient.leases(5).
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from nwip.discovery.dhcp.information import DOMAIN_OPTION, INFORMATION_OPTION, Information, decode
from nwip.wire import WireError

_BLOCK: Final = re.compile(r"^lease\s*\{(.*?)^\}", re.MULTILINE | re.DOTALL)
_STATEMENT: Final = re.compile(r"""\s*((?:[^;"]|"(?:[^"\\]|\\.)*")*);""")
_ESCAPE: Final = re.compile(r"\\([0-7]{3}|.)")
_STATEMENT_LIMIT: Final = 256  # of one lease
_LEASE_LIMIT: Final = 64  # of one file, the latest


class Lease(NamedTuple):
    """One lease: `interface` and addresses are empty where the file does not say them."""

    interface: str
    address: str
    server: str
    information: Information | None
    trouble: str = ""  # what was wrong with options 62 and 63


def read_dhclient(text: str, now: float) -> list[Lease]:
    """Return the leases that are still in force at `now` (seconds since 1970), one of each interface.

    A later lease of an interface takes the place of those before it.
    """
    found: dict[str, Lease] = {}
    for block in list(_BLOCK.finditer(text))[-_LEASE_LIMIT:]:
        said = dict(_statements(block[1]))
        name = _text(said.get("interface", "")).decode("latin-1")
        found.pop(name, None)
        if _end(said.get("expire", "never")) > now:
            domain, suboptions = said.get("option nwip-domain"), said.get("option nwip-suboptions")
            found[name] = _lease(
                name,
                said.get("fixed-address", ""),
                said.get("option dhcp-server-identifier", ""),
                None if domain is None else _text(domain),
                None if suboptions is None else _text(suboptions),
            )
    return list(found.values())


def read_key_value(text: str) -> Lease:
    """Return the lease of a file of systemd-networkd, or of NetworkManager's own client."""
    said = {}
    for line in text.splitlines()[:1024]:
        key, equals, value = line.partition("=")
        if equals:
            said[key.strip()] = value.strip().strip('"')
    domain, suboptions = (_hex(said.get(f"OPTION_{code}")) for code in (DOMAIN_OPTION, INFORMATION_OPTION))
    return _lease("", said.get("ADDRESS", ""), said.get("SERVER_ADDRESS", ""), domain, suboptions)


def _lease(
    interface: str, address: str, server: str, domain: bytes | None, suboptions: bytes | None
) -> Lease:
    try:
        return Lease(interface, address, server, decode(domain, suboptions))
    except WireError as error:
        return Lease(interface, address, server, None, str(error))


def _statements(block: str) -> Iterator[tuple[str, str]]:
    for match in list(_STATEMENT.finditer(block))[:_STATEMENT_LIMIT]:
        words = match[1].split(None, 1)
        if len(words) == 2 and words[0] == "option":
            name, _, value = words[1].partition(" ")
            yield f"option {name}", value.strip()
        elif len(words) == 2:
            yield words[0], words[1].strip()


def _text(value: str) -> bytes:
    """Return the octets of a value: text in quotes, or hexadecimal octets with colons."""
    if value.startswith('"'):
        plain = _ESCAPE.sub(
            lambda m: chr(int(m[1], 8) & 0xFF) if m[1].isdecimal() and len(m[1]) == 3 else m[1], value[1:-1]
        )
        return plain.encode("latin-1", "replace")
    try:
        return bytes(int(part, 16) for part in value.split(":"))
    except ValueError:
        return b""


def _end(value: str) -> float:
    """Return when a lease ends, seconds since 1970: `never`, `epoch N`, or `W YYYY/MM/DD HH:MM:SS` in UTC."""
    words = value.split()
    try:
        match words:
            case ["epoch", seconds, *_]:
                return float(seconds)
            case [_, day, time]:
                return datetime.strptime(f"{day} {time}", "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
    return float("inf") if words == ["never"] else 0.0


def _hex(value: str | None) -> bytes | None:
    try:
        return None if value is None else bytes.fromhex(value)
    except ValueError:
        return b""
