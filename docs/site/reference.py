"""The pages of the reference that are made from the code: commands, keys, and the API for programs."""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Final

import nwip
from manuals.commands import Help, whole_help
from manuals.everywhere import ENVIRONMENT, EXIT_CODES, FILES
from manuals.keys import tables

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>{}|~$#])")
_TYPED: Final = re.compile(r"'(nwip [^']+)'")
_PAGE: Final = re.compile(r"docs/((?:guides|links)/[a-z0-9-]+\.md)")


def pages() -> Iterator[tuple[str, str]]:
    """Give the path below the reference, and the text, of each page."""
    top = whole_help()
    yield "commands/index.md", _first_command(top)
    for help_ in top.commands:
        yield f"commands/{help_.page}.md", "".join(_command(help_, "#"))
    yield "configuration.md", "".join(_configuration())
    yield "api.md", "".join(_api())


def _first_command(top: Help) -> str:
    return "".join(
        [
            *_command(top._replace(name="Commands", commands=()), "#"),
            "\n```{toctree}\n:glob:\n:hidden:\n\nnwip-*\n```\n\n",
            _terms((f"[{each.name}]({each.page}.md)", _text(each.sentence)) for each in top.commands),
            *("\n## Exit codes\n\n", _terms((f"`{code}`", _text(means)) for code, means in EXIT_CODES)),
            *("\n## Environment\n\n", _terms((f"`{name}`", _text(what)) for name, what in ENVIRONMENT)),
            *("\n## Files\n\n", _terms((f"`{names}`", _text(what)) for names, what in FILES)),
        ]
    )


def _command(help_: Help, heading: str) -> Iterator[str]:
    yield f"{heading} {help_.name}\n\n{_text(help_.sentence)}\n\n"
    yield _fenced("text", f"{help_.name if ' ' in help_.name else 'nwip'} {help_.usage}")
    for paragraph in help_.paragraphs:
        yield _fenced("text", paragraph.text) if paragraph.preformatted else f"{_text(paragraph.text)}\n\n"
    yield _terms((f"`{written}`", _text(does)) for written, does in help_.options)
    yield _fenced("console", "\n".join(f"$ {line}" for line in help_.examples))
    for each in help_.commands:
        yield from _command(each, heading + "#")


def _configuration() -> Iterator[str]:
    yield "# Configuration: `nwip.toml`\n\n"
    for table in tables():
        yield f"## `{table.title}`\n\n" if table.header else ""
        for entry in table.entries:
            yield _PAGE.sub(r"[\1](../\1)", _text(entry.text)) + "\n\n"
            yield _terms((f"`{key.name}`", f"`{key.written}`: {_text(key.takes)}.") for key in entry.keys)


def _api() -> Iterator[str]:
    yield "# The package `nwip`\n\n[IPX for programs](../api.md) shows how these are used.\n\n"
    for name in nwip.__all__:
        thing = getattr(nwip, name)
        if isinstance(thing, str):
            yield f"```{{eval-rst}}\n.. py:data:: nwip.{name}\n\n   The version: ``{thing}`` here.\n```\n\n"
            continue
        if inspect.isclass(thing):
            kind = "autoexception" if issubclass(thing, Exception) else "autoclass"
        else:
            kind = "autofunction"
        members = "" if kind == "autofunction" else "\n   :members:"
        yield f"## `{name}`\n\n```{{eval-rst}}\n.. {kind}:: nwip.{name}{members}\n```\n\n"


def _terms(terms: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{term}\n: {text}\n\n" for term, text in terms)


def _fenced(kind: str, text: str) -> str:
    return f"```{kind}\n{text}\n```\n\n"


def _text(text: str) -> str:
    """Return a text as Markdown that shows it as it is; a command in it is code."""
    commands = _TYPED.split(text)
    return "".join(
        f"`{part}`" if number % 2 else _SPECIAL.sub(r"\\\1", part) for number, part in enumerate(commands)
    )
