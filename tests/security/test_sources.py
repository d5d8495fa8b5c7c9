import pytest

from nwip.security.sources import plain_address, source_of


@pytest.mark.parametrize(
    ("ip", "plain", "source"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:1:2::3", "2001:db8:0:1:2::3", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::1", "fe80::/64"),
    ],
)
def test_an_address_has_one_form_and_belongs_to_one_source(ip: str, plain: str, source: str) -> None:
    assert plain_address(ip) == plain
    assert source_of(ip) == source


def test_what_is_no_address_is_said_to_be_none() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        source_of("dss.example.org")
