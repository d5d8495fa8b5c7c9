"""The docs site: it builds without warnings, nothing is missing in it, and its links lead somewhere."""

import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import nwip
from manuals.commands import whole_help
from nwip.config.keys import MENDS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
TOP = ("SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md")
SEARCH = {"search.html", "genindex.html", "py-modindex.html"}

pytestmark = [pytest.mark.real("sphinx"), pytest.mark.timeout(300)]


class Page(HTMLParser):
    """A page of the site: where its links lead, what can be linked to, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.words: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"href", "src"} and value:
                self.links.append(value)
            elif name in {"id", "name"} and value:
                self.ids.add(value)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


page = cache(Page)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("site")
    build = [sys.executable, str(DOCS / "site" / "build.py"), str(output)]
    built = subprocess.run(build, capture_output=True, text=True, timeout=250, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    return output / "html"


def written() -> set[str]:
    """Return the pages of the tree, as paths of the site."""
    own = {path.relative_to(ROOT) for path in DOCS.rglob("*.md") if "site" not in path.parts}
    first = {Path("docs/README.md")}
    return {str(path.with_suffix(".html")) for path in (own - first) | {Path(name) for name in TOP}}


def below(site: Path, start: Path, link: str) -> tuple[Path, str] | None:
    """Return the file and the place in it that a link of a page leads to, None for one to elsewhere."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = (start.parent / unquote(parts.path)).resolve() if parts.path else start
    return target, unquote(parts.fragment)


def test_every_page_is_reached_from_the_first_one(site: Path) -> None:
    found = {below(site, site / "index.html", link) for link in page(site / "index.html").links}
    reached = {str(target[0].relative_to(site.resolve())) for target in found if target}
    made = {str(path.relative_to(site)) for path in site.rglob("*.html")} - SEARCH
    assert written() <= made
    assert made - reached == set()


def test_no_link_leads_nowhere(site: Path) -> None:
    broken = []
    for path in site.rglob("*.html"):
        for link in page(path).links:
            target = below(site, path, link)
            if target is None:
                continue
            file, place = target
            there = file.exists() and (not place or file.suffix != ".html" or place in page(file).ids)
            if not there:
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8")
        for tag in ("<script src=", "<link rel=", "<img src="):
            for piece in text.split(tag)[1:]:
                assert "//" not in piece.partition(">")[0], path


@pytest.mark.parametrize("help_", whole_help().commands, ids=lambda help_: help_.page)
def test_each_command_is_in_the_reference_with_its_options(site: Path, help_: object) -> None:
    assert isinstance(help_, type(whole_help()))
    shown = page(site / "docs" / "reference" / "commands" / f"{help_.page}.html").text
    for each in help_.whole():
        assert f"{each.name} {each.usage}" in shown
        for written_, _ in each.options:
            assert written_ in shown
        for line in each.examples:
            assert f"$ {' '.join(line.split())}" in shown


def test_each_key_is_in_the_reference_with_what_it_takes(site: Path) -> None:
    shown = page(site / "docs" / "reference" / "configuration.html").text
    for key, takes in MENDS.items():
        if "." in key:
            assert key in shown
            assert takes in shown


def test_each_public_name_is_in_the_reference(site: Path) -> None:
    ids = page(site / "docs" / "reference" / "api.html").ids
    assert {f"nwip.{name}" for name in nwip.__all__} <= ids
    assert "nwip.IpxSocket.send" in ids
