"""The commands `nwip dss parameters` and `nwip dss parameters set`."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from pathlib import Path
from typing import Final

import click

from nwip.cli.dss_tables import CHANGES, PARAMETERS, VANISHING, mapping, object_of
from nwip.cli.source import Row, ask_node, control_option, dss_option, json_option, rows_of
from nwip.cli.tables import print_json, print_table, say
from nwip.cli.text import example, printable

LONG_PATIENCE: Final = 60.0  # seconds: filters are held against the whole directory


@click.group(
    invoke_without_command=True,
    epilog=example("nwip dss parameters", "nwip dss parameters set lease=30 renewal=10"),
)
@json_option
@dss_option
@control_option
@click.pass_context
def parameters(context: click.Context, *, as_json: bool, dss: str | None, control: Path | None) -> None:
    """Show the parameters of the domain, or set some on the primary DSS."""
    if context.invoked_subcommand is not None:
        return
    rows: list[Row]
    if dss is None:
        rows = rows_of(ask_node(control, {"ask": "dss-parameters"}))
    else:
        from nwip.cli import dss_reading
        from nwip.dss_rows import parameter_rows

        rows = list(parameter_rows(dss_reading.read(dss).parameters))
    if as_json:
        print_json("parameters", rows)
    else:
        print_table(rows, PARAMETERS)


@parameters.command(
    "set",
    epilog=example(
        "nwip dss parameters set lease=30 renewal=10",
        "nwip dss parameters set profile=classic --dry-run",
        "nwip dss parameters set --filters nwip.toml --dry-run",
    ),
)
@click.argument("assignments", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--filters",
    "filter_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Take the [[filter]] tables of this configuration in place of the domain's filters.",
)
@click.option(
    "--grants",
    "grant_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Take the [[grant]] tables of this configuration in place of the domain's grants.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing: only say what would come of it.")
@json_option
@control_option
def set_command(
    assignments: tuple[str, ...],
    *,
    filter_file: Path | None,
    grant_file: Path | None,
    dry_run: bool,
    as_json: bool,
    control: Path | None,
) -> None:
    """Set parameters of the whole domain; the DSS of the node here must be the primary.

    Every node hears of it at once. Keys are those that 'nwip dss parameters' shows, and profile=default or
    classic for lease, renewal and synchronisation together.
    """
    if not assignments and filter_file is None and grant_file is None:
        raise click.UsageError("write KEY=VALUE, for example lease=30, or --filters FILE or --grants FILE")
    question: dict[str, object] = {"ask": "dss-set", "values": _values(assignments), "dry_run": dry_run}
    if filter_file is not None:
        question["filters"] = _filters(filter_file)
    if grant_file is not None:
        question["grants"] = _grants(grant_file)
    row = object_of(ask_node(control, question, LONG_PATIENCE))
    if as_json:
        print_json("set", [row])
    else:
        _show(row, dry_run=dry_run)


def _show(row: Row, *, dry_run: bool) -> None:
    changes, vanishing = rows_of(row.get("changes")), rows_of(row.get("vanishing"))
    if not changes:
        say(f"nothing changes: the parameters are so already (version {row.get('version')})")
        return
    print_table(changes, CHANGES)
    if vanishing:
        say("")
        print_table(vanishing, VANISHING)
    restart = mapping(row.get("restart"))
    keys, nodes = restart.get("keys"), restart.get("nodes")
    if isinstance(keys, list) and keys and isinstance(nodes, list):
        who = ", ".join(map(str, nodes)) or "none is here"
        say(printable(f"to take {', '.join(map(str, keys))} these nodes must be restarted: {who}"))
    say("nothing was changed" if dry_run else f"the parameters have version {row.get('version')} now")


def _values(assignments: tuple[str, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{printable(text)!r} is no KEY=VALUE, for example lease=30")
        if key in values:
            raise click.UsageError(f"{printable(key)} is set twice")
        values[key.strip().replace("_", "-")] = value.strip()
    return values


def _filters(file: Path) -> list[object]:
    import msgspec

    from nwip.config import load

    return [msgspec.to_builtins(settings.filter()) for settings in load(file).filters]


def _grants(file: Path) -> list[object]:
    import msgspec

    from nwip.config import load

    return [msgspec.to_builtins(settings.grant()) for settings in load(file).grants]
