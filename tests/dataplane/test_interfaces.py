import ipaddress
import socket
from typing import NamedTuple

import psutil
import pytest

from nwip.dataplane import interfaces
from nwip.dataplane.interfaces import address_towards, local_addresses, main_address, subnet_of


class Entry(NamedTuple):
    """As much of an address of psutil as is looked at."""

    family: int
    address: str
    netmask: str | None


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand for a machine with two cards, a tunnel without a mask, and no subnet told for loopback."""
    addresses = {
        "lo": [Entry(socket.AF_INET, "127.0.0.1", None), Entry(socket.AF_INET6, "::1", None)],
        "eth0": [
            Entry(socket.AF_PACKET, "02:00:00:00:00:0a", None),
            Entry(socket.AF_INET, "192.0.2.7", "255.255.255.128"),
            Entry(socket.AF_INET6, "2001:db8::7", "ffff:ffff:ffff:ffff::"),
        ],
        "eth1": [Entry(socket.AF_INET, "10.1.2.3", "255.0.0.0"), Entry(socket.AF_INET, "192.0.2.7", None)],
        "tun0": [Entry(socket.AF_INET, "10.9.9.9", None)],
    }
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: addresses)


def test_the_ipv4_addresses_of_the_machine_are_given_once_each_loopback_last(machine: None) -> None:
    assert local_addresses() == ["192.0.2.7", "10.1.2.3", "10.9.9.9", "127.0.0.1"]


@pytest.mark.parametrize(
    ("address", "subnet"),
    [
        ("192.0.2.7", "192.0.2.0/25"),
        ("10.1.2.3", "10.0.0.0/8"),
        ("10.9.9.9", None),
        ("192.0.2.8", None),
        ("127.0.0.1", "127.0.0.0/8"),
        ("127.0.0.5", "127.0.0.0/8"),
        ("2001:db8::7", None),
        ("::1", None),
    ],
)
def test_the_subnet_is_that_of_the_interface_with_the_address(
    machine: None, address: str, subnet: str | None
) -> None:
    assert subnet_of(address) == (ipaddress.IPv4Network(subnet) if subnet else None)


def test_the_main_address_is_the_one_that_leads_elsewhere(
    machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interfaces, "ELSEWHERE", ("127.0.0.9", 9))
    assert main_address() == "127.0.0.1"


def test_a_machine_without_a_way_elsewhere_has_its_first_address_or_loopback(
    machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interfaces, "ELSEWHERE", ("255.255.255.255", 9))  # refused without SO_BROADCAST
    assert main_address() == "192.0.2.7"
    monkeypatch.setattr(psutil, "net_if_addrs", dict)
    assert main_address() == "127.0.0.1"


def test_the_way_to_loopback_leaves_from_loopback() -> None:
    assert address_towards(("127.0.0.1", 9)) == "127.0.0.1"


def test_where_no_way_leads_there_is_an_os_error() -> None:
    with pytest.raises(OSError, match=r"\S"):
        address_towards(("255.255.255.255", 9))


def test_this_machine_has_a_loopback_address_and_says_so() -> None:
    assert local_addresses()[-1].startswith("127.")
