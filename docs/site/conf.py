"""How Sphinx makes the site from the pages that `build.py` has put together."""

from typing import Any

from pygments.lexers.special import TextLexer
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import nwip

project = "nwip"
author = "The nwip founders"
release = version = nwip.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
default_role = "literal"
highlight_language = "text"
smartquotes = False

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
# Python's own types are documented elsewhere: no site is built with the network in hand.
nitpick_ignore_regex = [("py:.*", r"(?!nwip\b).*")]

html_theme = "furo"
html_title = f"nwip {release}"
html_copy_source = False
html_show_copyright = html_show_sphinx = False


def _at_home(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Any) -> Any:
    """Lead to the public name of what a signature names by its module; what has none is no link."""
    public = {f"{home}.{name}": f"nwip.{name}" for name, home in nwip._HOMES.items()}  # noqa: SLF001
    name = public.get(node["reftarget"])
    if name is None:
        return content if node["reftarget"].startswith("nwip.") else None
    domain = env.get_domain("py")
    return domain.resolve_any_xref(env, node["refdoc"], app.builder, name, node, content)[0][1]


def _no_field_numbers(
    _app: Sphinx, _what: str, _name: str, thing: object, _skip: bool, _options: Any
) -> bool | None:
    """Leave out what Python says of a named tuple's fields: their number."""
    return True if (getattr(thing, "__doc__", "") or "").startswith("Alias for field number") else None


def setup(app: Sphinx) -> None:
    """Name the kinds of blocks that guides have, and tell Sphinx of what is above."""
    for kind in ("dosbox", "output"):
        app.add_lexer(kind, TextLexer)
    app.connect("missing-reference", _at_home)
    app.connect("autodoc-skip-member", _no_field_numbers)
