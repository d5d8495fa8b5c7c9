"""The command that prints what a DHCP server is to say of NetWare/IP."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import click

from nwip.cli.failures import USAGE, Failure
from nwip.cli.source import json_option
from nwip.cli.tables import print_json, say
from nwip.cli.text import example


@click.command(
    "dhcp-options",
    epilog=example(
        "nwip dhcp-options nwip.example.org --dss 192.0.2.1 --dss 192.0.2.2",
        "nwip dhcp-options nwip.example.org --dss 192.0.2.1 --for kea",
    ),
)
@click.argument("domain")
@click.option("--dss", "preferred", multiple=True, metavar="IPV4", help="A preferred DSS; up to five.")
@click.option("--nearest", multiple=True, metavar="IPV4", help="A nearest NetWare/IP server; up to five.")
@click.option("--primary", metavar="IPV4", help="The primary DSS.")
@click.option("--nsq/--no-nsq", default=None, help="Whether clients ask the subnet for the nearest server.")
@click.option("--retries", type=click.IntRange(0, 255), help="Tries of each DSS at the start.")
@click.option("--retry-seconds", type=click.IntRange(0, 255), help="Seconds between these tries.")
@click.option(
    "--nwip-1-1/--no-nwip-1-1", "compatible", default=None, help="Whether servers of version 1.1 are used."
)
@click.option(
    "--for",
    "server",
    type=click.Choice(["all", "dnsmasq", "dhcpd", "kea", "hex"]),
    default="all",
    show_default=True,
    help="The DHCP server to write for.",
)
@json_option
def dhcp_options(  # noqa: PLR0917
    domain: str,
    preferred: tuple[str, ...],
    nearest: tuple[str, ...],
    primary: str | None,
    nsq: bool | None,
    retries: int | None,
    retry_seconds: int | None,
    compatible: bool | None,
    server: str,
    *,
    as_json: bool,
) -> None:
    """Print DHCP options 62 and 63, ready to paste for dnsmasq, ISC dhcpd and Kea.

    They tell a domain's name and its DSSs to every machine that gets its address by DHCP.
    """
    from nwip.discovery.dhcp.information import Information
    from nwip.discovery.dhcp.render import SERVERS, render

    information = Information(
        domain,
        nsq_broadcast=nsq,
        preferred_dss=preferred,
        nearest_servers=nearest,
        autoretries=retries,
        autoretry_secs=retry_seconds,
        nwip_1_1=compatible,
        primary_dss=primary,
    )
    try:
        texts = {name: render(information, name) for name in (SERVERS if server == "all" else (server,))}
    except ValueError as error:
        raise Failure(USAGE, f"these options cannot be written: {error}") from None
    if as_json:
        print_json("dhcp-options", [{"for": name, "text": text} for name, text in texts.items()])
    elif server != "all":
        say(texts[server])
    else:
        say("\n\n".join(f"# {name}\n{text}" for name, text in texts.items()))
