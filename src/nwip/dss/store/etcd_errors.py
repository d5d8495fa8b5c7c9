"""What can go wrong with etcd, in sentences with the mend; and which of it another endpoint may do better."""

from typing import Final

import msgspec
from msgspec import Struct

from nwip.dss.store.base import StoreError


class EtcdError(StoreError):
    """No endpoint does what was asked; the message is one sentence for people, with the mend."""


class LeaseLost(EtcdError):  # noqa: N818 - a fact about a lease, by which the caller goes on
    """The lease of a put is not there any more; nothing was written."""


class Compacted(Exception):  # noqa: N818 - no error: the order to read everything again
    """The history from the wanted revision on is not to be had: compacted, of another cluster, too long."""


class Unfit(Exception):  # noqa: N818 - internal: a reason to try the next endpoint
    """One endpoint cannot do it now, and another may; the message says why in small words."""


class Refused(Exception):  # noqa: N818 - internal: etcd's own word
    """A working etcd says no, as every other of its cluster would; the message is etcd's."""


# Codes of gRPC (google.rpc.Code) by which etcd judges the request itself: INVALID_ARGUMENT, NOT_FOUND,
# ALREADY_EXISTS, PERMISSION_DENIED, FAILED_PRECONDITION, OUT_OF_RANGE, UNAUTHENTICATED. All others are
# the state of one member.
ABOUT_THE_REQUEST: Final = {3, 5, 6, 7, 9, 11, 16}

STALE_TOKEN: Final = ("invalid auth token", "revision in header is old", "user name is empty")
LEASE_NOT_FOUND: Final = "requested lease not found"
LEASE_EXISTS: Final = "lease already exists"
NO_AUTHENTICATION: Final = "authentication is not enabled"
COMPACTED: Final = "required revision has been compacted"
FUTURE: Final = "required revision is a future revision"

USUAL_MEND: Final = "see that etcd runs there and that most of its members reach each other"
MENDS: Final = {
    "user name is empty": "it wants a user: set user and password of [etcd]",
    "invalid user id or password": "see user and password of [etcd]",
    "permission denied": "grant the user of [etcd] a role that may read and write the prefix nwip/",
    "space exceeded": "compact and defragment it, then run etcdctl alarm disarm",
    "certificate": "see ca, certificate and key of [etcd]",
    "[ssl": "see that the endpoints of [etcd] say http or https as etcd does, and ca, certificate and key",
    "disconnected": "see that etcd runs there, and listens by http or https as the endpoints of [etcd] say",
    "was lost": "see that etcd runs there, and listens by http or https as the endpoints of [etcd] say",
}

LONGEST_REASON: Final = 200  # characters of what a server says that we pass on


class _Detail(Struct):
    message: str = ""
    code: int = 0
    grpc_code: int = 0


class _Body(Struct):
    """An error as the gateways of 3.4 to 3.6 write it: plain, or of a stream in an object of its own."""

    error: str | _Detail = ""
    message: str = ""
    code: int = 0


_bodies: Final = msgspec.json.Decoder(_Body, strict=False)


def complaint(status: int, body: bytes) -> Unfit | Refused:
    """Return what an answer that is none means, from its HTTP status and its body."""
    try:
        said = _bodies.decode(body)
    except ValueError:
        return Unfit(f"what answers there is no etcd: HTTP status {status}")
    if isinstance(said.error, _Detail):
        message, code = said.error.message, said.error.grpc_code or said.error.code
    else:
        message, code = said.message or said.error, said.code
    reason = plain(message) or f"HTTP status {status}"
    return Refused(reason) if code in ABOUT_THE_REQUEST else Unfit(reason)


def plain(text: str) -> str:
    """Return a server's words fit for a log: one line, printable, not too long."""
    words = " ".join(text.split()).removeprefix("etcdserver: ")
    return "".join(letter for letter in words if letter.isprintable())[:LONGEST_REASON]


def is_stale(reason: str) -> bool:
    """Tell whether a token has expired, was given before users or roles were changed, or is missing."""
    return any(words in reason for words in STALE_TOKEN)


def sentence(reasons: dict[str, str]) -> str:
    """Return one sentence for why each endpoint cannot be used, with the mend of the last."""
    said = "; ".join(f"{endpoint}: {reason}" for endpoint, reason in reasons.items())
    last = said.lower() if len(reasons) == 1 else list(reasons.values())[-1].lower()
    mend = next((mend for words, mend in MENDS.items() if words in last), USUAL_MEND)
    return f"etcd cannot be used ({said}); {mend}"
