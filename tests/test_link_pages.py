"""Each kind of link has a page, and what the pages say to write in `nwip.toml` can be read."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from nwip.config.links import KINDS
from nwip.config.reading import parse

PAGES = Path(__file__).parent.parent / "docs" / "links"
BLOCK = re.compile(r"(?m)^    \[\[link\]\]\n(?:(?:    .*)?\n)*")


def blocks() -> list[tuple[str, str]]:
    return [
        (page.name, dedent(block))
        for page in sorted(PAGES.glob("*.md"))
        for block in BLOCK.findall(page.read_text())
    ]


@pytest.mark.parametrize("kind", [kind.kind for kind in KINDS])
def test_every_kind_has_a_page(kind: str) -> None:
    assert (PAGES / f"{kind}.md").is_file()


@pytest.mark.parametrize(("page", "block"), blocks())
def test_what_a_page_says_to_write_can_be_read(page: str, block: str) -> None:
    config = parse(block, page)
    assert config.links
    assert page.removesuffix(".md") in {link.kind for link in config.links}
