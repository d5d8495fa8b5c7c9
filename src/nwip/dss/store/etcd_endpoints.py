"""The endpoints of one etcd cluster: a request goes to the one that worked last, and on to the next."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Final, TypeVar

import aiohttp
import msgspec

from nwip.dss.store.etcd_access import Access, watchful_sockets
from nwip.dss.store.etcd_errors import (
    NO_AUTHENTICATION,
    EtcdError,
    Refused,
    Unfit,
    complaint,
    is_stale,
    plain,
    sentence,
)
from nwip.dss.store.etcd_forms import Streamed, tokens

ANSWER_LIMIT: Final = 64 << 20  # octets of one answer, or of one line of a watch
LONGEST_ANSWER: Final = 10  # times the patience: the end of an answer that trickles
LOST: Final = "the connection was lost"
NO_ETCD: Final = "what answers there is no etcd"

Form = TypeVar("Form")


class Endpoints:
    """Speaks HTTP to the members of a cluster. `patience` is how many seconds one of them may be silent."""

    def __init__(self, access: Access, patience: float) -> None:
        self._access = access
        self._every = tuple(dict.fromkeys(endpoint.rstrip("/") for endpoint in access.endpoints))
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._token: str | None = None  # empty where etcd asks for none
        self._renewing = asyncio.Lock()
        self.patience = patience
        self.current = self._every[0]

    def __len__(self) -> int:
        return len(self._every)

    def in_turn(self) -> Iterator[str]:
        """Yield every endpoint once, the one in use first."""
        start = self._every.index(self.current)
        return iter(self._every[start:] + self._every[:start])

    async def ask(self, call: str, message: Mapping[str, object], form: msgspec.json.Decoder[Form]) -> Form:
        """Return the first answer to be had. Raises `Refused`, or `EtcdError` when no endpoint answers."""
        reasons: dict[str, str] = {}
        for endpoint in self.in_turn():
            try:
                answer = await self.ask_at(endpoint, call, message, form)
            except Unfit as unfit:
                reasons[endpoint] = str(unfit)
                continue
            except Refused:
                self.current = endpoint
                raise
            self.current = endpoint
            return answer
        raise EtcdError(sentence(reasons))

    async def ask_at(
        self, endpoint: str, call: str, message: Mapping[str, object], form: msgspec.json.Decoder[Form]
    ) -> Form:
        """Return the answer of one endpoint. Raises `Refused` or `Unfit`."""
        async with self.posted(endpoint, call, message) as response:
            body = await self._body(response)
        return _decoded(body, form)

    @contextlib.asynccontextmanager
    async def posted(
        self, endpoint: str, call: str, message: Mapping[str, object]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Give the response to a request, its body not read yet. Raises `Refused` or `Unfit`."""
        response = await self._post_as_user(endpoint, call, msgspec.json.encode(message))
        try:
            with failures():
                yield response
        finally:
            response.close()  # a connection whose answer was read to its end is kept all the same

    async def close(self) -> None:
        """Close every connection; what is asked afterwards fails."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _post_as_user(self, endpoint: str, call: str, message: bytes) -> aiohttp.ClientResponse:
        if not self._access.user:
            return await self._post(endpoint, call, message)
        if self._token is None:
            await self._renew(endpoint, None)
        token = self._token
        try:
            return await self._post(endpoint, call, message, token)
        except Refused as refused:
            if not is_stale(str(refused)):
                raise
        await self._renew(endpoint, token)
        return await self._post(endpoint, call, message, self._token)

    async def _renew(self, endpoint: str, stale: str | None) -> None:
        """Get a token in place of one; of several that want it at once, one asks."""
        credentials = msgspec.json.encode({"name": self._access.user, "password": self._access.password})
        with failures():
            async with asyncio.timeout(self.patience), self._renewing:
                if self._token != stale:
                    return
                try:
                    response = await self._post(endpoint, "auth/authenticate", credentials)
                except Refused as refused:
                    if NO_AUTHENTICATION not in str(refused):
                        raise
                    self._token = ""
                    return
                try:
                    self._token = _decoded(await self._body(response), tokens).token
                finally:
                    response.close()

    async def _post(
        self, endpoint: str, call: str, message: bytes, token: str | None = None
    ) -> aiohttp.ClientResponse:
        headers = {"Grpc-Metadata-hasleader": "true"} if call == "watch" else {}
        if token:
            headers["Authorization"] = token
        session = self._connected()
        with failures():
            async with asyncio.timeout(self.patience):
                response = await session.post(
                    f"{endpoint}/v3/{call}", data=message, headers=headers, allow_redirects=False
                )
            if response.status == 200:
                return response
            try:
                raise complaint(response.status, await self._body(response))
            finally:
                response.close()

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        loop = asyncio.get_running_loop()
        last = loop.time() + LONGEST_ANSWER * self.patience
        body = bytearray()
        async with asyncio.timeout(self.patience) as limit:
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > ANSWER_LIMIT:
                    raise Unfit("its answer is too long")
                limit.reschedule(min(last, loop.time() + self.patience))
        return bytes(body)

    def _connected(self) -> aiohttp.ClientSession:
        if self._closed:
            raise EtcdError("etcd cannot be used (its store was closed); open it anew")
        if self._session is None:
            https = any(endpoint.startswith("https:") for endpoint in self._every)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,
                    ssl=self._access.tls() if https else True,
                    socket_factory=watchful_sockets(self.patience),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # ours are asyncio's
                headers={"Accept-Encoding": "identity", "Content-Type": "application/json"},
                auto_decompress=False,
            )
        return self._session


@contextlib.contextmanager
def failures() -> Iterator[None]:
    """Turn what a connection raises into `Unfit`."""
    try:
        yield
    except TimeoutError:
        raise Unfit("it does not answer") from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise Unfit(plain(f"its certificate is not good: {error.certificate_error}")) from None
    except aiohttp.ClientConnectorError as error:  # also what TLS complains of
        reason = error.os_error.strerror or str(error.os_error) or LOST
        raise Unfit(plain(reason)) from None
    except (aiohttp.ClientError, OSError) as error:
        raise Unfit(plain(str(error)) or LOST) from None


def _decoded(body: bytes, form: msgspec.json.Decoder[Form]) -> Form:
    try:
        answer = form.decode(body)
    except ValueError:
        raise Unfit(NO_ETCD) from None
    if isinstance(answer, Streamed) and answer.result is None:
        raise complaint(200, body)
    return answer
