"""The question `about`: which node this is, of which domain, and which DSSs the domain has."""

from collections.abc import Awaitable, Callable, Mapping

from nwip.banner import facts
from nwip.control import UNREACHABLE, Answer
from nwip.directory.records import Dss, Kind, endpoint_text
from nwip.rows import Row
from nwip.views import Running


class AboutViews:
    """The answer about one node; raises `Answer` before it has joined its domain."""

    def __init__(self, node: Running) -> None:
        self._node = node

    def handlers(self) -> dict[str, Callable[[Mapping[str, object]], Awaitable[object]]]:
        """Return the answer to the question."""
        return {"about": self.about}

    async def about(self, _: Mapping[str, object]) -> Row:
        """Return the facts of `nwip up --json`, and under `servers` a row for each DSS of the directory.

        Of these: `name`, `identity`, `sessions` (where nodes reach it), `here` (it runs in this node) and
        `asked` (this node has its session there).
        """
        node, gateway = self._node, self._node.gateway
        if gateway is None:
            raise Answer(UNREACHABLE, "this node has not joined its domain yet: no DSS has answered")
        own = node.dss.engine.identity if node.dss is not None else None
        asked = node.client.connected if node.client is not None else None
        servers: list[Row] = [
            {
                "name": dss.name,
                "identity": dss.identity.hex(),
                "sessions": [endpoint_text(endpoint) for endpoint in dss.sessions],
                "here": dss.identity == own,
                "asked": asked in dss.sessions or (own is not None and dss.identity == own),
            }
            for record in gateway.directory.records(Kind.DSS)
            if isinstance(dss := record.value, Dss)
        ]
        told = {**facts(node, gateway, node.inside or gateway)}
        return told | {"servers": sorted(servers, key=lambda row: (str(row["name"]), str(row["identity"])))}
