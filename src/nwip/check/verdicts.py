"""What is to be thought of a port, and why. Pure.

A verdict is not about what a program calls itself but about what it answers; a process counts only where it
answers nothing, and then the reasons say so.
"""

from typing import Final, NamedTuple

from nwip.check.findings import Family, Heard, Held, Process, Spoken, State, Verdict
from nwip.check.ports import UNPRIVILEGED, usual
from nwip.ipx.numbers import IPX_TUNNEL_PORT, NETWARE_IP_DATA_PORT, NETWARE_IP_PEER_PORT, NETWARE_IP_PORT

OUR_PORTS: Final = frozenset({
    (NETWARE_IP_PORT, "tcp"),
    (NETWARE_IP_PORT, "udp"),
    (IPX_TUNNEL_PORT, "udp"),
    (NETWARE_IP_PEER_PORT, "tcp"),
    (NETWARE_IP_DATA_PORT, "udp"),
})  # fmt: skip

NO_PRIVILEGE: Final = "to see whose it is takes privilege: run this as root, or as Administrator"
NO_PROCESS: Final = "no process shows this socket: the kernel holds it itself, or something hides"
DELETED: Final = (
    "its executable was deleted or replaced since it was started: an update does that, and so does who hides"
)
TEMPORARY: Final = "its executable is in a directory for temporary files"
HIDDEN: Final = (
    "it cannot be bound, and no socket is shown on it: a process has it without listening, or something hides"
)
MUTE: Final = "it answers no protocol that is known here"
RESERVE: Final = (
    "the system gave this port to an outgoing connection; reserve it, on Linux:"
    " sysctl net.ipv4.ip_local_reserved_ports=2010,43981-43982"
)
NOT_REGISTERED: Final = (
    "a DOSBox server answers nobody but who registers, and keeps him until it ends: only --register asks it"
)


class Judgement(NamedTuple):
    """A verdict and its reasons, the weightiest first."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()


def judge_held(held: Held, process: Process | None, heard: Heard, *, privileged: bool) -> Judgement:
    """Judge a port of this machine that somebody holds."""
    notes, doubts = _of_process(process, privileged=privileged)
    if held.outgoing:
        return _outgoing(held, (*doubts, *notes))
    spoken = heard.spoken
    said = (f"it says: {heard.said}",) if heard.said and spoken is None else ()
    if spoken is None:
        known = _by_process(held, process)
        if known is None or doubts:
            return Judgement(Verdict.UNKNOWN, (*doubts, MUTE, *said, *notes))
        return known
    judged = _of_protocol(held.port, held.transport, spoken)
    if doubts:
        return Judgement(Verdict.UNKNOWN, (*doubts, *judged.reasons, *notes))
    return judged._replace(reasons=(*judged.reasons, *notes))


def judge_heard(port: int, transport: str, heard: Heard) -> Judgement:
    """Judge a port of another host by what it answered."""
    match heard.state:
        case State.CLOSED:
            return Judgement(Verdict.CLOSED)
        case State.FILTERED:
            return Judgement(Verdict.FILTERED, (heard.said,) if heard.said else ())
        case State.SILENT:
            return Judgement(Verdict.SILENT, _silence(port))
        case _:
            if heard.spoken is not None:
                return _of_protocol(port, transport, heard.spoken)
            said = (f"it says: {heard.said}",) if heard.said else ()
            return Judgement(Verdict.UNKNOWN, (MUTE, *said))


def judge_free(bound: str) -> Judgement:
    """Judge a port that no socket is shown on: `bound` is what came of it in `try_to_bind`."""
    match bound:
        case "ok":
            return Judgement(Verdict.FREE)
        case "denied":
            return Judgement(Verdict.FREE, ("no socket is shown on it; to try and bind it takes privilege",))
        case "taken":
            return Judgement(Verdict.UNKNOWN, (HIDDEN,))
    return Judgement(Verdict.FREE, (f"no socket is shown on it; it could not be tried: {bound}",))


def _of_process(process: Process | None, *, privileged: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is to be told of a process, and what makes it doubtful."""
    if process is None:
        return ((), (NO_PROCESS,)) if privileged else ((NO_PRIVILEGE,), ())
    doubts = [text for is_so, text in ((process.deleted, DELETED), (process.temporary, TEMPORARY)) if is_so]
    notes = ["no package of this system has its executable"] if process.package == "" else []
    return tuple(notes), tuple(doubts)


def _outgoing(held: Held, more: tuple[str, ...]) -> Judgement:
    if held.port < UNPRIVILEGED:
        return Judgement(
            Verdict.UNKNOWN, ("an outgoing connection uses this port, which none is given", *more)
        )
    return Judgement(Verdict.MISCONFIGURED, (RESERVE, *more))


def _by_process(held: Held, process: Process | None) -> Judgement | None:
    """Judge a port that does not answer by who holds it, if that says enough."""
    if process is None:
        return None
    where = (usual(held.port), held.transport)
    if process.is_nwip:
        if where in OUR_PORTS:
            return Judgement(Verdict.OURS, ("it does not answer strangers; its process is nwip",))
        return Judgement(Verdict.MISCONFIGURED, (f"its process is nwip, whose port {_port(*where)} is not",))
    if process.name.lower().startswith("dosbox") and held.transport == "udp" and process.package != "":
        by = f"of the package {process.package}" if process.package else "by its name alone"
        return Judgement(Verdict.BORROWED, (f"its process is DOSBox, {by}", NOT_REGISTERED))
    return None


def _of_protocol(port: int, transport: str, spoken: Spoken) -> Judgement:
    at_home = (port, transport) in spoken.homes
    if at_home and spoken.family != Family.OTHER:
        return Judgement(Verdict.OURS, (f"it answers: {spoken.text}",))
    if at_home or not spoken.homes:
        whose = "DOSBox took it over from RFC 1234's tunnel" if at_home else "its own port is another"
        return Judgement(Verdict.BORROWED, (f"it answers: {spoken.text}; {whose}",))
    homes = " or ".join(_port(*home) for home in sorted(spoken.homes))
    return Judgement(Verdict.MISCONFIGURED, (f"it answers: {spoken.text}, which belongs on {homes}",))


def _silence(port: int) -> tuple[str, ...]:
    if usual(port) == IPX_TUNNEL_PORT:
        return ("nothing came back: a filter, or a program that answers no strangers, as DOSBox's server",)
    return ("nothing came back: a filter, or a program that does not answer strangers",)


def _port(port: int, transport: str) -> str:
    return f"{transport.upper()} {port}"
