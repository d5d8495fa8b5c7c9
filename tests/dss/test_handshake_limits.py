"""How many handshakes a sealed DSS does, on a simulated clock."""

from nwip.dss.handshake_limits import (
    BURST,
    KNOWN_LIMIT,
    RATE,
    TOTAL_BURST,
    TOTAL_RATE,
    HandshakeLimits,
    source_of,
)
from nwip.dss.messages import Reason


def admitted(limits: HandshakeLimits, addresses: list[str], now: float = 0.0) -> int:
    return sum(limits.objection(ip, now) is None for ip in addresses)


def strangers(count: int) -> list[str]:
    return [f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}" for number in range(count)]


def test_an_address_has_its_own_limit() -> None:
    limits = HandshakeLimits()
    assert admitted(limits, ["192.0.2.1"] * 300) == BURST
    assert admitted(limits, ["192.0.2.1"] * 300, now=2.0) == 2 * RATE
    assert admitted(limits, ["192.0.2.2"], now=2.0) == 1


def test_all_strangers_together_have_one_too() -> None:
    limits = HandshakeLimits()
    assert admitted(limits, strangers(2000)) == TOTAL_BURST
    refusal = limits.objection("192.0.2.1", 0.0)
    assert refusal is not None
    assert refusal.reason == Reason.FULL
    assert admitted(limits, strangers(2000), now=1.0) == TOTAL_RATE


def test_a_flood_of_strangers_keeps_no_member_out() -> None:
    limits = HandshakeLimits()
    limits.proved("192.0.2.1")
    admitted(limits, strangers(2000))
    assert admitted(limits, ["192.0.2.1"]) == 1
    assert admitted(limits, ["192.0.2.2"]) == 0


def test_few_addresses_are_remembered_and_the_oldest_is_forgotten() -> None:
    limits = HandshakeLimits()
    limits.proved("192.0.2.1")
    limits.proved("192.0.2.2")
    *most, last = strangers(KNOWN_LIMIT - 1)
    for ip in (*most, "192.0.2.1", last):
        limits.proved(ip)
    assert len(limits._known) == KNOWN_LIMIT
    assert "192.0.2.1" in limits._known
    assert "192.0.2.2" not in limits._known


def test_addresses_of_one_ipv6_network_are_counted_together() -> None:
    assert source_of("2001:db8::1") == source_of("2001:db8::ffff:1") != source_of("2001:db8:0:1::1")
    assert source_of("192.0.2.1") != source_of("192.0.2.2")
