"""A node that is told nothing, or only a domain, finds its DSS: by dnsmasq, dhclient, BIND, the subnet."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nwip.discovery.dhcp.information import Information
from nwip.discovery.dhcp.render import render
from nwip.discovery.nearest import Nearest, query, read_answer
from nwip.ipx.numbers import NETWARE_IP_DATA_PORT
from real.finding_site import (
    CLIENT_ADDRESS,
    DOMAIN,
    DSS_ADDRESS,
    SECOND_ADDRESS,
    Process,
    Site,
    finding_site,
)
from real.namespaces import inside

pytestmark = [pytest.mark.real("netns"), pytest.mark.timeout(150)]

RESOLVER = f"nameserver {DSS_ADDRESS}\noptions timeout:2 attempts:1\n"
FOUND = (DOMAIN, f"{DSS_ADDRESS}:396")


@contextlib.contextmanager
def dnsmasq(site: Site, information: Information) -> Iterator[Process]:
    """Serve addresses and these options, as `nwip dhcp-options` writes them."""
    arguments = [
        "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=eth0",
        "--bind-interfaces", "--dhcp-authoritative", "--no-ping", "--pid-file=", "--user=root",
        "--log-facility=-", f"--dhcp-leasefile={site.folder}/dnsmasq.leases",
        "--dhcp-range=10.78.0.50,10.78.0.60,1h",
        *(f"--{line}" for line in render(information, "dnsmasq").splitlines() if "=" in line),
    ]  # fmt: skip
    with site.run(site.server, "dnsmasq", arguments) as running:
        wait_for_line(running, "DHCP, IP range")
        yield running


@contextlib.contextmanager
def bind(site: Site, zones: dict[str, str], *, recursion: bool = False) -> Iterator[Process]:
    """Serve these zones at port 53 of the DSS's first address."""
    folder = site.folder / "bind"
    folder.mkdir()
    parts = [
        (
            f'options {{ directory "{folder}"; listen-on {{ {DSS_ADDRESS}; }}; listen-on-v6 {{ none; }};'
            f" recursion {'yes' if recursion else 'no'}; allow-query {{ any; }}; allow-recursion {{ any; }};"
            f' pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key"; dnssec-validation no;'
            " empty-zones-enable no; };"
        ),
        "controls { };",
    ]
    for name, records in zones.items():
        (folder / name).write_text(
            f"$TTL 60\n@ SOA ns.{name}. hostmaster.{name}. 1 3600 600 86400 60\n{records}"
        )
        parts.append(f'zone "{name}" {{ type primary; file "{folder}/{name}"; }};')
    (folder / "named.conf").write_text("\n".join(parts))
    with site.run(site.server, "bind", ["named", "-g", "-c", str(folder / "named.conf")]) as running:
        wait_for_line(running, " running")
        yield running


def wait_for_line(running: Process, text: str) -> None:
    """Wait until the program's log has a line with this text."""
    end = time.monotonic() + 15
    while text not in running.log.read_text():
        assert running.process.poll() is None, running.log.read_text()
        assert time.monotonic() < end, running.log.read_text()
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.process.wait(0.05)


@pytest.mark.real("dnsmasq")
def test_a_node_that_is_told_nothing_asks_the_dhcp_server(tmp_path: Path) -> None:
    information = Information(
        DOMAIN, preferred_dss=("10.78.0.77", DSS_ADDRESS), autoretries=1, nsq_broadcast=False
    )
    with finding_site(tmp_path) as site, site.dss(), dnsmasq(site, information):
        code, found, steps = site.discover()
        assert code == 0
        assert found["discover"][2] == {  # type: ignore[index]
            "domain": DOMAIN, "dss": f"{DSS_ADDRESS}:396", "way": "dhcp", "state": "answers",
        }  # fmt: skip
        assert steps[2:4] == [
            (
                f"dhcp: DHCPINFORM from {CLIENT_ADDRESS} on eth0: domain lab.test, preferred DSS 10.78.0.77,"
                " 10.78.0.1, nearest-server query not wanted, tries 1, seconds between None"
            ),
            "dhcp: DSS at 10.78.0.77:396: does not answer",
        ]
        assert site.join() == FOUND


@pytest.mark.real("dnsmasq", "dhclient")
def test_a_node_that_is_told_nothing_reads_the_lease_of_dhclient(tmp_path: Path) -> None:
    information = Information(DOMAIN, preferred_dss=(DSS_ADDRESS,), autoretries=2, autoretry_secs=1)
    with finding_site(tmp_path) as site, site.dss():
        with dnsmasq(site, information):
            leases = run_dhclient(site)
        # The server is gone: what is known comes from the lease alone.
        text = f'[discovery]\nleases = ["{leases}"]\n'
        code, _, steps = site.discover("--way", "dhcp", text=text)
        assert code == 0
        assert f"dhcp: lease of eth0 in {leases}: domain lab.test, preferred DSS 10.78.0.1," in steps[0]
        assert not any("DHCPINFORM" in step for step in steps)
        assert site.join(text) == FOUND


