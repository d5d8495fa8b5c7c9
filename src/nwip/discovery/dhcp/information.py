"""DHCP options 62 and 63, octet by octet (RFC 2242). Pure.

Option 62 is the domain's name. Option 63 holds suboptions (code, length, value); the first is one of 1 to 4
and says where the others are: 1 nowhere, 2 here, 3 in the fields `sname` and `file`, 4 nowhere because they
do not fit. Code 3 is a convention of option 63's own: option 52 (overload) says nothing of it.
"""

from collections.abc import Iterator
from enum import IntEnum
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from nwip.wire import WireError

DOMAIN_OPTION: Final = 62
INFORMATION_OPTION: Final = 63
PAD: Final = 0
END: Final = 255

SNAME_SIZE: Final = 64
FILE_SIZE: Final = 128
ADDRESS_LIMIT: Final = 5  # addresses in a list: 20 octets (RFC 2242 section 3)


class Place(IntEnum):
    """Where a server has put the information: the first suboption."""

    NOWHERE = 1
    OPTIONS = 2
    SNAME_FILE = 3
    TOO_BIG = 4


class Code(IntEnum):
    """The suboptions that hold something (RFC 2242 section 3)."""

    NSQ_BROADCAST = 5
    PREFERRED_DSS = 6
    NEAREST_NWIP_SERVER = 7
    AUTORETRIES = 8
    AUTORETRY_SECS = 9
    NWIP_1_1 = 10
    PRIMARY_DSS = 11


class Information(NamedTuple):
    """What a DHCP server says of NetWare/IP; None or empty for what it does not say.

    `autoretries` is how often to try a DSS at the start, `autoretry_secs` the seconds between the tries.
    """

    domain: str = ""
    place: Place = Place.OPTIONS
    nsq_broadcast: bool | None = None
    preferred_dss: tuple[str, ...] = ()
    nearest_servers: tuple[str, ...] = ()
    autoretries: int | None = None
    autoretry_secs: int | None = None
    nwip_1_1: bool | None = None
    primary_dss: str | None = None


def encode_domain(domain: str) -> bytes:
    """Return option 62 with code and length. Raises `ValueError` for a name that does not fit."""
    return _option(DOMAIN_OPTION, domain.encode("ascii"), least=1)


def encode(information: Information) -> bytes:
    """Return option 63 with code and length, its suboptions in the options area.

    Raises `ValueError` for a list of more than five addresses, or a number outside an octet.
    """
    return _option(INFORMATION_OPTION, bytes([Place.OPTIONS, 0]) + _suboptions(information))


def encode_spilled(information: Information) -> tuple[bytes, bytes]:
    """Return option 63 for the options area and the 192 octets of `sname` and `file` that it points to.

    They hold options 62 and 63, the latter without a place, then 255 and padding. Raises `ValueError` when
    they do not fit.
    """
    area = b"" if not information.domain else encode_domain(information.domain)
    area += _option(INFORMATION_OPTION, _suboptions(information)) + bytes([END])
    if len(area) > SNAME_SIZE + FILE_SIZE:
        raise ValueError("the information fits neither the options nor sname and file")
    return _option(INFORMATION_OPTION, bytes([Place.SNAME_FILE, 0])), area.ljust(
        SNAME_SIZE + FILE_SIZE, b"\0"
    )


def decode(domain: bytes | None, suboptions: bytes | None, sname_file: bytes = b"") -> Information | None:
    """Read the values of options 62 and 63, without code and length, and the fields `sname` and `file`.

    None stands for an absent option; returns None when both are. A name may end in zeros, as some servers
    send it. Raises `WireError`.
    """
    if domain is None and suboptions is None:
        return None
    found = Information(_name(domain or b""))
    if suboptions is None:
        return found
    parts = list(_split(suboptions))
    if not parts or parts[0][0] not in list(Place):
        raise WireError("option 63 does not begin with one of the suboptions 1 to 4")
    place = Place(parts[0][0])
    found = found._replace(place=place)
    if place is Place.OPTIONS:
        return _read(found, parts[1:])
    if place is Place.SNAME_FILE:
        spilled = dict(_split(sname_file, padded=True))
        if DOMAIN_OPTION in spilled:
            found = found._replace(domain=_name(spilled[DOMAIN_OPTION]))
        return _read(found, list(_split(spilled.get(INFORMATION_OPTION, b""))))
    return found


