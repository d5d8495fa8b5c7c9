"""Sockets as recorded outputs of lsof and netstat list them."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from check.recorded import GERMAN_NETSTAT, LSOF, MACOS_NETSTAT, WINDOWS_NETSTAT
from nwip.check.findings import Held
from nwip.check.listings import from_lsof, from_macos_netstat, from_windows_netstat, merged


def test_lsof_tells_process_and_user_of_listeners_and_of_outgoing_connections() -> None:
    assert list(from_lsof(LSOF)) == [
        Held(56355, "tcp", "0.0.0.0", 977, False, "rapportd", "anna"),
        Held(396, "tcp", "0.0.0.0", 4242, False, "python3.1", "anna"),
        Held(396, "udp", "192.168.1.20", 4242, False, "python3.1", "anna"),
        Held(2010, "tcp", "::1", 4242, False, "python3.1", "anna"),
        Held(43981, "udp", "192.168.1.20", 4321, True, "Google Ch", "anna"),
        Held(43982, "tcp", "fe80:b::454", 4400, True, "Brave ", "anna"),
    ]


def test_netstat_of_macos_tells_every_socket_but_those_that_have_ended() -> None:
    assert list(from_macos_netstat(MACOS_NETSTAT)) == [
        Held(43982, "tcp", "192.168.1.20", None, True),
        Held(524, "tcp", "0.0.0.0"),
        Held(396, "tcp", "0.0.0.0"),
        Held(2010, "tcp", "::1"),
        Held(213, "udp", "0.0.0.0"),
        Held(396, "udp", "fe80::1"),
    ]


def test_what_lsof_does_not_see_is_taken_from_netstat() -> None:
    told = merged(from_lsof(LSOF), from_macos_netstat(MACOS_NETSTAT))
    assert [held for held in told if held.port == 396 and held.transport == "tcp"] == [
        Held(396, "tcp", "0.0.0.0", 4242, False, "python3.1", "anna")
    ]
    assert Held(524, "tcp", "0.0.0.0") in told


def test_netstat_of_windows_tells_the_process_of_each_socket() -> None:
    assert list(from_windows_netstat(WINDOWS_NETSTAT)) == [
        Held(135, "tcp", "0.0.0.0", 992),
        Held(396, "tcp", "127.0.0.1", 4321),
        Held(396, "tcp", "127.0.0.1", 4321, True),
        Held(2010, "tcp", "::", 992),
        Held(43981, "udp", "0.0.0.0", 1044),
        Held(396, "udp", "fe80::1", 1044),
    ]


def test_netstat_of_windows_is_understood_in_another_language() -> None:
    assert list(from_windows_netstat(GERMAN_NETSTAT)) == [
        Held(396, "tcp", "0.0.0.0", 4321),
        Held(43981, "tcp", "192.168.1.20", 8044, True),
        Held(213, "udp", "0.0.0.0", 1044),
    ]


@pytest.mark.parametrize("read", [from_lsof, from_macos_netstat, from_windows_netstat])
@settings(deadline=None)
@given(text=st.text(alphabet=" \nTCPUDPtcpudp0123456789:.*[]>-()LISTENIPv4u"))
def test_no_text_is_too_odd(read: Callable[[str], Iterator[Held]], text: str) -> None:
    assert all(held.transport in {"tcp", "udp"} for held in read(text))
