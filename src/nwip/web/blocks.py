"""What a page is made of: blocks one below the other. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from nwip.web.tables import Table


class Pairs(NamedTuple):
    """Facts with their names."""

    name: str
    caption: str
    pairs: Sequence[tuple[str, str]]
    block: str = "pairs"


class Charts(NamedTuple):
    """Series by name, each with its title."""

    name: str
    caption: str
    series: Sequence[tuple[str, str]]
    block: str = "charts"


class Sketch(NamedTuple):
    """The picture of the domain."""

    name: str = "topology"
    caption: str = "The domain"
    block: str = "sketch"


class Sentences(NamedTuple):
    """Alarms that stand, in short: each what it says, and since when."""

    name: str
    caption: str
    alarms: Sequence[tuple[str, str]]
    block: str = "sentences"


Block = Table | Pairs | Charts | Sketch | Sentences


class Page(NamedTuple):
    """A page: its title, which entry of the menu it is under, and what is on it."""

    title: str
    menu: str
    blocks: Sequence[Block]
    search: str = ""
