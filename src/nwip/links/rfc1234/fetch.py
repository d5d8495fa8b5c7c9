"""Fetches a list of peers from a file or over HTTP, within a time and a size."""

import asyncio
import contextlib
import http.client
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from nwip.links.rfc1234.peer_list import LARGEST_LIST, ListError

STEP_TIMEOUT: Final = 10.0  # seconds for a connection, and for each read
TIMEOUT: Final = 30.0  # seconds for all of it
_CHUNK: Final = 8192


def is_url(source: str) -> bool:
    """Say whether a list is fetched over HTTP, and is no file."""
    return source.startswith(("http://", "https://"))


async def fetch(source: str) -> bytes:
    """Return the octets of a list, one more than `LARGEST_LIST` at most. Raises `ListError`.

    `source` is a URL of http or https, or the path of a file. No proxy is used. The thread that does it does
    not keep the program from ending.
    """
    return await _in_thread(lambda: _download(source) if is_url(source) else _read(source))


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST_LIST + 1)
    except OSError as error:
        raise ListError(error.strerror or str(error)) from None


def _download(url: str) -> bytes:
    deadline = time.monotonic() + TIMEOUT
    parts: list[bytes] = []
    try:
        with _opener().open(url, timeout=STEP_TIMEOUT) as response:
            while part := response.read1(_CHUNK):
                parts.append(part)
                if sum(map(len, parts)) > LARGEST_LIST:
                    break
                if time.monotonic() > deadline:
                    raise ListError(f"it did not come within {TIMEOUT:.0f} s")
    except urllib.error.HTTPError as error:
        with error:
            raise ListError(f"the server answers {error.code}") from None
    except urllib.error.URLError as error:
        raise ListError(str(error.reason)) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ListError(str(error) or type(error).__name__) from None
    return b"".join(parts)


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections to http and https, but never from https to http."""

    def redirect_request(  # noqa: PLR0917 - the signature is urllib's
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://" if req.type == "https" else ("http://", "https://")):
            fp.close()
            raise ListError("the server redirects to another protocol")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Give an opener that knows HTTP and nothing else: no files, no FTP."""
    opener = urllib.request.OpenerDirector()
    opener.addheaders = [("User-Agent", "nwip")]
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        _SafeRedirects(),
    ):
        opener.add_handler(handler)
    return opener


async def _in_thread(work: Callable[[], bytes]) -> bytes:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bytes] = loop.create_future()

    def settle(result: bytes | ListError) -> None:
        if done.cancelled():
            return
        if isinstance(result, ListError):
            done.set_exception(result)
        else:
            done.set_result(result)

    def run() -> None:
        result: bytes | ListError
        try:
            result = work()
        except ListError as error:
            result = error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=run, name="nwip-peers", daemon=True).start()
    return await done
