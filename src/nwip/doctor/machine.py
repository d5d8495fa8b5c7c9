"""Judges what is known of the machine: clock, privileges, ports, buffers, the unit of systemd. Pure."""

import errno
from collections.abc import Iterable, Mapping
from typing import Final

from nwip.config import Config
from nwip.config.links import EthernetSettings, TapSettings
from nwip.discovery.preferred import UNPRIVILEGED_OFFSET
from nwip.doctor.facts import Buffers, Clock, Ephemeral, Listening, Privileges
from nwip.doctor.findings import Finding, fault, warning, well
from nwip.privileges import CAP_NET_ADMIN, CAP_NET_RAW

RELEASED: Final = 1_735_689_600.0  # 2025: no clock that is right says less
SLACK: Final = 60.0  # seconds


def clock(found: Clock) -> Finding:
    """Judge the time of day: nwip needs it for invitations and leases of DHCP alone."""
    if found.now < RELEASED:
        return fault("clock", "the clock of this machine was never set", "set it, and run an NTP client")
    if found.newest > found.now + SLACK:
        return warning(
            "clock", "the clock is behind files that nwip has written here", "set it, and run an NTP client"
        )
    if found.synchronised is False:
        return well(
            "clock",
            "the clock runs, and nothing keeps it right",
            "an NTP client does; invitations to a sealed domain end by the clock",
        )
    return well("clock", "the clock is kept right" if found.synchronised else "the clock runs")


def privileges(config: Config, found: Privileges, *, runs: bool) -> list[Finding]:
    """Judge whether this user may have what the links of a configuration take; not where a node `runs`."""
    if runs:
        return [well("privileges", "the node has what it needs: it runs")]
    wanted = [
        (kind, capability, what)
        for kind, capability, what in (
            (EthernetSettings, CAP_NET_RAW, "CAP_NET_RAW"),
            (TapSettings, CAP_NET_ADMIN, "CAP_NET_ADMIN"),
        )
        if any(isinstance(link, kind) for link in config.links)
    ]
    lacking = [
        fault(
            "privileges",
            f'links of kind "{kind.kind}" take {what}, which {found.user} has not',
            f"run nwip as root with node.user set, or give it the capability {what}",
        )
        for kind, capability, what in wanted
        if capability not in found.capabilities
    ]
    return lacking or [well("privileges", f"{found.user} may have what the configuration asks for")]


def ports(found: Iterable[Listening], *, runs: bool) -> list[Finding]:
    """Judge the places where the node listens; `runs`: one answers here, which then has them itself."""
    return [_port(place, runs=runs) for place in found]


def _port(place: Listening, *, runs: bool) -> Finding:
    about, at = "port", f"{place.transport} {place.port} at {place.address}"
    fallback = place.port + UNPRIVILEGED_OFFSET
    if runs:
        if place.error == errno.EADDRINUSE:
            return well(about, f"{at} is held, and a node runs here")
        if place.error in (0, errno.EACCES, errno.EPERM) and place.is_default:
            return well(about, f"{at} takes privilege: the node that runs here uses {fallback} in its place")
        if not place.error:
            return warning(
                about,
                f"{at} is free, though a node runs here: it uses another, or another file",
                f"see 'nwip links' for where it listens, and {place.key}",
            )
    match place.error:
        case 0:
            return well(about, f"{at} is free")
        case errno.EADDRINUSE:
            return fault(
                about,
                f"{at} is in use by another program",
                f"'nwip check' says by which; stop it, or set {place.key}",
            )
        case errno.EACCES | errno.EPERM if place.is_default:
            return warning(
                about,
                f"{at} needs privilege: nwip will use {fallback} in its place",
                "start nwip as root with node.user set, or give it the capability CAP_NET_BIND_SERVICE",
            )
        case errno.EACCES | errno.EPERM:
            return fault(
                about,
                f"{at} needs privilege",
                f"set {place.key} above 1023, or give nwip the capability CAP_NET_BIND_SERVICE",
            )
        case errno.EADDRNOTAVAIL:
            return fault(
                about,
                f"{place.address} is no address of this machine",
                f"mend the address beside {place.key}",
            )
    return fault(about, f"{at} cannot be had: {errno.errorcode.get(place.error, place.error)}", "set another")


def ephemeral(port: int, found: Ephemeral) -> Finding:
    """Judge whether the kernel may give the data port to any program that connects to somewhere."""
    about = "reserved port"
    if not found.low <= port <= found.high:
        return well(about, f"UDP {port} is outside the ports that the kernel gives away")
    if _is_reserved(port, found.reserved):
        return well(about, f"UDP {port} is kept back for nwip")
    kept = f"{found.reserved},{port}" if found.reserved else str(port)
    return well(
        about,
        f"UDP {port} is among the ports {found.low}-{found.high} that the kernel gives to any program",
        f"keep it back for the next start: sysctl -w net.ipv4.ip_local_reserved_ports={kept}",
    )


def _is_reserved(port: int, reserved: str) -> bool:
    """Read the kernel's list: `2010,43981-43982`."""
    for part in filter(None, reserved.split(",")):
        low, _, high = part.partition("-")
        if int(low) <= port <= int(high or low):
            return True
    return False


def buffers(found: Buffers) -> Finding:
    """Judge the receive buffer of a data port."""
    if found.granted >= found.wanted:
        return well("receive buffer", f"sockets here are given {found.granted} octets")
    return well(
        "receive buffer",
        f"sockets here are given {found.granted} octets: bursts of many players may be cut",
        f"sysctl -w net.core.rmem_max={found.wanted}",
    )


def unit(shown: Mapping[str, str]) -> Finding | None:
    """Judge what `systemctl show nwip.service` says; None where there is no such unit."""
    about = "systemd"
    if shown.get("LoadState") == "masked":
        return fault(about, "nwip.service is masked", "systemctl unmask nwip.service")
    if shown.get("LoadState") != "loaded":
        return None
    state, enabled = shown.get("ActiveState", ""), shown.get("UnitFileState", "")
    if state == "failed":
        why = shown.get("Result", "")
        return fault(
            about,
            f"nwip.service has failed: {why}",
            "see why: journalctl -u nwip.service -e; then systemctl restart nwip.service",
        )
    if shown.get("NRestarts", "0") not in {"", "0"}:
        return warning(
            about,
            f"nwip.service is {state} after {shown['NRestarts']} restarts",
            "see why: journalctl -u nwip.service -e",
        )
    if state == "active" and enabled in {"enabled", "static", "indirect", "generated"}:
        return well(about, "nwip.service is active, and starts with the machine")
    if state == "active":
        return well(
            about, "nwip.service is active", "to have it after the next boot: systemctl enable nwip.service"
        )
    return well(about, f"nwip.service is {state or 'not running'}", "systemctl enable --now nwip.service")
