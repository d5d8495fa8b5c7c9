"""The lease files of three DHCP clients: what is in force, and what it says of NetWare/IP."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.discovery.dhcp.information import Information
from nwip.discovery.dhcp.lease_files import LARGEST, read_leases
from nwip.discovery.dhcp.leases import read_dhclient, read_key_value

# As dhclient 4.4.3 of Debian 12 wrote it, with dnsmasq for a server.
DHCLIENT = """\
lease {
  interface "eth0";
  fixed-address 10.9.0.59;
  option subnet-mask 255.255.255.0;
  option dhcp-server-identifier 10.9.0.1;
  option nwip-domain "nwip.test";
  option nwip-suboptions 2:0:5:1:1:6:8:a:9:0:1:a:9:0:2:7:4:a:9:0:5:8:1:2:9:1:1:a:1:0:b:4:a:9:0:1;
  option nwip.illegal-2 2:0:5:1:1:6:8:a:9:0:1:a:9:0:2:7:4:a:9:0:5:8:1:2:9:1:1:a:1:0:b:4:a:9:0:1;
  option nwip.nsq-broadcast true;
  renew 2 2026/11/24 16:28:32;
  rebind 2 2026/11/24 16:56:27;
  expire 2 2026/11/24 17:03:57;
}
"""
INFORMATION = Information(
    "nwip.test",
    nsq_broadcast=True,
    preferred_dss=("10.9.0.1", "10.9.0.2"),
    nearest_servers=("10.9.0.5",),
    autoretries=2,
    autoretry_secs=1,
    nwip_1_1=False,
    primary_dss="10.9.0.1",
)
END = datetime(2026, 11, 24, 17, 3, 57, tzinfo=UTC).timestamp()


def test_a_lease_of_dhclient() -> None:
    (lease,) = read_dhclient(DHCLIENT, END - 1)
    assert (lease.interface, lease.address, lease.server) == ("eth0", "10.9.0.59", "10.9.0.1")
    assert lease.information == INFORMATION
    assert lease.trouble == ""


def test_a_lease_that_is_over_counts_no_more() -> None:
    assert read_dhclient(DHCLIENT, END) == []


def test_the_latest_lease_of_an_interface_counts_even_if_it_says_less() -> None:
    later = 'lease {\n  interface "eth0";\n  fixed-address 10.9.0.60;\n  expire never;\n}\n'
    (lease,) = read_dhclient(DHCLIENT + later, END - 1)
    assert (lease.address, lease.information) == ("10.9.0.60", None)


def test_each_interface_has_its_lease() -> None:
    both = DHCLIENT + DHCLIENT.replace("eth0", "eth1").replace(".59", ".61")
    assert [lease.address for lease in read_dhclient(both, END - 1)] == ["10.9.0.59", "10.9.0.61"]


@pytest.mark.parametrize(
    ("expire", "holds"),
    [
        ("never", True),
        ("epoch 2000000000; # Wed May 18 03:33:20 2033", True),
        ("epoch 5; # long ago", False),
        ("2 2026/13/45 99:00:00", False),
        ("soon", False),
    ],
)
def test_the_forms_of_an_end(expire: str, holds: bool) -> None:
    text = DHCLIENT.replace("expire 2 2026/11/24 17:03:57", f"expire {expire.rstrip(';')}")
    assert bool(read_dhclient(text, END - 1)) == holds


def test_text_may_hold_semicolons_braces_and_escapes() -> None:
    text = 'lease {\n  interface "e\\"t;h}";\n  option nwip-domain "nwip.test\\000";\n  expire never;\n}\n'
    (lease,) = read_dhclient(text, 0)
    assert lease.interface == 'e"t;h}'
    assert lease.information == Information("nwip.test")


def test_octets_that_are_no_option_63_are_said_to_be_wrong() -> None:
    text = DHCLIENT.replace("nwip-suboptions 2:0:5", "nwip-suboptions 9:0:5")
    (lease,) = read_dhclient(text, END - 1)
    assert lease.information is None
    assert lease.trouble == "option 63 does not begin with one of the suboptions 1 to 4"


def test_a_lease_of_systemd_networkd_names_the_server_to_ask() -> None:
    lease = read_key_value(
        "# This is private data. Do not parse.\nADDRESS=10.9.0.59\nSERVER_ADDRESS=10.9.0.1\n"
    )
    assert (lease.address, lease.server, lease.information) == ("10.9.0.59", "10.9.0.1", None)


def test_a_lease_of_that_kind_that_holds_the_options_is_read() -> None:
    lease = read_key_value(
        "ADDRESS=10.9.0.59\nOPTION_62=6e7769702e74657374\nOPTION_63=02000501010604 0a090001\n"
    )
    assert lease.information == Information("nwip.test", nsq_broadcast=True, preferred_dss=("10.9.0.1",))
    assert read_key_value("OPTION_63=xyz").trouble != ""


@given(st.text(max_size=300), st.text(max_size=300))
def test_noise_in_a_file_raises_nothing(inside: str, around: str) -> None:
    read_dhclient(f"{around}\nlease {{{inside}\n}}\n", 0)
    read_key_value(inside)


def test_files_are_found_by_pattern_and_the_end_of_a_large_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "dhclient.eth0.leases").write_text("# x\n" * LARGEST + DHCLIENT)
    (tmp_path / "7").write_text("ADDRESS=10.9.0.7\nSERVER_ADDRESS=10.9.0.1\n")
    (tmp_path / "empty.leases").write_bytes(b"\xff\xfe")
    found = read_leases(
        END - 1, [f"{tmp_path}/*.leases", f"{tmp_path}/[0-9]*", "no/anchor", f"{tmp_path}/none"]
    )
    ours = [(Path(file).name, lease.address) for file, lease in found if file.startswith(str(tmp_path))]
    assert ours == [("dhclient.eth0.leases", "10.9.0.59"), ("7", "10.9.0.7")]