def _read(found: Information, parts: list[tuple[int, bytes]]) -> Information:
    for code, value in parts:
        match code:
            case Code.NSQ_BROADCAST:
                found = found._replace(nsq_broadcast=bool(_octet(code, value)))
            case Code.PREFERRED_DSS:
                found = found._replace(preferred_dss=_addresses(code, value))
            case Code.NEAREST_NWIP_SERVER:
                found = found._replace(nearest_servers=_addresses(code, value))
            case Code.AUTORETRIES:
                found = found._replace(autoretries=_octet(code, value))
            case Code.AUTORETRY_SECS:
                found = found._replace(autoretry_secs=_octet(code, value))
            case Code.NWIP_1_1:
                found = found._replace(nwip_1_1=bool(_octet(code, value)))
            case Code.PRIMARY_DSS:
                (primary, *others) = _addresses(code, value) or ("",)
                if others or not primary:
                    raise WireError("suboption 11 holds one address")
                found = found._replace(primary_dss=primary)
    return found


def _suboptions(information: Information) -> bytes:
    parts = [
        (Code.NSQ_BROADCAST, _flag(information.nsq_broadcast)),
        (Code.PREFERRED_DSS, _packed(information.preferred_dss)),
        (Code.NEAREST_NWIP_SERVER, _packed(information.nearest_servers)),
        (Code.AUTORETRIES, _number(information.autoretries)),
        (Code.AUTORETRY_SECS, _number(information.autoretry_secs)),
        (Code.NWIP_1_1, _flag(information.nwip_1_1)),
        (Code.PRIMARY_DSS, _packed((information.primary_dss,) if information.primary_dss else ())),
    ]
    return b"".join(_option(code, value) for code, value in parts if value)


def _option(code: int, value: bytes, least: int = 0) -> bytes:
    if not least <= len(value) <= 255:
        raise ValueError(f"option {code} holds {least} to 255 octets, not {len(value)}")
    return bytes([code, len(value)]) + value


def _split(data: bytes, *, padded: bool = False) -> Iterator[tuple[int, bytes]]:
    """Yield code and value of each option; `padded` areas have padding and an end."""
    at = 0
    while at < len(data):
        code = data[at]
        if padded and code == PAD:
            at += 1
            continue
        if padded and code == END:
            return
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            raise WireError(f"option {code} is cut short")
        yield code, data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]


def _name(octets: bytes) -> str:
    try:
        name = octets.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        raise WireError("option 62 is not ASCII") from None
    if not name.isprintable():
        raise WireError("option 62 has control characters")
    return name


def _octet(code: int, value: bytes) -> int:
    if len(value) != 1:
        raise WireError(f"suboption {code} holds one octet, not {len(value)}")
    return value[0]


def _addresses(code: int, value: bytes) -> tuple[str, ...]:
    if len(value) % 4 or len(value) > 4 * ADDRESS_LIMIT:
        raise WireError(f"suboption {code} holds up to five addresses, not {len(value)} octets")
    return tuple(str(IPv4Address(value[start : start + 4])) for start in range(0, len(value), 4))


def _packed(addresses: tuple[str, ...]) -> bytes:
    if len(addresses) > ADDRESS_LIMIT:
        raise ValueError(f"a list holds at most {ADDRESS_LIMIT} addresses")
    return b"".join(IPv4Address(address).packed for address in addresses)


def _number(value: int | None) -> bytes:
    return b"" if value is None else bytes([value])


def _flag(value: bool | None) -> bytes:
    return b"" if value is None else bytes([value])
