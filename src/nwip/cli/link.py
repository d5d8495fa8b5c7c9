"""The commands that change the links of a running node."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from pathlib import Path
from typing import Final

import click

from nwip.cli.failures import UNREACHABLE, Failure
from nwip.cli.source import ask_node, checked_text, control_option, json_option
from nwip.cli.tables import print_json, say
from nwip.cli.text import example, printable

PATIENCE: Final = 30.0  # seconds: a name may have to be looked up


@click.group(
    epilog=example(
        "nwip link add ethernet interface=eth0 frame=Ethernet_802.2 network=C0FFEE",
        "nwip link remove ethernet",
        "nwip link reload",
    )
)
def link() -> None:
    """Add and remove links of the node here while it runs."""


@link.command(
    epilog=example(
        "nwip link add dosbox name=players port=10300",
        "nwip link add tap device=tap0 joined=true",
        "nwip link add rfc1234 network=1F20 'peers=[\"192.0.2.7\"]'",
    )
)
@click.argument("kind", callback=checked_text)
@click.argument("assignments", nargs=-1, metavar="[KEY=VALUE]...")
@json_option
@control_option
def add(kind: str, assignments: tuple[str, ...], *, as_json: bool, control: Path | None) -> None:
    """Open one more link, until it is removed or the node stops.

    KIND and KEYs are those of [[link]] in nwip.toml ('nwip config example'); the file is not changed.
    """
    settings = {"kind": kind} | dict(map(_assignment, assignments))
    answer = ask_node(control, {"ask": "link-add", "link": settings}, PATIENCE)
    if not isinstance(answer, dict):
        raise Failure(UNREACHABLE, "the node's answer makes no sense: is it of another version?")
    if as_json:
        print_json("link", [answer])
        return
    say(printable(f"{answer.get('name')} is open"))
    where = answer.get("where")
    for label, text in where.items() if isinstance(where, dict) else ():
        say(printable(f"  {label}: {', '.join(str(text).splitlines())}"))


@link.command(epilog=example("nwip link remove ethernet"))
@click.argument("name", callback=checked_text)
@json_option
@control_option
def remove(name: str, *, as_json: bool, control: Path | None) -> None:
    """Close a link; its hosts and networks go from the domain at once."""
    answer = ask_node(control, {"ask": "link-remove", "name": name}, PATIENCE)
    if as_json:
        print_json("link", [answer] if isinstance(answer, dict) else [])
    else:
        say(printable(f"{name} is closed"))


@link.command(epilog=example("nwip link reload", "kill -HUP PID"))
@json_option
@control_option
def reload(*, as_json: bool, control: Path | None) -> None:
    """Read the configuration file again, and have just the links that it says.

    Links whose settings are the same are not touched. What else the file says counts from the next start.
    """
    answer = ask_node(control, {"ask": "link-reload"}, PATIENCE)
    if not isinstance(answer, dict):
        raise Failure(UNREACHABLE, "the node's answer makes no sense: is it of another version?")
    if as_json:
        print_json("link", [answer])
        return
    for what in ("closed", "opened"):
        names = answer.get(what)
        if isinstance(names, list) and names:
            say(printable(f"{what}: {', '.join(map(str, names))}"))
    if not (answer.get("opened") or answer.get("closed")):
        say("nothing has changed")


def _assignment(text: str) -> tuple[str, object]:
    """Read KEY=VALUE; a value is TOML if it can be, else text."""
    import tomllib

    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="'KEY=VALUE'")
    if key == "network":  # digits that are hexadecimal, and no number
        return key, value
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except (tomllib.TOMLDecodeError, ValueError):
        return key, value
