"""What a doctor makes of a machine: each finding from facts that are handed in."""

import errno

import pytest

from nwip.config.reading import parse
from nwip.doctor import machine
from nwip.doctor.facts import Buffers, Clock, Ephemeral, Listening, Privileges
from nwip.doctor.findings import Verdict
from nwip.privileges import CAP_NET_ADMIN, CAP_NET_RAW

NOW = 1_800_000_000.0
LAN = '[[link]]\nkind = "ethernet"\ninterface = "eth0"\n[[link]]\nkind = "tap"\n'


@pytest.mark.parametrize(
    ("found", "verdict", "says"),
    [
        (Clock(0.0, 0.0, None), Verdict.FAULT, "never set"),
        (Clock(NOW, NOW + 61, True), Verdict.WARNING, "behind files"),
        (Clock(NOW, NOW + 59, True), Verdict.OK, "kept right"),
        (Clock(NOW, 0.0, False), Verdict.OK, "nothing keeps it right"),
        (Clock(NOW, 0.0, None), Verdict.OK, "the clock runs"),
    ],
)
def test_the_clock(found: Clock, verdict: Verdict, says: str) -> None:
    finding = machine.clock(found)
    assert (finding.verdict, says in finding.says) == (verdict, True)
    assert bool(finding.mend) or verdict is Verdict.OK


def test_privileges_that_links_take_and_this_user_lacks() -> None:
    config = parse(LAN, "nwip.toml")
    who = Privileges("anna", frozenset({CAP_NET_ADMIN}), 1024)
    (lacking,) = machine.privileges(config, who, runs=False)
    assert lacking.verdict is Verdict.FAULT
    assert lacking.says == 'links of kind "ethernet" take CAP_NET_RAW, which anna has not'
    assert "node.user" in lacking.mend
    may = who._replace(capabilities=frozenset({CAP_NET_ADMIN, CAP_NET_RAW}))
    for found, runs in ((may, False), (who, True)):
        assert [each.verdict for each in machine.privileges(config, found, runs=runs)] == [Verdict.OK]


@pytest.mark.parametrize(
    ("error", "runs", "is_default", "verdict", "mend"),
    [
        (0, False, True, Verdict.OK, ""),
        (0, True, False, Verdict.WARNING, "nwip links"),
        (0, True, True, Verdict.OK, ""),
        (errno.EADDRINUSE, False, True, Verdict.FAULT, "nwip check"),
        (errno.EADDRINUSE, True, True, Verdict.OK, ""),
        (errno.EACCES, False, True, Verdict.WARNING, "CAP_NET_BIND_SERVICE"),
        (errno.EACCES, False, False, Verdict.FAULT, "dss.port above 1023"),
        (errno.EACCES, True, True, Verdict.OK, ""),
        (errno.EADDRNOTAVAIL, False, False, Verdict.FAULT, "dss.port"),
        (errno.ENOMEM, False, False, Verdict.FAULT, "another"),
    ],
)
def test_ports(error: int, runs: bool, is_default: bool, verdict: Verdict, mend: str) -> None:
    place = Listening("TCP", 396, "192.0.2.1", "dss.port", is_default, error)
    (finding,) = machine.ports([place], runs=runs)
    assert finding.verdict is verdict
    assert mend in finding.mend
    assert "192.0.2.1" in finding.says


def test_the_data_port_among_those_that_the_kernel_gives_away_has_a_hint() -> None:
    usual = Ephemeral(32768, 60999, "")
    finding = machine.ephemeral(43981, usual)
    assert finding.verdict is Verdict.OK
    assert finding.mend.endswith("sysctl -w net.ipv4.ip_local_reserved_ports=43981")
    beside = machine.ephemeral(43981, usual._replace(reserved="2010,5000-5010"))
    assert beside.mend.endswith("=2010,5000-5010,43981")
    for other in (
        usual._replace(reserved="43980-43982"),
        usual._replace(reserved="43981"),
        Ephemeral(0, 0, ""),
    ):
        assert not machine.ephemeral(43981, other).mend
    assert not machine.ephemeral(20043, usual).mend


def test_receive_buffers() -> None:
    assert not machine.buffers(Buffers(4096, 4096)).mend
    assert machine.buffers(Buffers(1024, 4096)).mend == "sysctl -w net.core.rmem_max=4096"


@pytest.mark.parametrize(
    ("shown", "verdict", "says"),
    [
        ({"LoadState": "masked"}, Verdict.FAULT, "masked"),
        ({"LoadState": "loaded", "ActiveState": "failed", "Result": "exit-code"}, Verdict.FAULT, "exit-code"),
        ({"LoadState": "loaded", "ActiveState": "active", "NRestarts": "3"}, Verdict.WARNING, "3 restarts"),
        (
            {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"},
            Verdict.OK,
            "starts with",
        ),
        (
            {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "disabled"},
            Verdict.OK,
            "is active",
        ),
        ({"LoadState": "loaded", "ActiveState": "inactive"}, Verdict.OK, "inactive"),
    ],
)
def test_the_unit_of_systemd(shown: dict[str, str], verdict: Verdict, says: str) -> None:
    finding = machine.unit(shown)
    assert finding is not None
    assert (finding.verdict, says in finding.says) == (verdict, True)


def test_a_machine_without_the_unit_is_told_nothing_of_it() -> None:
    assert machine.unit({}) is None
    assert machine.unit({"LoadState": "not-found", "ActiveState": "inactive"}) is None
