"""What each command's help says, as data."""

import inspect
from collections.abc import Iterator
from typing import NamedTuple

import click

from nwip.cli.main import cli


class Paragraph(NamedTuple):
    """A paragraph of a help text; a preformatted one keeps its lines."""

    text: str
    preformatted: bool = False


class Help(NamedTuple):
    """The help of a command: its words ("nwip dss status"), what follows them, and the text in its parts.

    `options` are pairs: how it is written, what it does; an argument is explained in the text. `commands` are
    those of a group.
    """

    name: str
    usage: str
    sentence: str
    paragraphs: tuple[Paragraph, ...]
    options: tuple[tuple[str, str], ...]
    examples: tuple[str, ...]
    commands: tuple["Help", ...]

    @property
    def page(self) -> str:
        """The name of its page: `nwip-dss-status`."""
        return self.name.replace(" ", "-")

    def whole(self) -> Iterator["Help"]:
        """Give this help, then those of all commands below it."""
        yield self
        for command in self.commands:
            yield from command.whole()


def whole_help() -> Help:
    """Return the help of `nwip` with that of every command that is not hidden."""
    return _help(cli, "nwip", None)


def _help(command: click.Command, name: str, above: click.Context | None) -> Help:
    context = click.Context(command, above, name, **command.context_settings)
    sentence, *paragraphs = _paragraphs(command.help or "")
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    return Help(
        name=context.command_path,
        usage=" ".join(command.collect_usage_pieces(context)),
        sentence=sentence.text,
        paragraphs=tuple(paragraphs),
        options=tuple(record for record in records if record is not None and record[1]),
        examples=_examples(command.epilog or ""),
        commands=tuple(_commands(command, context)),
    )


def _commands(command: click.Command, context: click.Context) -> Iterator[Help]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield _help(below, name, context)


def _paragraphs(text: str) -> Iterator[Paragraph]:
    """Split a help text as click does: a paragraph whose first line is a backspace is preformatted."""
    for paragraph in inspect.cleandoc(text.partition("\f")[0]).split("\n\n"):
        first, _, rest = paragraph.partition("\n")
        if first.strip() == "\b":
            yield Paragraph(rest, preformatted=True)
        else:
            yield Paragraph(" ".join(paragraph.split()))


def _examples(epilog: str) -> tuple[str, ...]:
    """Return the lines that `nwip.cli.text.example` has put there."""
    return tuple(line.strip() for line in epilog.partition("Example:\n")[2].splitlines())
