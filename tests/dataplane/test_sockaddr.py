"""Addresses as the kernel writes them: the kernel itself is asked."""

import socket
import sys

import pytest

from nwip.dataplane.sockaddr import SIZES, endpoint_of, sockaddr
from nwip.directory.records import Endpoint

LOOPBACK_INDEX = 1


def test_ipv4_is_family_port_address_and_eight_zeros() -> None:
    octets = sockaddr(("192.0.2.1", 213), socket.AF_INET)
    assert octets[2:] == b"\x00\xd5\xc0\x00\x02\x01" + bytes(8)
    assert len(octets) == SIZES[socket.AF_INET]


@pytest.mark.parametrize("endpoint", [("0.0.0.0", 0), ("192.0.2.255", 65535)])
def test_ipv4_comes_back(endpoint: Endpoint) -> None:
    assert endpoint_of(sockaddr(endpoint, socket.AF_INET)) == endpoint


@pytest.mark.parametrize("endpoint", [("::", 0), ("2001:db8::1", 65535), ("::ffff:192.0.2.1", 213)])
def test_ipv6_comes_back(endpoint: Endpoint) -> None:
    octets = sockaddr(endpoint, socket.AF_INET6)
    assert len(octets) == SIZES[socket.AF_INET6]
    assert endpoint_of(octets) == endpoint


def test_a_scope_is_the_interface_of_that_name() -> None:
    name = socket.if_indextoname(LOOPBACK_INDEX)
    octets = sockaddr((f"fe80::1%{name}", 213), socket.AF_INET6)
    assert int.from_bytes(octets[24:], sys.byteorder) == LOOPBACK_INDEX
    assert endpoint_of(octets) == (f"fe80::1%{name}", 213)


def test_a_scope_whose_interface_is_gone_is_its_number() -> None:
    gone = 0x7FFF_FFF0
    octets = sockaddr((f"fe80::1%{gone}", 213), socket.AF_INET6)
    assert endpoint_of(octets) == (f"fe80::1%{gone}", 213)


@pytest.mark.parametrize(
    ("endpoint", "family"),
    [
        (("::1", 9), socket.AF_INET),
        (("192.0.2.1", 9), socket.AF_INET6),
        (("museum", 9), socket.AF_INET),
        (("fe80::1%no such interface", 9), socket.AF_INET6),
        (("192.0.2.1", 65536), socket.AF_INET),
        (("192.0.2.1", -1), socket.AF_INET),
    ],
)
def test_what_no_socket_of_the_family_takes_is_an_error(
    endpoint: Endpoint, family: socket.AddressFamily
) -> None:
    with pytest.raises((OSError, OverflowError)):
        sockaddr(endpoint, family)
