"""What a doctor makes of the ways to a domain: each finding from facts that are handed in."""

import pytest

from nwip.doctor import domain
from nwip.doctor.facts import Addresses, Asked, Lan, PeerPath
from nwip.doctor.findings import Finding, Verdict, is_all_well, warning, well

STEPS = [Asked("dns", "SRV x", "no such name", False), Asked("dns", "NS x", "nobody answers", False)]
HELPS = Asked("dns", "DSS at 192.0.2.1:396", "answers for the domain x", True)


def test_a_way_that_leads_to_no_dss_is_a_fault_only_where_no_other_does() -> None:
    finding = domain.discovery("dns", STEPS, found=False, elsewhere=False)
    assert finding == Finding(
        "discovery: dns", Verdict.FAULT, "NS x: nobody answers", domain.WAY_MENDS["dns"]
    )
    assert domain.discovery("dns", STEPS, found=False, elsewhere=True).verdict is Verdict.OK
    found = domain.discovery("dns", [*STEPS, HELPS], found=True, elsewhere=True)
    assert (found.verdict, found.says) == (Verdict.OK, "DSS at 192.0.2.1:396: answers for the domain x")
    assert domain.discovery("dhcp", [], found=False, elsewhere=False).says == "not tried"


def test_the_dss_of_the_node_itself() -> None:
    at = ["192.0.2.1:396"]
    assert domain.own_dss(at, answers=True, runs=True).verdict is Verdict.OK
    assert domain.own_dss(at, answers=False, runs=False).verdict is Verdict.OK
    assert domain.own_dss(at, answers=False, runs=True).verdict is Verdict.FAULT


@pytest.mark.parametrize(
    ("found", "verdict", "says"),
    [
        (Addresses("192.168.1.5", ("8.8.4.4",), (), True), Verdict.OK, "192.168.1.5 here is 8.8.4.4"),
        (
            Addresses("192.168.1.5", ("192.168.1.5",), ("8.8.8.8",), False),
            Verdict.WARNING,
            "cannot write to this",
        ),
        (Addresses("192.168.1.5", (), ("8.8.8.8",), True), Verdict.OK, "goes through the NAT"),
        (Addresses("192.168.1.5", (), ("192.168.1.9",), False), Verdict.OK, "none that matters"),
        (Addresses("8.8.4.4", (), ("8.8.8.8",), False), Verdict.OK, "none that matters"),
        (Addresses("fe80::1%eth0", (), ("8.8.8.8",), True), Verdict.OK, "goes through the NAT"),
    ],
)
def test_nat(found: Addresses, verdict: Verdict, says: str) -> None:
    finding = domain.nat(found)
    assert (finding.verdict, says in finding.says) == (verdict, True), finding


@pytest.mark.parametrize(
    ("mtu", "whole", "sealed", "verdict", "says"),
    [
        (0, None, False, Verdict.WARNING, "no way"),
        (1528, None, False, Verdict.OK, "fit whole"),
        (1500, True, False, Verdict.OK, "up to 1472 octets fit whole, larger ones go as two fragments"),
        (1500, None, False, Verdict.OK, "as far as this machine knows"),
        (1400, True, False, Verdict.WARNING, "up to 1372 octets"),
        (1400, True, True, Verdict.OK, "split and joined by nwip"),
    ],
)
def test_the_size_of_packets_to_a_peer(
    mtu: int, whole: bool | None, sealed: bool, verdict: Verdict, says: str
) -> None:
    finding = domain.path(PeerPath("barn", "192.0.2.7:43981", mtu, whole), sealed=sealed)
    assert (finding.about, finding.verdict) == ("path to barn", verdict)
    assert says in finding.says


def test_ipv6_takes_more_of_a_path() -> None:
    finding = domain.path(PeerPath("barn", "[2001:db8::7]:43981", 1500, True), sealed=False)
    assert "up to 1452 octets" in finding.says


@pytest.mark.parametrize(
    ("speaks", "heard", "error", "verdict", "text"),
    [
        ("Ethernet_II", {}, "Operation not permitted", Verdict.OK, "as root"),
        ("Ethernet_II", {}, "", Verdict.OK, "--listen"),
        ("Ethernet_II", {"Ethernet_II": 3}, "", Verdict.OK, ""),
        ("", {"Ethernet_802.3": 3}, "", Verdict.OK, ""),
        ("Ethernet_II", {"Ethernet_802.3": 3}, "", Verdict.FAULT, 'set link.frame to "Ethernet_802.3"'),
        ("Ethernet_II", {"Ethernet_II": 1, "Ethernet_802.3": 3}, "", Verdict.WARNING, '"Ethernet_802.3"'),
        ("", {"Ethernet_II": 1, "Ethernet_802.3": 3}, "", Verdict.WARNING, "add a [[link]]"),
    ],
)
def test_frame_types(speaks: str, heard: dict[str, int], error: str, verdict: Verdict, text: str) -> None:
    finding = domain.lan(Lan("lan", "eth0", speaks, heard, error))
    assert finding.verdict is verdict, finding
    assert text in finding.mend


def test_alarms_are_warnings_and_one_thing_to_mend_is_not_all_well() -> None:
    (alarm,) = domain.alarms(["link lan: a router says 0000001A"])
    assert (alarm.verdict, alarm.says) == (Verdict.WARNING, "link lan: a router says 0000001A")
    assert is_all_well([well("a", "b"), well("a", "b", "c")])
    assert not is_all_well([well("a", "b"), warning("a", "b", "c")])
