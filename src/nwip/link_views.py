"""The questions that change the links of a running node: `nwip link add`, `remove` and `reload`."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from nwip.config import ConfigError
from nwip.config.reading import one_link
from nwip.control import Answer
from nwip.link_set import LinkSet

Question = Mapping[str, object]


class Linked(Protocol):
    """What there is to change of a node. `link_set` is None until the node has joined its domain."""

    link_set: LinkSet | None

    async def reload(self) -> tuple[list[str], list[str]]:
        """Read the configuration again; return the links that were opened and closed."""
        ...


class LinkViews:
    """The answers; each says in one sentence why it cannot be done."""

    def __init__(self, node: Linked) -> None:
        self._node = node

    def handlers(self) -> dict[str, Callable[[Question], Awaitable[object]]]:
        """Return the answer to each question by its name."""
        return {"link-add": self.add, "link-remove": self.remove, "link-reload": self.reload}

    async def add(self, question: Question) -> dict[str, object]:
        """Open a link with these settings, until it is removed or the node stops."""
        links = self._links()
        data = question.get("link")
        if not isinstance(data, dict):
            raise Answer(2, "a link is a table of keys and values")
        try:
            link = await links.add(one_link(data, links.settings))
        except ConfigError as error:
            raise Answer(2, str(error)) from None
        return {"name": link.name, "kind": link.kind, "where": link.describe()}

    async def remove(self, question: Question) -> dict[str, object]:
        """Close a link."""
        name = str(question.get("name", ""))
        try:
            await self._links().remove(name)
        except KeyError:
            raise Answer(1, f"this node has no link {name!r}; 'nwip links' shows those it has") from None
        return {"name": name}

    async def reload(self, _: Question) -> dict[str, object]:
        """Have the links that the configuration file now says."""
        self._links()
        try:
            added, closed = await self._node.reload()
        except ConfigError as error:
            raise Answer(2, str(error)) from None
        return {"opened": added, "closed": closed}

    def _links(self) -> LinkSet:
        if self._node.link_set is None:
            raise Answer(3, "this node has not joined its domain yet: no DSS has answered")
        return self._node.link_set
