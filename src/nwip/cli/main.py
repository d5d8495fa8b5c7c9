"""The command `nwip`."""

from pathlib import Path

import click

from nwip.cli.bench import bench
from nwip.cli.capture import capture
from nwip.cli.decode import decode
from nwip.cli.dhcp import dhcp_options
from nwip.cli.discover import discover
from nwip.cli.dissector import dissector
from nwip.cli.dss import dss
from nwip.cli.failures import Commands
from nwip.cli.link import link
from nwip.cli.manage import config
from nwip.cli.queries import clients, links, nodes, routes, services
from nwip.cli.reach import ping, resolve, trace
from nwip.cli.running import demo, up
from nwip.cli.sap import sap
from nwip.cli.simulate import simulate
from nwip.cli.source import Settings
from nwip.cli.text import example


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=example("nwip up", "nwip services --dss dss.example.org", "nwip ping FFFFFFFFFFFF"),
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration, in place of NWIP_CONFIG and the usual places.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log what happens in detail.")
@click.version_option(package_name="nwip", message="nwip %(version)s")
@click.pass_context
def cli(context: click.Context, config_file: Path | None, *, verbose: bool) -> None:
    """Join IPX networks over any IP network: NetWare/IP for today.

    'nwip up' runs a node; the other commands ask a running one, or a DSS over the network.
    """
    context.obj = Settings(config_file, verbose)


for command in (
    up,
    demo,
    services,
    routes,
    nodes,
    links,
    link,
    clients,
    ping,
    trace,
    resolve,
    sap,
    config,
    simulate,
    discover,
    dhcp_options,
    dss,
    capture,
    decode,
    dissector,
    bench,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line and exit: 0 ok, 1 the answer is no, 2 usage, 3 unreachable, 130 interrupted."""
    cli(prog_name="nwip")
