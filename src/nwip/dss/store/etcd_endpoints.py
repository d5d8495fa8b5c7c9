"""The endpoints of one etcd cluster: a request goes to the one that worked last, and on to the next."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
import msgspec
from msgspec import Struct

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

Form = TypeVar("Form")


class Access(Struct, frozen=True):
    """How to reach a cluster: URLs of its members, and what they want to see.

    `user` and `password` are etcd's own; `ca` is the authority that signed the servers' certificates,
    `certificate` and `key` are the client's, all PEM files.
    """

    endpoints: tuple[str, ...]
    user: str = ""
    password: str = ""
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class Endpoints:
    """Speaks HTTP to the members of a cluster. `patience` is how many seconds one of them may be silent."""

    def __init__(self, access: Access, patience: float) -> None:
        self._access = access
        self._endpoints = tuple(dict.fromkeys(endpoint.rstrip("/") for endpoint in access.endpoints))
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._token = ""
        self._renewing = asyncio.Lock()
        self.patience = patience
        self.current = self._endpoints[0]

    def __len__(self) -> int:
        return len(self._endpoints)

    def in_turn(self) -> Iterator[str]:
        """Yield every endpoint once, the one in use first."""
        every = self._endpoints
        start = every.index(self.current)
        return iter(every[start:] + every[:start])

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
        try:
            answer = form.decode(body)
        except ValueError:
            raise Unfit("what answers there is no etcd") from None
        if isinstance(answer, Streamed) and answer.result is None:
            raise complaint(response.status, body)
        return answer

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
            response.release() if response.content.at_eof() else response.close()

    async def close(self) -> None:
        """Close every connection; what is asked afterwards fails."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _post_as_user(self, endpoint: str, call: str, message: bytes) -> aiohttp.ClientResponse:
        if not self._access.user:
            return await self._post(endpoint, call, message)
        if not self._token:
            await self._renew(endpoint, "")
        token = self._token
        try:
            return await self._post(endpoint, call, message, token)
        except Refused as refused:
            if not is_stale(str(refused)):
                raise
        await self._renew(endpoint, token)
        return await self._post(endpoint, call, message, self._token)

    async def _renew(self, endpoint: str, stale: str) -> None:
        async with self._renewing:
            if self._token != stale:
                return
            credentials = {"name": self._access.user, "password": self._access.password}
            try:
                response = await self._post(endpoint, "auth/authenticate", msgspec.json.encode(credentials))
            except Refused as refused:
                if NO_AUTHENTICATION not in str(refused):
                    raise
                return
            try:
                with failures():
                    self._token = tokens.decode(await self._body(response)).token
            except ValueError:
                raise Unfit("what answers there is no etcd") from None
            finally:
                response.release()

    async def _post(
        self, endpoint: str, call: str, message: bytes, token: str = ""
    ) -> aiohttp.ClientResponse:
        headers = {"Grpc-Metadata-hasleader": "true"} if call == "watch" else {}
        if token:
            headers["Authorization"] = token
        with failures():
            async with asyncio.timeout(self.patience):
                response = await self._connected().post(
                    f"{endpoint}/v3/{call}", data=message, headers=headers, allow_redirects=False
                )
            if response.status == 200:
                return response
            try:
                raise complaint(response.status, await self._body(response))
            finally:
                response.release()

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
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._tls(), socket_factory=self._socket),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                headers={"Accept-Encoding": "identity", "Content-Type": "application/json"},
                auto_decompress=False,
            )
        return self._session

    def _tls(self) -> ssl.SSLContext | bool:
        access = self._access
        if not any(endpoint.startswith("https:") for endpoint in access.endpoints):
            return True
        try:
            context = ssl.create_default_context(cafile=access.ca)
            if access.certificate is not None:
                context.load_cert_chain(access.certificate, access.key)
        except OSError as error:  # ssl.SSLError is one
            raise EtcdError(
                f"etcd cannot be used ({plain(str(error))}); see ca, certificate and key of [etcd]"
            ) from None
        return context

    def _socket(self, address: tuple[Any, ...]) -> socket.socket:
        """Make a socket on which the kernel finds out by itself that the other end is gone."""
        made = socket.socket(*address[:3])
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", max(1, round(self.patience))),
            ("TCP_KEEPINTVL", 1),
            ("TCP_KEEPCNT", 3),
        ):
            if hasattr(socket, name):
                made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        return made


@contextlib.contextmanager
def failures() -> Iterator[None]:
    """Turn what a connection raises into `Unfit`."""
    try:
        yield
    except TimeoutError:
        raise Unfit("it does not answer") from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise Unfit(plain(f"its certificate is not good: {error.certificate_error}")) from None
    except aiohttp.ClientConnectorError as error:  # OSErrors, and those of TLS
        raise Unfit(plain(error.os_error.strerror or str(error.os_error))) from None
    except (aiohttp.ClientError, OSError) as error:
        raise Unfit(plain(str(error)) or "the connection was lost") from None
