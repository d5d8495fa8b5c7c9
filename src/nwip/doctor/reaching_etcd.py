"""Asks each node of an etcd cluster how it is: thin I/O over what etcd tells anybody. Nothing is changed."""

import asyncio
import ssl
from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, build_opener

from msgspec import DecodeError, Struct, json

from nwip.doctor.facts import EtcdNode

PATIENCE: Final = 3.0  # seconds for an answer; etcd itself gives the others one second or two
LONGEST: Final = 1 << 16  # octets of an answer


class _Version(Struct):
    etcdserver: str = ""


class _Health(Struct):
    health: str = ""


async def ask_cluster(endpoints: tuple[str, ...], context: ssl.SSLContext | None) -> list[EtcdNode]:
    """Ask all endpoints at once for /version and /health; neither takes a user.

    Sources: etcd's documentation, "Monitoring etcd"; 3.4 to 3.6 answer alike.
    """
    handlers = [HTTPSHandler(context=context)] if context is not None else []
    opener = build_opener(ProxyHandler({}), *handlers)
    return list(await asyncio.gather(*(asyncio.to_thread(_ask, opener, each) for each in endpoints)))


def _ask(opener: OpenerDirector, endpoint: str) -> EtcdNode:
    base = endpoint.rstrip("/")
    try:
        version = json.decode(_get(opener, f"{base}/version"), type=_Version).etcdserver
        health = json.decode(_get(opener, f"{base}/health"), type=_Health).health
    except (OSError, HTTPException, DecodeError) as error:
        return EtcdNode(endpoint, "", healthy=False, error=_reason(error))
    return EtcdNode(endpoint, version, healthy=health == "true")


def _get(opener: OpenerDirector, url: str) -> bytes:
    try:
        with opener.open(url, timeout=PATIENCE) as answer:
            octets: bytes = answer.read(LONGEST)
    except HTTPError as error:
        with error:
            octets = error.read(LONGEST)  # a node without quorum says so with 503
    return octets


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, DecodeError | HTTPException):
        return "what answers there is no etcd, or speaks https"
    return str(getattr(cause, "strerror", None) or cause)
