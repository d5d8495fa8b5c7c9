"""Lists of peers: what is taken, what is left out, and when the last good one stands."""

import asyncio
import http.client
import http.server
import io
import logging
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplane.simulated_loop import run
from nwip.links.rfc1234 import fetch, peers
from nwip.links.rfc1234.peer_list import LARGEST_LIST, MOST_PEERS, ListError, is_peer, parse_peers
from nwip.links.rfc1234.peers import Peers

GOOD = b"# peers\n192.0.2.7\n\n  gateway.example.org # ours\n192.0.2.7\n"


def test_names_and_addresses_are_read_once_each_and_comments_are_not() -> None:
    assert parse_peers(GOOD) == (("192.0.2.7", "gateway.example.org"), "")
    assert parse_peers(b"\xef\xbb\xbfa.example\r\nb.example\r\n").names == ("a.example", "b.example")


@pytest.mark.parametrize(
    "entry",
    [
        "300.1.1.1",
        "192.0.2",
        "0.0.0.0",
        "255.255.255.255",
        "239.1.2.3",
        "::1",
        "192.0.2.7:213",
        "a..b",
        "-a.example",
        "a b",
        "http://a.example/",
        "a_b.example",
        "<html>",
        "x" * 64,
        "é.example",
        "127.1",
    ],
)
def test_what_is_no_name_or_address_of_one_host_is_left_out(entry: str) -> None:
    assert not is_peer(entry)
    listed = parse_peers(f"192.0.2.7\n{entry}\n".encode())
    assert listed.names == ("192.0.2.7",)
    assert "the first is line 2" in listed.complaint


def test_a_list_that_is_too_large_or_names_nobody_is_none() -> None:
    for data in (b"", b"# nobody\n", b"<html>\n<b>502</b>\n", b"a.example\n".ljust(LARGEST_LIST + 1)):
        with pytest.raises(ListError):
            parse_peers(data)
    assert parse_peers(b"a.example\n".ljust(LARGEST_LIST)).names == ("a.example",)


def test_of_a_long_list_the_first_thousand_are_taken() -> None:
    listed = parse_peers("\n".join(f"p{number}.example" for number in range(1500)).encode())
    assert len(listed.names) == MOST_PEERS
    assert listed.names[-1] == "p999.example"
    assert "1500" in listed.complaint


@given(st.binary(max_size=300))
def test_no_octets_raise_anything_but_a_list_error(data: bytes) -> None:
    try:
        listed = parse_peers(data)
    except ListError:
        return
    assert all(is_peer(name) for name in listed.names)


