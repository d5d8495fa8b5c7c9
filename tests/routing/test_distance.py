import pytest

from nwip.directory.parameters import Parameters
from nwip.routing.distance import classful_prefix, ticks_between

PARAMETERS = Parameters(domain="test", ticks_same_subnet=11, ticks_same_network=22, ticks_elsewhere=33)
SUBNET, NETWORK, ELSEWHERE = 11, 22, 33


@pytest.mark.parametrize(
    ("here", "there", "prefix", "ticks"),
    [
        ("192.0.2.1", "192.0.2.255", 24, SUBNET),
        ("192.0.2.1", "192.0.2.1", 32, SUBNET),
        ("192.0.2.1", "192.0.2.129", 25, NETWORK),
        ("192.0.2.1", "192.0.3.1", 24, ELSEWHERE),
        ("192.0.2.1", "192.0.3.1", 23, SUBNET),
        ("10.1.2.3", "10.255.255.255", 16, NETWORK),
        ("10.1.2.3", "11.1.2.3", 16, ELSEWHERE),
        ("172.16.1.1", "172.16.2.1", 24, NETWORK),
        ("172.16.1.1", "172.17.1.1", 24, ELSEWHERE),
        ("2001:db8::1", "2001:db8:0:1::1", 48, SUBNET),
        ("2001:db8::1", "2001:db8:0:1::1", 64, ELSEWHERE),
    ],
)
def test_the_mask_decides_the_subnet_and_the_class_the_network(
    here: str, there: str, prefix: int, ticks: int
) -> None:
    assert ticks_between(here, there, PARAMETERS, prefix) == ticks


@pytest.mark.parametrize(
    ("here", "there", "ticks"),
    [
        ("10.1.2.3", "10.1.2.4", SUBNET),
        ("10.1.2.3", "10.1.3.3", NETWORK),
        ("2001:db8::1", "2001:db8::ffff:1", SUBNET),
        ("2001:db8::1", "2001:db8:0:1::1", ELSEWHERE),
        ("10.1.2.3", "2001:db8::1", ELSEWHERE),
        ("2001:db8::1", "10.1.2.3", ELSEWHERE),
    ],
)
def test_without_a_mask_24_is_assumed_and_64_for_ipv6(here: str, there: str, ticks: int) -> None:
    assert ticks_between(here, there, PARAMETERS) == ticks


@pytest.mark.parametrize(("here", "there"), [("10.0.0.1", "gateway"), ("", "10.0.0.1"), ("10.0.0.256", "::")])
def test_what_is_not_an_ip_address_is_a_mistake(here: str, there: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        ticks_between(here, there, PARAMETERS)


@pytest.mark.parametrize(
    ("address", "prefix"),
    [("1.0.0.0", 8), ("127.255.255.255", 8), ("128.0.0.0", 16), ("191.255.255.255", 16), ("192.0.0.0", 24)],
)
def test_the_classes_begin_at_128_and_192(address: str, prefix: int) -> None:
    assert classful_prefix(address) == prefix
