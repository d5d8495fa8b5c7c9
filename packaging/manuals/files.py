"""All files that are made from the code for an installation, by their place below its prefix."""

from collections.abc import Iterator

from manuals.commands import whole_help
from manuals.completion import completions
from manuals.keys import tables
from manuals.roff import command_page, file_page, first_page


def files(version: str) -> Iterator[tuple[str, str]]:
    """Give place and text of each man page and of each shell's completion."""
    top = whole_help()
    yield f"share/man/man1/{top.page}.1", first_page(top, version)
    for help_ in top.commands:
        yield f"share/man/man1/{help_.page}.1", command_page(help_, version)
    yield "share/man/man5/nwip.toml.5", file_page(tables(), version)
    yield from completions()