def run_dhclient(site: Site) -> Path:
    leases, pid = site.folder / "dhclient.leases", site.folder / "dhclient.pid"
    config = site.folder / "dhclient.conf"
    config.write_text("request subnet-mask, nwip-domain, nwip-suboptions;\n")
    subprocess.run(
        [
            *("ip", "netns", "exec", site.client, "dhclient", "-1", "-sf", "/bin/true"),
            *("-cf", str(config), "-lf", str(leases), "-pf", str(pid), "eth0"),
        ],
        check=True,
        capture_output=True,
        timeout=40,
    )
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(pid.read_text()), signal.SIGTERM)
    return leases


@pytest.mark.real("named")
def test_a_node_that_is_told_a_domain_finds_the_name_servers_of_its_zone(tmp_path: Path) -> None:
    zone = f"@ NS dss1\nns A {DSS_ADDRESS}\ndss1 A {DSS_ADDRESS}\n"
    with finding_site(tmp_path, RESOLVER) as site, site.dss(), bind(site, {DOMAIN: zone}):
        code, _, steps = site.discover(DOMAIN, "--way", "dns")
        assert code == 0
        assert steps[1] == "dns: NS lab.test: dss1.lab.test at 10.78.0.1"
        assert site.join(f'[domain]\nname = "{DOMAIN}"\n') == FOUND


@pytest.mark.real("named")
def test_srv_leads_a_node_that_is_told_nothing_through_its_search_domain(tmp_path: Path) -> None:
    zone = f"@ NS ns\nns A {DSS_ADDRESS}\n_nwip-dss._tcp SRV 0 0 396 dss2\ndss2 A {SECOND_ADDRESS}\n"
    resolver = f"{RESOLVER}search museum.test\n"
    with finding_site(tmp_path, resolver) as site, site.dss(), bind(site, {"museum.test": zone}):
        assert site.join() == (DOMAIN, f"{SECOND_ADDRESS}:396")


@pytest.mark.real("named")
def test_a_lame_delegation_is_recognised_and_leads_to_the_dss_all_the_same(tmp_path: Path) -> None:
    # The DSS at the second address is no name server, as with NetWare/IP of old.
    zone = f"@ NS ns\nns A {DSS_ADDRESS}\nlab NS dss.lab\ndss.lab A {SECOND_ADDRESS}\n"
    with finding_site(tmp_path, RESOLVER) as site, site.dss(), bind(site, {"test": zone}, recursion=True):
        code, _, steps = site.discover(DOMAIN, "--way", "dns")
        assert code == 0
        assert (
            "dns: delegation of lab.test: lame: the zone test delegates it to servers that do not" in steps[2]
        )
        assert site.join(f'[domain]\nname = "{DOMAIN}"\n') == (DOMAIN, f"{SECOND_ADDRESS}:396")


def test_without_dhcp_and_dns_the_subnet_is_asked(tmp_path: Path) -> None:
    with finding_site(tmp_path) as site, site.dss():
        code, found, _ = site.discover("--way", "nearest")
        assert (code, found["discover"][0]["way"]) == (0, "nearest")  # type: ignore[index]
        assert site.join() == FOUND


def test_a_node_without_a_dss_of_its_own_tells_of_the_one_it_is_with(tmp_path: Path) -> None:
    """Suboption 7: the nearest NetWare/IP server is asked at its data port, and need not be a DSS."""
    nonce = b"nearby"
    with finding_site(tmp_path) as site, site.dss(), site.joined() as joined:
        joined.first_object()
        with inside(site.server), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.sendto(query(nonce), (CLIENT_ADDRESS, NETWARE_IP_DATA_PORT))
            assert read_answer(sock.recv(1500), nonce) == Nearest((DSS_ADDRESS, 396), DOMAIN)


@pytest.mark.real("dnsmasq")
def test_the_word_for_another_domain_leads_nowhere(tmp_path: Path) -> None:
    with (
        finding_site(tmp_path) as site,
        site.dss(),
        dnsmasq(site, Information("other.test", preferred_dss=(DSS_ADDRESS,))),
    ):
        code, found, steps = site.discover("museum.test")
        assert (code, found["discover"]) == (1, [])
        assert any("is for another domain, other.test" in step for step in steps)
        assert any("of the domain lab.test: another domain" in step for step in steps)
