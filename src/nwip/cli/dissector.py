"""The command `dissector`: where the script for Wireshark is."""

# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import click

from nwip.cli.tables import say
from nwip.cli.text import example


@click.command(
    epilog=example(
        "nwip dissector",
        'tshark -X lua_script:"$(nwip dissector)" -r lan.pcapng',
        "nwip dissector --print > ~/.local/lib/wireshark/plugins/nwip.lua",
    )
)
@click.option("--print", "as_text", is_flag=True, help="Print the script itself.")
def dissector(*, as_text: bool) -> None:
    """Print the path of a dissector for Wireshark, in Lua.

    It shows the sessions on TCP 396 and 2010 message by message, and hands the datagrams of UDP 396 and 43981
    to Wireshark's own dissector of IPX. Wireshark 4.0 and later.
    """
    from importlib import resources

    script = resources.files("nwip.capture") / "wireshark" / "nwip.lua"
    say(script.read_text(encoding="utf-8").rstrip("\n") if as_text else str(script))
