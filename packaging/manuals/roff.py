"""Pages for `man`: nwip(1), one for each command with all below it, and nwip.toml(5)."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from manuals.commands import Help, Paragraph
from manuals.everywhere import ENVIRONMENT, EXIT_CODES, FILES
from manuals.keys import Table

# What stands for itself on any terminal, so that commands can be copied.
_SPECIAL: Final = {
    "\\": r"\e",
    "-": r"\-",
    "'": r"\(aq",
    '"': r"\(dq",
    "`": r"\(ga",
    "^": r"\(ha",
    "~": r"\(ti",
}


def first_page(help_: Help, version: str) -> str:
    """Return the page of `nwip`, which lists the pages of its commands."""
    return "".join(
        [
            *_beginning(help_, [help_], version),
            *_section("COMMANDS", ((f"{each.page}(1)", each.sentence) for each in help_.commands)),
            *_section("EXIT STATUS", EXIT_CODES),
            *_section("ENVIRONMENT", ENVIRONMENT),
            *_section("FILES", FILES),
            ".SH SEE ALSO\n",
            ",\n".join(f"\\fB{_text(each.page)}\\fR(1)" for each in help_.commands),
            ",\n\\fBnwip.toml\\fR(5)\n",
        ]
    )


def command_page(help_: Help, version: str) -> str:
    """Return the page of a command; those below a group are sections of it."""
    below = list(help_.whole())[1:]
    return "".join(
        [
            *_beginning(help_, help_.whole(), version),
            *(part for each in below for part in (f".SH {_text(each.name)}\n", *_body(each))),
            *_section("EXIT STATUS", EXIT_CODES),
            ".SH SEE ALSO\n\\fBnwip\\fR(1), \\fBnwip.toml\\fR(5)\n",
        ]
    )


def file_page(tables: Iterable[Table], version: str) -> str:
    """Return the page of the configuration file."""
    parts = [_head("nwip.toml", 5, version, "configuration of a node of a NetWare/IP domain")]
    for table in tables:
        parts.append(f".SH {_text(table.title) if table.header else 'DESCRIPTION'}\n")
        for entry in table.entries:
            parts.append(f".PP\n{_text(entry.text)}\n" if entry.text else "")
            parts += [_term(key.written, key.takes) for key in entry.keys]
    return "".join([*parts, ".SH SEE ALSO\n\\fBnwip\\fR(1), \\fBnwip\\-config\\fR(1)\n"])


def _head(name: str, section: int, version: str, sentence: str) -> str:
    title = f'.TH {_text(name.upper())} {section} "" "nwip {version}" "nwip"\n.nh\n.ad l\n'
    return f"{title}.SH NAME\n{_text(name)} \\- {_text(sentence.removesuffix('.'))}\n"


def _beginning(help_: Help, used: Iterable[Help], version: str) -> Iterator[str]:
    yield _head(help_.page, 1, version, help_.sentence)
    yield ".SH SYNOPSIS\n"
    yield from (f".PP\n.B {_text(each.name)}\n{_text(each.usage)}\n" for each in used)
    yield ".SH DESCRIPTION\n"
    yield from _body(help_)


def _body(help_: Help) -> Iterator[str]:
    for paragraph in (Paragraph(help_.sentence), *help_.paragraphs):
        yield _block(paragraph.text) if paragraph.preformatted else f".PP\n{_text(paragraph.text)}\n"
    for written, does in help_.options:
        yield _term(written, does)
    if help_.examples:
        yield ".PP\nExample:\n"
        yield _block("\n".join(help_.examples))


def _section(title: str, terms: Iterable[tuple[str, str]]) -> list[str]:
    return [f".SH {title}\n", *(_term(term, text) for term, text in terms)]


def _term(term: str, text: str) -> str:
    return f".TP\n.B {_text(term)}\n{_text(text)}\n"


def _block(text: str) -> str:
    lines = "\n".join(_text(line) for line in text.splitlines())
    return f".PP\n.RS 4\n.nf\n{lines}\n.fi\n.RE\n"


def _text(text: str) -> str:
    """Return a text as roff prints it: what is special escaped, and no line that begins like a request."""
    escaped = "".join(_SPECIAL.get(character, character) for character in text)
    return re.sub(r"^\.", r"\\&.", escaped, flags=re.MULTILINE)
