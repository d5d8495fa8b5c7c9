"""Verdicts on ports, from what holds them and what they answer."""

import pytest

from nwip.check.findings import Family, Heard, Held, Process, Spoken, State, Verdict
from nwip.check.recognising import NCP, PEERS, PLAYERS, SESSIONS
from nwip.check.verdicts import judge_free, judge_heard, judge_held

DSS = Spoken("DSS of the domain x", Family.OURS, SESSIONS)
WEB = Spoken("HTTP", Family.OTHER)
DOSBOX = Spoken("DOSBox IPX", Family.OTHER, PLAYERS)
NETWARE = Spoken("NCP: NetWare over TCP/IP", Family.NETWARE, NCP)
MUTE = Heard(State.SILENT)
HERE = Held(396, "tcp", "0.0.0.0", 7)
GOOD = Process(7, "httpd", "root", "/usr/sbin/httpd", package="apache2")


def speaks(spoken: Spoken) -> Heard:
    return Heard(State.OPEN, spoken)


@pytest.mark.parametrize(
    ("port", "transport", "spoken", "verdict"),
    [
        (396, "tcp", DSS, Verdict.OURS),
        (10396, "tcp", DSS, Verdict.OURS),
        (524, "tcp", DSS, Verdict.MISCONFIGURED),
        (2010, "tcp", DSS._replace(homes=PEERS), Verdict.OURS),
        (396, "tcp", WEB, Verdict.BORROWED),
        (213, "udp", DOSBOX, Verdict.BORROWED),
        (43981, "udp", DOSBOX, Verdict.MISCONFIGURED),
        (524, "tcp", NETWARE, Verdict.OURS),
        (396, "tcp", NETWARE, Verdict.MISCONFIGURED),
    ],
)
def test_a_protocol_is_judged_by_where_it_belongs(
    port: int, transport: str, spoken: Spoken, verdict: Verdict
) -> None:
    held = Held(port, transport, "0.0.0.0", 7)
    for judged in (
        judge_heard(port, transport, speaks(spoken)),
        judge_held(held, GOOD, speaks(spoken), privileged=True),
    ):
        assert judged.verdict == verdict
        assert spoken.text in judged.reasons[0]


@pytest.mark.parametrize("process", [GOOD._replace(deleted=True), GOOD._replace(temporary=True)])
@pytest.mark.parametrize("heard", [speaks(DSS), speaks(WEB), MUTE])
def test_a_doubtful_executable_is_looked_at_whatever_it_answers(process: Process, heard: Heard) -> None:
    judged = judge_held(HERE, process, heard, privileged=True)
    assert judged.verdict == Verdict.UNKNOWN
    assert "executable" in judged.reasons[0]


def test_who_answers_nothing_is_looked_at_and_what_it_said_is_told() -> None:
    judged = judge_held(HERE, GOOD, Heard(State.OPEN, said="hello?"), privileged=True)
    assert judged.verdict == Verdict.UNKNOWN
    assert "it says: hello?" in judged.reasons


def test_a_socket_without_a_process_is_hidden_only_to_who_may_see_all() -> None:
    seen = judge_held(HERE._replace(pid=None), None, speaks(DSS), privileged=False)
    hidden = judge_held(HERE._replace(pid=None), None, speaks(DSS), privileged=True)
    assert seen.verdict == Verdict.OURS
    assert any("takes privilege" in reason for reason in seen.reasons)
    assert hidden.verdict == Verdict.UNKNOWN
    assert "something hides" in hidden.reasons[0]


def test_nwip_is_believed_where_it_answers_no_strangers_but_only_on_its_ports() -> None:
    node = GOOD._replace(is_nwip=True)
    data, elsewhere = Held(43981, "udp", "0.0.0.0", 7), Held(524, "udp", "0.0.0.0", 7)
    assert judge_held(data, node, MUTE, privileged=True).verdict == Verdict.OURS
    assert judge_held(elsewhere, node, MUTE, privileged=True).verdict == Verdict.MISCONFIGURED


@pytest.mark.parametrize(
    ("package", "verdict"),
    [("dosbox", Verdict.BORROWED), (None, Verdict.BORROWED), ("", Verdict.UNKNOWN)],
)
def test_what_calls_itself_dosbox_is_believed_unless_no_package_has_it(
    package: str | None, verdict: Verdict
) -> None:
    box = Process(7, "dosbox", "anna", "/usr/bin/dosbox", package=package)
    held = Held(213, "udp", "0.0.0.0", 7)
    assert judge_held(held, box, MUTE, privileged=True).verdict == verdict


def test_an_outgoing_connection_on_a_port_is_a_misconfiguration_and_says_how_to_reserve_it() -> None:
    held = Held(43981, "udp", "10.0.0.1", 7, outgoing=True)
    judged = judge_held(held, GOOD, MUTE, privileged=True)
    assert judged.verdict == Verdict.MISCONFIGURED
    assert "ip_local_reserved_ports" in judged.reasons[0]
    assert judge_held(held._replace(port=396), GOOD, MUTE, privileged=True).verdict == Verdict.UNKNOWN


def test_a_port_that_is_shown_on_no_socket_is_free_unless_it_cannot_be_bound() -> None:
    assert judge_free("ok") == (Verdict.FREE, ())
    assert judge_free("denied").verdict == Verdict.FREE
    assert "privilege" in judge_free("denied").reasons[0]
    assert judge_free("taken").verdict == Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (State.CLOSED, Verdict.CLOSED),
        (State.FILTERED, Verdict.FILTERED),
        (State.SILENT, Verdict.SILENT),
        (State.OPEN, Verdict.UNKNOWN),
    ],
)
def test_states_of_other_hosts_ports_have_their_verdicts(state: State, verdict: Verdict) -> None:
    assert judge_heard(396, "udp", Heard(state)).verdict == verdict
