"""Who may see the page, and what its answers forbid a browser to do."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from nwip.web.guard import Guard

TOKEN = "a-token-of-enough-signs"  # noqa: S105 - of these tests alone
HTTP = "http://127.0.0.1:8396"


async def page(_: object) -> PlainTextResponse:
    return PlainTextResponse("seen")


APPLICATION = Starlette(routes=[Route("/", page), Route("/nodes", page)])


def client(token: str | None = TOKEN, base: str = HTTP, **more: object) -> TestClient:
    return TestClient(Guard(APPLICATION, token=token, port=8396, names=["Page.example.org"]), base_url=base)


@pytest.fixture
def guarded() -> Iterator[TestClient]:
    with client() as found:
        yield found


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8396", "localhost", "LOCALHOST:80", "[::1]:8396", "192.0.2.1", "page.example.org:443"],
)
def test_a_host_that_no_stranger_can_make_point_here_is_let_in(host: str) -> None:
    with client(token=None) as found:
        assert found.get("/", headers={"host": host}).text == "seen"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8396",
        "",
        "127.0.0.1:80:80",
        "x" * 999,
    ],
)
def test_another_name_is_refused_for_it_may_be_a_rebinding(host: str) -> None:
    with client(token=None) as found:
        answer = found.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "names in [web]" in answer.text
    assert "seen" not in answer.text


def test_a_stranger_sees_nothing_but_how_to_get_in(guarded: TestClient) -> None:
    for path in ("/", "/nodes", "/nothing", "/static/page.css", "/events"):
        answer = guarded.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="nwip"')
        assert TOKEN not in answer.text


@pytest.mark.parametrize("kind", ["Bearer", "bearer"])
def test_the_token_lets_programs_in(guarded: TestClient, kind: str) -> None:
    assert guarded.get("/", headers={"authorization": f"{kind} {TOKEN}"}).text == "seen"


@pytest.mark.parametrize(
    "shown", [f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer ", "", "\xe9"]
)
def test_a_wrong_token_does_not(guarded: TestClient, shown: str) -> None:
    assert guarded.get("/", headers=[(b"authorization", shown.encode("latin-1"))]).status_code == 401


def test_a_browser_shows_the_token_once_and_then_has_a_cookie(guarded: TestClient) -> None:
    answer = guarded.get(f"/nodes?page=2&token={TOKEN}&q=%22%3E%3Cscript%3E")
    assert answer.status_code == 200
    assert "seen" not in answer.text
    assert "url=/nodes?page=2&amp;q=%22%3E%3Cscript%3E" in answer.text
    assert TOKEN not in answer.text
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("nwip-web-8396=")
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
    assert TOKEN not in cookie
    assert guarded.get("/nodes").text == "seen"


def test_a_wrong_token_in_the_address_sets_no_cookie(guarded: TestClient) -> None:
    answer = guarded.get("/?token=wrong")
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["//evil.example/a", "/\\evil.example/a", "///evil.example/a"])
async def test_the_address_with_the_token_leads_to_this_site_alone(path: str) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": f"token={TOKEN}".encode(),
        "headers": [(b"host", b"127.0.0.1")], "scheme": "http", "server": ("127.0.0.1", 80),
    }  # fmt: skip
    await Guard(APPLICATION, token=TOKEN)(scope, receive, send)
    assert b"url=/evil.example/a" in sent[1]["body"]


def test_the_cookie_of_another_token_is_worth_nothing(guarded: TestClient) -> None:
    with client(token="another-token-of-enough-signs") as other:  # noqa: S106 - of this test alone
        cookie = other.get("/?token=another-token-of-enough-signs").cookies["nwip-web-8396"]
    guarded.cookies.set("nwip-web-8396", cookie)
    assert guarded.get("/").status_code == 401


def test_every_answer_forbids_what_the_page_does_not_need(guarded: TestClient) -> None:
    known = {"authorization": f"Bearer {TOKEN}"}
    for answer in (
        guarded.get("/", headers=known),
        guarded.get("/"),
        guarded.get("/", headers={"host": "evil"}),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(guarded: TestClient, method: str) -> None:
    assert guarded.request(method, "/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 405
    assert guarded.request(method, f"/?token={TOKEN}").status_code == 401
