import re

import pytest

from nwip.security.admission import admission


@pytest.mark.parametrize(
    ("entries", "admitted", "refused"),
    [
        (["loopback"], ["127.0.0.1", "127.255.0.1", "::1"], ["10.0.0.1", "126.0.0.1", "::2", "fe80::1"]),
        (
            ["private"],
            ["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.1", "192.168.255.255"],
            ["9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0"],
        ),
        (
            ["private"],
            ["169.254.0.1", "fe80::1", "fe80::1%eth0", "fc00::1", "fdff::1"],
            [
                "127.0.0.1",
                "::1",
                "169.253.0.1",
                "fec0::1",
                "2001:db8::1",
                "100.64.0.1",
                "192.0.2.1",
                "0.0.0.0",
            ],
        ),
        (["192.0.2.7"], ["192.0.2.7"], ["192.0.2.6", "192.0.2.8"]),
        (["203.0.113.0/24"], ["203.0.113.0", "203.0.113.255"], ["203.0.112.255", "203.0.114.0"]),
        (["2001:db8::/32"], ["2001:db8:ffff::1"], ["2001:db9::1", "32.1.13.184"]),
        (["loopback", "192.0.2.7"], ["::1", "192.0.2.7"], ["10.0.0.1", "192.0.2.8"]),
        (["any"], ["127.0.0.1", "8.8.8.8", "2001:db8::1"], []),
        ([], [], ["127.0.0.1", "10.0.0.1", "::1"]),
    ],
)
def test_each_kind_of_entry_admits_its_addresses_and_no_others(
    entries: list[str], admitted: list[str], refused: list[str]
) -> None:
    admit = admission(entries)
    assert [address for address in admitted if not admit(address)] == []
    assert [address for address in refused if admit(address)] == []


@pytest.mark.parametrize(
    ("entry", "address", "admitted"),
    [
        ("loopback", "::ffff:127.0.0.1", True),
        ("private", "::ffff:10.0.0.1", True),
        ("192.0.2.0/24", "::ffff:192.0.2.9", True),
        ("192.0.2.0/24", "::ffff:192.0.3.9", False),
        ("private", "::ffff:8.8.8.8", False),
    ],
)
def test_an_ipv4_address_on_an_ipv6_socket_is_the_ipv4_address(
    entry: str, address: str, admitted: bool
) -> None:
    assert admission([entry])(address) is admitted


@pytest.mark.parametrize("text", ["", "localhost", "10.0.0.256", "10.0.0.0/8"])
def test_what_is_no_address_is_not_admitted(text: str) -> None:
    assert not admission(["loopback", "private", "0.0.0.0/0", "::/0"])(text)


@pytest.mark.parametrize("entry", ["", "Loopback", "localhost", "192.0.2.0/33", "192.0.2.1/24", "public"])
def test_an_entry_that_cannot_be_read_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f'"{entry}" is not')):
        admission(["loopback", entry])


def test_the_entries_may_be_any_iterable_and_are_read_once() -> None:
    admit = admission(iter(["192.0.2.7"]))
    assert admit("192.0.2.7")
    assert admit("192.0.2.7")
