"""The command that shows in a browser what the node here knows."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import json
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import click

from nwip.cli.failures import USAGE, Failure, error_text
from nwip.cli.source import Settings, control_option, control_path, json_option
from nwip.cli.tables import SCHEMA, say
from nwip.cli.text import example


@click.command(
    epilog=example(
        "nwip web", "nwip web --port 8080", "nwip web --listen 0.0.0.0 --token-file /etc/nwip/web-token"
    )
)
@click.option("--listen", multiple=True, metavar="ADDRESS", help="Be at this address; may be repeated.")
@click.option("--port", type=click.IntRange(1, 65535), metavar="PORT", help="TCP port, in place of 8396.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Show the page only to those who have the token in this file; else that of NWIP_WEB_TOKEN.",
)
@json_option
@control_option
@click.pass_context
def web(
    context: click.Context,
    listen: tuple[str, ...],
    port: int | None,
    token_file: Path | None,
    *,
    as_json: bool,
    control: Path | None,
) -> None:
    """Show in web browsers what the node here knows, live, until Ctrl-C.

    The page asks the node through its control socket, and goes on trying while there is none. It is for this
    machine alone, unless --listen says otherwise; then it takes a token: see docs/guides/web.md.
    """
    import os

    from msgspec.structs import replace

    from nwip.cli import logs
    from nwip.config import ConfigError, load
    from nwip.config.reading import check_web
    from nwip.web import serving

    settings: Settings = context.obj
    logs.set_up(verbose=settings.verbose, quiet=True)
    config = load(settings.config)
    wanted = config.web
    token = (
        token_file.read_text("utf-8", "replace").strip() if token_file else os.environ.get("NWIP_WEB_TOKEN")
    )
    if token:
        wanted = replace(wanted, token=token)
    wanted = replace(wanted, listen=listen or wanted.listen, port=port or wanted.port)
    check_web(wanted, config.file)
    open_at = [address for address in wanted.listen if not ip_address(address).is_loopback]
    if open_at and wanted.token is None:
        problem = f"is missing, and others than this machine can reach {open_at[0]}"
        raise ConfigError(config.file, "web.token", problem, "write one, or listen on 127.0.0.1 alone")

    def announce(urls: Sequence[str]) -> None:
        if as_json:
            say(json.dumps({"schema": SCHEMA, "web": list(urls), "token": wanted.token is not None}))
            return
        say("\n".join(f"The page is at {url}" for url in urls))
        if wanted.token is not None:
            say("Open it once with ?token= and the token behind its address.")

    try:
        code = serving.run(wanted, control_path(control), announce)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failure(USAGE, error_text(error)) from None
    context.exit(code)
