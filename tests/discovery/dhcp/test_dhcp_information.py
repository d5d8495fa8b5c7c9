"""Options 62 and 63, byte for byte: the reference's examples, all suboptions, the spill, and damage."""

import contextlib
import json

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from nwip.cli.main import cli
from nwip.discovery.dhcp.information import (
    Information,
    Place,
    decode,
    encode,
    encode_domain,
    encode_spilled,
)
from nwip.wire import WireError

WHOLE = Information(
    "nwip.example.com",
    nsq_broadcast=True,
    preferred_dss=("10.0.0.1", "10.0.0.2"),
    nearest_servers=("10.0.0.5",),
    autoretries=3,
    autoretry_secs=10,
    nwip_1_1=False,
    primary_dss="10.0.0.1",
)
DOMAIN_OCTETS = bytes.fromhex("3E 10 6E 77 69 70 2E 65 78 61 6D 70 6C 65 2E 63 6F 6D")
OCTETS = bytes.fromhex(
    "3F 24 02 00 05 01 01 06 08 0A 00 00 01 0A 00 00 02 07 04 0A 00 00 05"
    "08 01 03 09 01 0A 0A 01 00 0B 04 0A 00 00 01"
)

addresses = st.ip_addresses(v=4).map(str)
octets = st.one_of(st.none(), st.integers(0, 255))
flags = st.one_of(st.none(), st.booleans())
informations = st.builds(
    Information,
    st.from_regex(r"\A[a-z0-9.-]{1,60}\Z"),
    st.just(Place.OPTIONS),
    flags,
    st.lists(addresses, max_size=5).map(tuple),
    st.lists(addresses, max_size=5).map(tuple),
    octets,
    octets,
    flags,
    st.one_of(st.none(), addresses),
)


def test_the_worked_example_both_ways() -> None:
    assert encode_domain(WHOLE.domain) == DOMAIN_OCTETS
    assert encode(WHOLE) == OCTETS
    assert decode(DOMAIN_OCTETS[2:], OCTETS[2:]) == WHOLE


def test_the_example_of_the_rfc() -> None:
    found = decode(None, bytes.fromhex("02 00 05 01 01 07 04 0A 00 00 05"))
    assert found == Information(nsq_broadcast=True, nearest_servers=("10.0.0.5",))


@given(informations)
def test_what_is_written_is_read_in_the_options_and_in_sname_and_file(information: Information) -> None:
    assert decode(encode_domain(information.domain)[2:], encode(information)[2:]) == information
    option, area = encode_spilled(information)
    assert option == bytes.fromhex("3F 02 03 00")
    assert len(area) == 192
    assert decode(None, option[2:], area) == information._replace(place=Place.SNAME_FILE)


@pytest.mark.parametrize("place", [Place.NOWHERE, Place.TOO_BIG])
def test_a_server_may_have_nothing_or_too_much(place: Place) -> None:
    assert decode(b"x.org", bytes([place, 0])) == Information("x.org", place)


@pytest.mark.parametrize(
    ("domain", "suboptions"),
    [
        (b"\xff", None),
        (b"a\nb", None),
        (None, b""),
        (None, b"\x05\x01\x01"),
        (None, b"\x02\x00\x05\x02\x01\x01"),
        (None, b"\x02\x00\x06\x03\x01\x01\x01"),
        (None, b"\x02\x00\x06\x18" + bytes(24)),
        (None, b"\x02\x00\x0b\x08" + bytes(8)),
        (None, b"\x02\x00\x0b\x00"),
    ],
)
def test_what_is_wrong_is_a_wire_error(domain: bytes | None, suboptions: bytes | None) -> None:
    with pytest.raises(WireError):
        decode(domain, suboptions)


def test_a_cut_at_any_octet_is_a_wire_error_or_less_of_the_same() -> None:
    for end in range(len(OCTETS) - 2):
        with contextlib.suppress(WireError):
            decode(None, OCTETS[2 : 2 + end])


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=192))
def test_noise_raises_nothing_else(domain: bytes, suboptions: bytes, area: bytes) -> None:
    for first in (b"", b"\x02\x00", b"\x03\x00"):
        with contextlib.suppress(WireError):
            decode(domain, first + suboptions, area)


def test_unknown_suboptions_and_final_zeros_are_passed_over() -> None:
    assert decode(b"x.org\0", b"\x02\x00\xc8\x02ab\x08\x01\x07") == Information("x.org", autoretries=7)


def test_the_command_prints_what_each_server_wants() -> None:
    words = ["dhcp-options", "nwip.example.com", "--dss", "10.0.0.1", "--no-nsq"]
    result = CliRunner().invoke(cli, words)
    assert "dhcp-option=62,nwip.example.com\ndhcp-option=63,02:00:05:01:00:06:04:0a:00:00:01" in result.output
    assert 'option nwip-domain "nwip.example.com";' in result.output
    assert '"data": "020005010006040A000001"' in result.output
    rows = json.loads(CliRunner().invoke(cli, [*words, "--json"]).stdout)["dhcp-options"]
    assert [row["for"] for row in rows] == ["dnsmasq", "dhcpd", "kea", "hex"]


@pytest.mark.parametrize(
    "words", [["x.org", "--dss", "nobody"], ["x.org", *(["--dss", "10.0.0.1"] * 6)], ["ü"]]
)
def test_what_the_options_cannot_hold_is_a_usage_error(words: list[str]) -> None:
    result = CliRunner().invoke(cli, ["dhcp-options", *words])
    assert result.exit_code == 2
    assert "cannot be written" in result.output
