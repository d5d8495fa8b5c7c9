"""Pages for `man`: nwip(1), one for each command with all below it, and nwip.toml(5)."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from manuals.commands import Help, Paragraph
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
_EXIT: Final = (
    ("0", "It is done, or the answer is yes."),
    ("1", "The answer is no."),
    ("2", "The command line or the configuration is wrong; standard error says what to write."),
    ("3", "What was asked, a node or a DSS, could not be reached."),
    ("130", "Interrupted, as by Ctrl-C."),
)
_ENVIRONMENT: Final = (
    ("NWIP_CONFIG", "The configuration file, where --config names none."),
    ("NWIP_CONTROL", "The control socket of the node."),
    ("STATE_DIRECTORY", "Where identity and secrets are kept."),
    ("NO_COLOR", "If it is set and not empty, nothing is coloured."),
)
_FILES: Final = (
    ("/etc/nwip/nwip.toml, ~/.config/nwip/nwip.toml", "The configuration: the first that there is."),
    ("/var/lib/nwip, ~/.local/state/nwip", "The state of a node, for root and for others."),
    ("/run/nwip/control.sock, $XDG_RUNTIME_DIR/nwip/control.sock", "Its control socket."),
)


def first_page(help_: Help, version: str) -> str:
    """Return the page of `nwip`, which lists the pages of its commands."""
    return "".join(
        [
            *_beginning(help_, [help_], version),
            *_section("COMMANDS", ((f"{each.page}(1)", each.sentence) for each in help_.commands)),
            *_section("EXIT STATUS", _EXIT),
            *_section("ENVIRONMENT", _ENVIRONMENT),
            *_section("FILES", _FILES),
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
            *_section("EXIT STATUS", _EXIT),
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
