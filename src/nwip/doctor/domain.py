"""Judges a node's ways to its domain: DSSs, NAT, sizes of packets, frame types, alarms. Pure."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Final

from nwip.doctor.facts import Addresses, Asked, Lan, PeerPath
from nwip.doctor.findings import Finding, fault, warning, well

IPV4_AND_UDP: Final = 28  # octets before an IPX packet
IPV6_AND_UDP: Final = 48
LARGEST: Final = 1500  # octets of an IPX packet

WAY_MENDS: Final = {
    "preferred": "write in dss.servers where a DSS of the domain runs, or start it there",
    "dhcp": "have the DHCP server send options 62 and 63: 'nwip dhcp-options' prints them",
    "dns": "add SRV records for the domain: docs/guides/discovery.md shows them",
    "nearest": "start a DSS in this subnet, or name one in dss.servers",
}


def discovery(way: str, steps: Sequence[Asked], *, found: bool, elsewhere: bool) -> Finding:
    """Judge one way to find a DSS by its steps; `elsewhere`: another way has found one."""
    about = f"discovery: {way}"
    last = next((step for step in reversed(steps) if step.helps is found), steps[-1] if steps else None)
    told = f"{last.asked}: {last.answer}" if last is not None else "not tried"
    if found:
        return well(about, told)
    if elsewhere:
        return well(about, told)
    return fault(about, told, WAY_MENDS.get(way, "see 'nwip discover --explain'"))


def own_dss(endpoints: Sequence[str], *, answers: bool, runs: bool) -> Finding:
    """Judge the DSS that this node serves itself."""
    where = ", ".join(endpoints) or "no address"
    if answers:
        return well("DSS", f"the DSS here answers at {where}")
    if runs:
        return fault(
            "DSS", f"the DSS here does not answer at {where}", "see the log of the node, and the firewall"
        )
    return well("DSS", f"this node will serve the DSS at {where} when it runs")


def nat(found: Addresses) -> Finding:
    """Judge whether other nodes can write to this one."""
    about = "NAT"
    outside = [address for address in found.outside if address != found.inside]
    if outside and found.inside:
        return well(about, f"there is a NAT: {found.inside} here is {', '.join(outside)} to the domain")
    far = [server for server in found.servers if _is_public(server)]
    if not found.inside or _is_public(found.inside) or not far:
        return well(about, "there is none that matters: the domain knows this node as it knows itself")
    if found.sealed:
        return well(
            about, f"{found.inside} is private and {far[0]} is not: the sealed domain goes through the NAT"
        )
    return warning(
        about,
        f"{found.inside} is private and the DSS at {far[0]} is not: nodes out there cannot write to this one",
        "make the domain a sealed one ('nwip domain create' there), or join the sites by a VPN",
    )


def _is_public(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_global


def path(found: PeerPath, *, sealed: bool) -> Finding:
    """Judge how large packets to another node may be."""
    about = f"path to {found.name}"
    header = IPV6_AND_UDP if found.endpoint.startswith("[") else IPV4_AND_UDP
    if not found.mtu:
        return warning(
            about, f"there is no way to {found.endpoint}", "see with 'ip route get' where packets to it go"
        )
    room = found.mtu - header
    if room >= LARGEST:
        return well(
            about, f"{found.endpoint}: IP packets of {found.mtu} octets; the largest of IPX fit whole"
        )
    whole = f"{found.endpoint}: IPX packets of up to {room} octets fit whole"
    if sealed:
        return well(about, f"{whole}; larger ones are split and joined by nwip")
    if found.whole and found.mtu >= LARGEST:
        return well(about, f"{whole}, larger ones go as two fragments of IP")
    if found.mtu >= LARGEST:
        return well(
            about,
            f"{whole} as far as this machine knows, larger ones go as two fragments of IP",
            "where large packets get lost and small ones do not, a NAT or firewall drops fragments",
        )
    return warning(
        about,
        f"{whole}; this path is narrower than an Ethernet: what drops fragments there drops larger packets",
        f"let the path carry 1500, set stations to packets of at most {room} octets, or seal the domain",
    )


def lan(found: Lan) -> Finding:
    """Judge what is spoken on a LAN beside what the link speaks."""
    about = f"frame types on {found.interface}"
    if found.error:
        return well(about, f"cannot be listened to: {found.error}", "run 'nwip doctor' as root to hear them")
    if not found.heard:
        return well(
            about, "no IPX was heard", "listen longer: nwip doctor --listen 60; NetWare speaks once a minute"
        )
    heard = ", ".join(f"{count} of {name}" for name, count in sorted(found.heard.items()))
    if not found.speaks or found.speaks in found.heard:
        strangers = sorted(set(found.heard) - {found.speaks})
        if len(strangers) > (0 if found.speaks else 1):
            return warning(
                about,
                f"{heard}: stations of different frame types do not hear each other",
                f'add a [[link]] with frame = "{strangers[-1]}", or set all stations to one',
            )
        return well(about, heard)
    theirs = max(found.heard, key=lambda name: found.heard[name])
    return fault(
        about,
        f"link {found.link} speaks {found.speaks}, but heard was {heard}",
        f'set link.frame to "{theirs}", or add a [[link]] with it',
    )


def alarms(sentences: Iterable[str]) -> list[Finding]:
    """Return what a running node has noticed itself; each sentence says its own mend."""
    mend = "mend what the sentence says; 'nwip links' and docs/guides/mistakes.md say more"
    return [warning("alarm", sentence, mend) for sentence in sentences]
