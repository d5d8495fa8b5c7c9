"""The command `check`: what is on the ports of NetWare/IP, here or on other hosts."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from nwip.cli.failures import NO, UNREACHABLE, USAGE, Failure
from nwip.cli.source import checked_number, control_option, control_path, json_option
from nwip.cli.tables import print_json, say
from nwip.cli.text import example

if TYPE_CHECKING:
    from nwip.check.asking import Way
    from nwip.check.findings import Finding
    from nwip.check.hosts import Target

PATIENCE: Final = 1.0  # seconds


@click.command(
    epilog=example(
        "nwip check",
        "nwip check dss.example.org 192.0.2.0/28",
        "nwip check --about 396",
        'nmap -sV -p 396 --versiondb "$(nwip check --nmap)/nmap-service-probes" HOST',
    )
)
@click.argument("hosts", metavar="[HOST]...", nargs=-1)
@click.option(
    "--port",
    "ports",
    type=click.IntRange(1, 65535),
    multiple=True,
    help="Look at this port in place of the usual ones; may be repeated.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.05, 30.0),
    default=PATIENCE,
    show_default=True,
    metavar="SECONDS",
    callback=checked_number,
    help="How long to wait for each answer.",
)
@click.option(
    "--register",
    is_flag=True,
    help="Ask UDP 213 for a place, which a DOSBox server keeps until it ends: it has 16.",
)
@click.option("--about", type=click.IntRange(1, 65535), metavar="PORT", help="Tell the history of a port.")
@click.option("--nmap", is_flag=True, help="Print the folder with nmap's service probes and script.")
@json_option
@control_option
def check(
    hosts: tuple[str, ...],
    ports: tuple[int, ...],
    *,
    timeout: float,
    register: bool,
    about: int | None,
    nmap: bool,
    as_json: bool,
    control: Path | None,
) -> None:
    """Say what is on the ports of NetWare/IP: 396, 213, 524, 2010, 43981 and 43982, TCP and UDP.

    Without HOST on this machine: which process, whose, since when, of which package, what it answers, and
    whether it should be looked at. HOST is a name, an address or a small network (192.0.2.0/24); of another
    host only what it answers can be told. No question leaves anything behind where it is asked, but that
    of --register.

    Exit code 0: every port is free, closed, silent or NetWare/IP's. 1: something is to be looked at. 3: a
    host that was named is not there.
    """
    import asyncio

    from nwip.check.asking import Way
    from nwip.check.ports import PORTS

    if about is not None or nmap:
        if hosts or ports or (about is not None and nmap):
            raise click.UsageError("--about and --nmap each stand alone")
        return _tell(about, as_json=as_json)
    wanted, way = tuple(dict.fromkeys(ports)) or PORTS, Way(timeout, register)
    if hosts:
        return _there(hosts, wanted, way, as_json=as_json)
    from nwip.check.survey import survey_here
    from nwip.cli.check_tables import print_findings

    found, notes = asyncio.run(survey_here(wanted, way, _nodes(control)))
    if as_json:
        print_json("check", [finding.row() for finding in found], notes=list(notes))
    else:
        print_findings(found, notes)
    return _conclude(found)


def _there(hosts: tuple[str, ...], ports: tuple[int, ...], way: "Way", *, as_json: bool) -> None:
    import asyncio

    from nwip.check.hosts import targets
    from nwip.check.survey import is_there, survey_all
    from nwip.cli.check_tables import print_findings, progress

    async def look() -> "tuple[list[Target], list[list[Finding]]]":
        wanted = await targets(hosts)
        with progress(len(wanted), shown=not as_json) as done:
            return wanted, await survey_all(wanted, ports, way, done)

    try:
        wanted, answers = asyncio.run(look())
    except ValueError as error:
        raise Failure(USAGE, str(error)) from None
    alive = [found for found in answers if is_there(found)]
    found = [finding for findings in alive for finding in findings]
    silent = [target for target, findings in zip(wanted, answers, strict=True) if not is_there(findings)]
    notes = [_absence(target) for target in silent if target.named]
    more = len(silent) - len(notes)
    if more:
        notes.append(f"{more} addresses of networks have not answered at all")
    if as_json:
        print_json("check", [finding.row() for finding in found], notes=notes)
    else:
        print_findings(found, notes, others=True, briefly=len(alive) > 1)
    _conclude(found)
    if not alive or any(target.named for target in silent):
        raise Failure(
            UNREACHABLE, "not every host that was named is there" if alive else "nobody has answered"
        )


def _absence(target: "Target") -> str:
    """Return why there is nothing to tell of a host."""
    if target.address is None:
        return f"{target.name}: no host of this name is known"
    return f"{target.name} does not answer on any of these ports"


def _conclude(found: "list[Finding]") -> None:
    count = sum(finding.to_look_at for finding in found)
    if count:
        raise Failure(
            NO, "one port is to be looked at" if count == 1 else f"{count} ports are to be looked at"
        )


def _nodes(control: Path | None) -> frozenset[int]:
    """Return the process of the node here, by its control socket, if there is one."""
    from nwip.check.processes import process_behind
    from nwip.config import ConfigError

    try:
        pid = process_behind(control_path(control))
    except (ConfigError, OSError):  # what is on a port can be told all the same
        pid = None
    return frozenset() if pid is None else frozenset({pid})


def _tell(about: int | None, *, as_json: bool) -> None:
    from importlib import resources

    from nwip.check.ports import STORIES, usual
    from nwip.cli.check_tables import story_text

    if about is None:
        folder = str(resources.files("nwip.check") / "nmap")
        return print_json("nmap", [{"folder": folder}]) if as_json else say(folder)
    story = STORIES.get(usual(about))
    if story is None:
        known = ", ".join(map(str, STORIES))
        raise Failure(USAGE, f"{about} is no port of NetWare/IP; these are: {known}")
    if as_json:
        return print_json("about", [{"port": usual(about), **story._asdict()}])
    return say(story_text(usual(about), story))
