"""What pages link to is there, in the tree itself: on a plain git host nothing is made."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *(path for path in DOCS.rglob("*.md") if path.parent != DOCS / "site")])
BLOCKS = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def places(page: Path) -> set[str]:
    """Return what a git host calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", BLOCKS.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_of_a_page_leads_somewhere(page: Path) -> None:
    for path, place in LINK.findall(BLOCKS.sub("", page.read_text("utf-8"))):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert target.is_relative_to(ROOT), path
        assert not place or place in places(target), f"{path}#{place}"


def test_the_first_page_shows_a_picture_and_names_the_docs() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    linked = {path for path, _ in LINK.findall(readme)}
    assert any(path.endswith((".svg", ".png")) for path in linked)
    assert {"SECURITY.md", "docs/guides/tutorial.md", "docs/guides/README.md", "docs/history.md"} <= linked
    for way in ("pipx install .", "uvx --from . nwip demo", "make docs"):
        assert way in readme