@contextmanager
def web_server(answers: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            """Keep quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/peers.txt"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer(
    request: http.server.BaseHTTPRequestHandler, data: bytes, status: int = 200, location: str = ""
) -> None:
    request.send_response(status)
    if location:
        request.send_header("Location", location)
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    try:
        request.wfile.write(data)
    except ConnectionError:
        request.close_connection = True


@pytest.mark.asyncio
async def test_a_list_is_fetched_over_http_and_redirections_lead_nowhere_else() -> None:
    def serve(request: http.server.BaseHTTPRequestHandler) -> None:
        match request.path:
            case "/peers.txt":
                answer(request, GOOD)
            case "/moved":
                answer(request, b"", 302, "/peers.txt")
            case "/file":
                answer(request, b"", 302, "file:///etc/hostname")
            case "/ftp":
                answer(request, b"", 302, "ftp://127.0.0.1/peers")
            case "/circle":
                answer(request, b"", 302, "/circle")
            case "/large":
                answer(request, bytes(LARGEST_LIST * 4))
            case _:
                answer(request, b"192.0.2.9\n", 404)

    with web_server(serve) as url:
        base = url.removesuffix("/peers.txt")
        assert await fetch.fetch(url) == await fetch.fetch(f"{base}/moved") == GOOD
        assert LARGEST_LIST < len(await fetch.fetch(f"{base}/large")) < 2 * LARGEST_LIST
        for path in ("file", "ftp", "circle", "missing"):
            with pytest.raises(ListError):
                await fetch.fetch(f"{base}/{path}")
    with pytest.raises(ListError, match="refused"):
        await fetch.fetch(url)


def test_a_redirection_from_https_to_http_is_not_followed() -> None:
    request = urllib.request.Request("https://lists.example/peers.txt")
    redirects = fetch._SafeRedirects()
    headers = http.client.HTTPMessage()
    there = "://lists.example/moved"
    assert redirects.redirect_request(request, io.BytesIO(), 302, "", headers, f"https{there}")
    with pytest.raises(ListError, match="another protocol"):
        redirects.redirect_request(request, io.BytesIO(), 302, "", headers, f"http{there}")


@pytest.mark.asyncio
async def test_a_server_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT", 0.2)
    ended = threading.Event()

    def trickle(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while not ended.wait(0.02):
                request.wfile.write(b"#")
        except ConnectionError:
            pass
        request.close_connection = True

    with web_server(trickle) as url:
        with pytest.raises(ListError, match="did not come within"):
            await fetch.fetch(url)
        ended.set()


@pytest.mark.asyncio
async def test_a_file_that_is_not_there_is_a_list_error(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="No such file"):
        await fetch.fetch(str(tmp_path / "none"))


class Names:
    """A resolver whose answers change."""

    def __init__(self, **names: str) -> None:
        self.names = {name.replace("_", "."): address for name, address in names.items()}
        self.asked = 0

    async def __call__(self, name: str) -> Sequence[str]:
        self.asked += 1
        if name not in self.names:
            raise OSError("no such name")
        return self.names[name].split()


def keeper(
    configured: Sequence[str], names: Names, source: Path | None, kept: Path | None = None
) -> tuple[Peers, list[frozenset[str]]]:
    told: list[frozenset[str]] = []
    return (
        Peers(
            "tunnel",
            configured,
            str(source) if source else None,
            resolve=names,
            changed=told.append,
            chance=lambda: 0.5,
            kept=kept,
        ),
        told,
    )


@pytest.mark.asyncio
async def test_peers_are_those_of_the_configuration_and_of_the_list(tmp_path: Path) -> None:
    file = tmp_path / "peers.txt"
    file.write_bytes(b"b.example\n192.0.2.3\n")
    names = Names(a_example="192.0.2.1", b_example="192.0.2.2 239.1.1.1 ::1")
    kept, told = keeper(["a.example"], names, file)
    assert await kept.refresh()
    assert told[-1] == {"192.0.2.1", "192.0.2.2", "192.0.2.3"}
    file.write_bytes(b"192.0.2.4\n")
    names.names["a.example"] = "192.0.2.5"
    assert await kept.refresh()
    assert told[-1] == {"192.0.2.5", "192.0.2.4"}
    assert kept.state == "1 peers"


@pytest.mark.asyncio
async def test_what_cannot_be_had_stays_as_it_was(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "peers.txt"
    file.write_bytes(b"192.0.2.3\n")
    names = Names(a_example="192.0.2.1")
    kept, told = keeper(["a.example"], names, file)
    await kept.refresh()
    names.names.clear()
    for text in (b"<html>", b"", b"x" * (LARGEST_LIST + 1)):
        file.write_bytes(text)
        assert not await kept.refresh()
        assert told[-1] == {"192.0.2.1", "192.0.2.3"}
        assert "1 peers of the last good one stand" in kept.state
    file.unlink()
    assert not await kept.refresh()
    assert told[-1] == {"192.0.2.1", "192.0.2.3"}
    assert "peer a.example cannot be found: no such name" in caplog.text


def test_the_last_good_list_serves_the_next_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    file, remembered = tmp_path / "peers.txt", tmp_path / "state" / "tunnel.peers"
    remembered.parent.mkdir()
    file.write_bytes(b"192.0.2.3\n")

    async def life() -> list[frozenset[str]]:
        kept, told = keeper(["192.0.2.1"], Names(), file, remembered)
        task = asyncio.create_task(kept.run())
        while not told:
            await asyncio.sleep(0)
        task.cancel()
        return told

    async def work() -> None:
        kept, _ = keeper([], Names(), file, remembered)
        await kept.refresh()
        file.unlink()
        assert (await life())[0] == {"192.0.2.1", "192.0.2.3"}
        remembered.write_bytes(b"")
        assert (await life())[0] == {"192.0.2.1"}
        assert "the kept list of peers cannot be used: it names nobody" in caplog.text

    run(work())


def test_peers_are_looked_up_again_at_the_interval_and_sooner_after_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times: list[float] = []
    answers: list[bytes | ListError] = [GOOD, ListError("gone"), GOOD]

    async def fetched(source: str) -> bytes:
        times.append(asyncio.get_running_loop().time())
        result = answers[min(len(times), len(answers)) - 1]
        if isinstance(result, ListError):
            raise result
        return result

    monkeypatch.setattr(peers, "fetch", fetched)

    async def work() -> None:
        kept, told = keeper([], Names(gateway_example_org="192.0.2.8"), Path("list"))
        task = asyncio.create_task(kept.run())
        await asyncio.sleep(1300)
        task.cancel()
        assert [round(at - times[0]) for at in times] == [0, 600, 660, 1260]
        assert told[-1] == {"192.0.2.7", "192.0.2.8"}

    run(work())
