"""Answers browsers: pages as HTML, pictures as SVG, news as server-sent events. GET alone."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from nwip.web.asking import as_told
from nwip.web.blocks import Page
from nwip.web.charts import chart
from nwip.web.events import events
from nwip.web.facts import text
from nwip.web.guard import CSP_OF_PICTURES
from nwip.web.history import ALL
from nwip.web.pages import Pages
from nwip.web.picture import WIDE
from nwip.web.status import status
from nwip.web.watching import NARROW, Watching

MOST_FOLLOWERS: Final = 64  # clients that are told news at a time
LONGEST_SEARCH: Final = 100  # characters
STATIC: Final = Path(__file__).with_name("static")
SVG: Final = "image/svg+xml"
MENU: Final = (
    ("/", "Overview"),
    ("/nodes", "Nodes"),
    ("/services", "Services"),
    ("/routes", "Routes"),
    ("/links", "Links"),
    ("/traffic", "Traffic"),
    ("/dss", "DSS"),
    ("/alarms", "Alarms"),
)

Exposition = Callable[[Mapping[str, object]], bytes]
"""Makes what Prometheus reads from the answers by question; none where the node does not answer."""


def application(watching: Watching, exposition: Exposition | None = None) -> Starlette:
    """Return the ASGI application, without its `Guard`; with an exposition it has `/metrics`."""
    site = _Site(watching, exposition)
    listed = [Route(path, partial(site.listed, method)) for path, method in LISTED.items()]
    more = [Route("/metrics", site.metrics)] if exposition is not None else []
    return Starlette(
        routes=[
            Route("/", site.overview),
            *listed,
            Route("/nodes/{node}", site.node),
            Route("/search", site.search),
            Route("/topology.svg", site.topology),
            Route("/traffic.svg", site.traffic),
            Route("/events", site.events),
            Route("/favicon.ico", site.favicon),
            *more,
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={404: site.missing},
    )


LISTED: Final[Mapping[str, Callable[[Pages, int], Page]]] = {
    "/nodes": Pages.nodes,
    "/services": Pages.services,
    "/routes": Pages.routes,
    "/links": Pages.links,
    "/traffic": lambda pages, _: pages.traffic(),
    "/dss": lambda pages, _: pages.dss(),
    "/alarms": Pages.alarms,
}


class _Site:
    def __init__(self, watching: Watching, exposition: Exposition | None) -> None:
        self._watching = watching
        self._pages = Pages(watching)
        self._exposition = exposition
        self._followers = 0
        self._templates = Environment(
            loader=PackageLoader("nwip.web"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip

    async def overview(self, _: Request) -> Response:
        return self._html(self._pages.overview())

    async def listed(self, page: Callable[[Pages, int], Page], request: Request) -> Response:
        given = request.query_params.get("page", "1")
        number = int(given) if given.isascii() and given.isdecimal() and len(given) < 9 else 1
        return self._html(page(self._pages, number))

    async def node(self, request: Request) -> Response:
        page = self._pages.node(request.path_params["node"])
        if page is None:
            raise HTTPException(404)
        return self._html(page)

    async def search(self, request: Request) -> Response:
        return self._html(self._pages.search(request.query_params.get("q", "").strip()[:LONGEST_SEARCH]))

    async def topology(self, request: Request) -> Response:
        columns = NARROW if "narrow" in request.query_params else WIDE
        return self._svg("topology.svg", picture=self._watching.drawn(columns))

    async def traffic(self, request: Request) -> Response:
        series = request.query_params.get("of", ALL)
        if series != ALL and series not in self._watching.history.names():
            raise HTTPException(404)
        title = "Packets a second" if series == ALL else f"Packets a second, {series.replace(':', ' ', 1)}"
        found = chart(title, self._watching.history.curve(series), self._watching.now)
        return self._svg("traffic.svg", chart=found)

    async def events(self, request: Request) -> Response:
        if self._followers >= MOST_FOLLOWERS:
            return PlainTextResponse("too many follow the news already\n", 503, {"Retry-After": "30"})
        series = request.query_params.getlist("series")
        return StreamingResponse(
            self._followed(series), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    async def metrics(self, _: Request) -> Response:
        assert self._exposition is not None  # noqa: S101 - else there is no such route
        told = self._exposition(as_told(self._watching.facts))
        return Response(told, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def favicon(self, _: Request) -> Response:
        return Response((STATIC / "icon.svg").read_bytes(), media_type=SVG)

    async def missing(self, request: Request, _: Exception) -> Response:
        said = f"There is no {request.url.path} here. What has gone for long is forgotten."
        return self._html(Page("Not found", "", []), said, 404)

    async def _followed(self, series: list[str]):  # type: ignore[no-untyped-def]  # noqa: ANN202
        self._followers += 1
        try:
            async for event in events(self._watching, series):
                yield event
        finally:
            self._followers -= 1

    def _html(self, page: Page, note: str = "", code: int = 200) -> Response:
        about = self._watching.facts.about
        written = self._templates.get_template("page.html").render(
            page=page, note=note, menu=MENU, status=status(self._watching),
            node=text(about, "name"), domain=text(about, "domain"), network=text(about, "network"),
            version=self._watching.version,
        )  # fmt: skip
        return HTMLResponse(written, code)

    def _svg(self, template: str, **given: object) -> Response:
        written = self._templates.get_template(template).render(**given)
        return Response(written, media_type=SVG, headers={"Content-Security-Policy": CSP_OF_PICTURES})
