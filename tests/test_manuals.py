"""Man pages and completions: what is made from the code says all that the code says."""

from collections import Counter

import pytest

from manuals.commands import whole_help
from manuals.completion import PLACES
from manuals.files import files
from manuals.keys import tables
from nwip.cli.contents import COMMANDS
from nwip.config.keys import MENDS

FILES = dict(files("1.2.3"))
TOP = whole_help()
EVERY = list(TOP.whole())


def plain(place: str) -> str:
    """Return a page as it is read, near enough."""
    text = FILES[place]
    for escape, character in zip((r"\-", r"\(aq", r"\(dq", r"\(ti", r"\&", r"\e"), "-'\"~\0\\", strict=True):
        text = text.replace(escape, character.strip("\0"))
    return text


def page_of(name: str) -> str:
    return plain(f"share/man/man1/{'-'.join(name.split()[:2])}.1")


def test_each_command_has_a_page_that_the_first_page_names() -> None:
    first = plain("share/man/man1/nwip.1")
    for name in COMMANDS:
        assert f"share/man/man1/nwip-{name}.1" in FILES
        assert f"nwip-{name}(1)" in first
    assert Counter(place.rpartition(".")[2] for place in FILES if "/man/" in place) == {
        "1": len(COMMANDS) + 1,
        "5": 1,
    }


@pytest.mark.parametrize("help_", EVERY, ids=lambda help_: help_.page)
def test_a_page_says_all_that_the_help_says(help_: object) -> None:
    assert isinstance(help_, type(TOP))
    page = page_of(help_.name)
    told = [
        help_.sentence,
        f".B {help_.name}\n{help_.usage}\n",
        *(paragraph.text for paragraph in help_.paragraphs),
        *(part for option in help_.options for part in option),
        *help_.examples,
    ]
    assert [text for text in told if text not in page] == []
    assert help_.examples, "every command has an example"


def test_a_preformatted_paragraph_keeps_its_lines() -> None:
    kept = [
        (help_.name, paragraph.text)
        for help_ in EVERY
        for paragraph in help_.paragraphs
        if paragraph.preformatted
    ]
    for name, text in kept:
        assert "\n" in text
        assert f".nf\n{text}\n.fi" in page_of(name)


def test_each_key_is_in_the_page_of_the_file_with_what_it_takes() -> None:
    page = plain("share/man/man5/nwip.toml.5")
    keys = [key for table in tables() for entry in table.entries for key in entry.keys]
    assert {key.name for key in keys} == {name for name in MENDS if "." in name}
    for key in keys:
        assert f".B {key.written}\n{MENDS[key.name]}\n" in page


def test_each_comment_of_the_example_is_beside_its_keys() -> None:
    said = {key.name: entry.text for table in tables() for entry in table.entries for key in entry.keys}
    assert said["domain.hop-limit"] == "After how many routers a packet is dropped."
    assert said["domain.broadcast-burst"] == said["domain.broadcast-rate"]
    assert said["domain.broadcast-rate"].startswith("How many broadcasts")
    titles = [table.title for table in tables()]
    assert titles.count('[[link]] of kind "qemu"') == 1
    assert Counter(titles).most_common(1)[0][1] == 1


def test_no_line_of_a_text_is_taken_for_a_request() -> None:
    requests = {"TH", "SH", "PP", "TP", "B", "RS", "RE", "nf", "fi", "nh", "ad"}
    for place, text in FILES.items():
        if "/man/" in place:
            lines = [line for line in text.splitlines() if line.startswith((".", "'"))]
            assert {line.split()[0].removeprefix(".") for line in lines} <= requests, place


def test_each_shell_has_a_completion_that_asks_nwip() -> None:
    for place in PLACES.values():
        assert "_NWIP_COMPLETE=" in FILES[place]
    assert FILES[PLACES["zsh"]].startswith("#compdef nwip\n")
