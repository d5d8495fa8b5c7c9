"""Completion for shells: click's own scripts, which ask the program what could come next."""

from collections.abc import Iterator
from typing import Final

import click
from click.shell_completion import get_completion_class

# Where each shell looks below a prefix, and under what name.
PLACES: Final = {
    "bash": "share/bash-completion/completions/nwip",
    "zsh": "share/zsh/site-functions/_nwip",
    "fish": "share/fish/vendor_completions.d/nwip.fish",
}


def completions() -> Iterator[tuple[str, str]]:
    """Give the place below a prefix, and the text, of each shell's script.

    The template is filled in here: `source()` would ask the bash of the machine that builds for its version.
    """
    for shell, place in PLACES.items():
        known = get_completion_class(shell)
        if known is None:
            raise LookupError(f"click does not know the shell {shell}")
        script = known(click.Command("nwip"), {}, "nwip", "_NWIP_COMPLETE")
        yield place, (script.source_template % script.source_vars()).lstrip()
