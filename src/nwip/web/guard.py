"""Who may ask the page, and what its answers forbid browsers to do: an ASGI application around another.

A page on loopback is reached by whatever web site a browser shows, once a name of that site is made to point
to 127.0.0.1 (DNS rebinding): so the Host header must be an IP address, `localhost`, or a name that was
configured. A token is shown as `Authorization: Bearer`, or once as `?token=`, which sets a cookie that holds
a keyed hash of it.
"""

import hmac
from collections.abc import Collection
from html import escape
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE: Final = "nwip-web"
COOKIE_AGE: Final = 30 * 86400  # seconds
CYTOSCAPE_STYLE: Final = "sha256-pgvDUBa4IjFA2yuSJ2cqcyxmNYJMborsd0ORcRv9vw8="
CSP: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self';"
    f" style-src 'self' '{CYTOSCAPE_STYLE}';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
CSP_OF_PICTURES: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CSP,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Lets requests through to `application`; `token` None admits all, `names` are further names of the host.

    Cookies know no ports: with `port` in its name that of another page on this host is another cookie.
    """

    def __init__(
        self, application: ASGIApp, *, token: str | None = None, names: Collection[str] = (), port: int = 0
    ) -> None:
        self._application = application
        self._token = token
        self._names = frozenset(name.casefold() for name in names)
        self._cookie = f"{COOKIE}-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as ASGI has it."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._answer(Request(scope))
        await (answer or self._application)(scope, receive, guarded)

    def _answer(self, request: Request) -> Response | None:
        """Return what is said in place of the application; None lets the request through."""
        if not self._is_ours(request.headers.get("host", "")):
            sentence = "this page is not known by that name: add it to names in [web]\n"
            return PlainTextResponse(sentence, 421)
        if self._token is None or self._is_known(request):
            return None
        shown = request.query_params.get("token")
        if shown is not None and request.method == "GET" and self._is_token(shown):
            return self._welcome(request)
        return HTMLResponse(REFUSAL, 401, {"WWW-Authenticate": 'Bearer realm="nwip"'})

    def _is_ours(self, host: str) -> bool:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        if name.casefold().rstrip(".") in {"localhost", *self._names}:
            return True
        try:
            ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return True

    def _is_known(self, request: Request) -> bool:
        kind, _, shown = request.headers.get("authorization", "").partition(" ")
        if kind.casefold() == "bearer" and self._is_token(shown.strip()):
            return True
        return _same(request.cookies.get(self._cookie, ""), self._hash())

    def _is_token(self, shown: str) -> bool:
        return _same(shown, self._token or "")

    def _hash(self) -> str:
        return hmac.new((self._token or "").encode(), b"nwip web cookie", "sha256").hexdigest()

    def _welcome(self, request: Request) -> Response:
        """Set the cookie, and go on without the token in the address.

        By a page, not by a redirection: that would be part of the navigation of the site whose link was
        followed, and a browser sends no cookie of SameSite=Strict with it.
        """
        rest = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
        path = "/" + quote(request.scope["path"].lstrip("/\\"))  # never //HOST, another site's address
        target = escape(f"{path}?{urlencode(rest)}" if rest else path)
        text = PAGE.format(head=f'<meta http-equiv="refresh" content="0; url={target}">',
                           body=f'<p>Go on to <a href="{target}">the page</a>.</p>')  # fmt: skip
        response = HTMLResponse(text)
        response.set_cookie(
            self._cookie, self._hash(), max_age=COOKIE_AGE, path="/", httponly=True, samesite="strict"
        )
        return response


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


PAGE: Final = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>nwip</title>{head}</head>'
    "<body><main><h1>nwip</h1>{body}</main></body></html>\n"
)
REFUSAL: Final = PAGE.format(
    head='<meta name="viewport" content="width=device-width">',
    body="<p>This page is for those who have its token: open it once with <code>?token=TOKEN</code> behind"
    " its address, or send <code>Authorization: Bearer TOKEN</code>.</p>",
)
