"""Where a query's answer comes from: the node's control socket, or a DSS; and the options that say so."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeVar

import click

from nwip.cli.failures import UNREACHABLE, Failure

Row = Mapping[str, object]
Command = TypeVar("Command", bound=Callable[..., object])

PATIENCE: Final = 5.0  # seconds for an answer
LONGEST_NAME: Final = 255


class Settings(NamedTuple):
    """The options that stand before the command."""

    config: Path | None = None
    verbose: bool = False
    log_format: Literal["text", "json"] | None = None


def json_option(command: Command) -> Command:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def control_option(command: Command) -> Command:
    """Add --control."""
    return click.option(
        "--control",
        type=click.Path(path_type=Path),
        envvar="NWIP_CONTROL",
        show_envvar=True,
        metavar="PATH",
        help="The control socket of the node to ask.",
    )(command)


def dss_option(command: Command) -> Command:
    """Add --dss."""
    return click.option(
        "--dss",
        metavar="HOST[:PORT]",
        callback=checked_server,
        help="Ask this DSS over the network, and no node here.",
    )(command)


def control_path(control: Path | None) -> Path:
    """Return the control socket that is named, else the configured one, else the system's."""
    from nwip.config import usual_control_path

    context = click.get_current_context(silent=True)
    settings = context.find_object(Settings) if context else None
    return control or usual_control_path(settings.config if settings else None)


def ask_node(control: Path | None, question: Row, patience: float = PATIENCE) -> object:
    """Ask the node behind the control socket; see `control_path`."""
    from nwip.control import ask

    return ask(control_path(control), question, patience)


def rows_of(answer: object) -> list[Row]:
    """Return an answer that is a list of objects. Raises `Failure` for any other."""
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise Failure(UNREACHABLE, "the node's answer makes no sense: is it of another version?")
    return answer


def checked_text(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return an argument that can be sent to a node: UTF-8 text of a sensible length."""
    if not value or len(value) > LONGEST_NAME:
        raise click.BadParameter(f"write 1 to {LONGEST_NAME} characters", context, parameter)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter("this is not UTF-8 text", context, parameter) from None
    return value


def checked_number(context: click.Context, parameter: click.Parameter, value: float) -> float:
    """Refuse the one number that is inside every range."""
    if math.isnan(value):
        raise click.BadParameter("this is not a number", context, parameter)
    return value


def checked_server(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Return `HOST[:PORT]` as it was given. Raises `click.BadParameter` for what is none."""
    if value is None:
        return None
    from nwip.discovery.preferred import split_server

    try:
        named = split_server(value)[0].encode("idna")
    except UnicodeError:
        raise click.BadParameter(f"{value!r} is not the name of a host", context, parameter) from None
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None
    if not named:
        raise click.BadParameter("name a host", context, parameter)
    return value
