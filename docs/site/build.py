"""Build the docs site: python docs/site/build.py OUTPUT; warnings are errors.

The paths of its pages are those of the tree, so that a link in a page leads to the same on a plain git host.
What is made from the code is put among them first, in OUTPUT/source; the site is OUTPUT/html.
"""

import re
import shutil
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SITE: Final = ROOT / "docs" / "site"
TOP: Final = ("SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md")
FOLDERS: Final = ("guides", "links", "decisions")
# What makes a folder's first page the one above all others of the folder.
OTHERS: Final = "\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n"
_LINK: Final = re.compile(r"\]\((?!https?:)")


def put_together(source: Path) -> None:
    """Write all pages of the site below `source`. The first is docs/README.md, with `tree.md` behind it."""
    from reference import pages  # noqa: PLC0415 - its way is made when this runs as a program

    shutil.copytree(ROOT / "docs", source / "docs", ignore=shutil.ignore_patterns("site"))
    for name in TOP:
        shutil.copy(ROOT / name, source)
    first = (source / "docs" / "README.md").rename(source / "index.md")
    here = _LINK.sub("](docs/", first.read_text("utf-8"))
    first.write_text(here + "\n" + (SITE / "tree.md").read_text("utf-8"), "utf-8")
    for folder in FOLDERS:
        with (source / "docs" / folder / "README.md").open("a", encoding="utf-8") as above:
            above.write(OTHERS)
    for name, text in pages():
        path = source / "docs" / "reference" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def main(output: Path) -> int:
    """Build the site in `output` anew; return the exit code of Sphinx."""
    from sphinx.cmd.build import main as sphinx  # noqa: PLC0415 - it takes longer than to say what is wrong

    for made in ("source", "doctrees", "html"):
        shutil.rmtree(output / made, ignore_errors=True)
    put_together(output / "source")
    strict = ["--fail-on-warning", "--nitpicky", "--quiet"]
    trees = ["--doctree-dir", str(output / "doctrees"), "--conf-dir", str(SITE)]
    code: int = sphinx(["--builder", "html", *strict, *trees, str(output / "source"), str(output / "html")])
    return code


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "packaging")]
    sys.exit(main(Path(sys.argv[1])))
