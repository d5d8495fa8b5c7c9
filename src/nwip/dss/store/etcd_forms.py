"""What is asked of etcd and what it answers, as its JSON gateway writes them. Pure.

Keys and values are octets (base64 in JSON), numbers of 64 bits are strings there; a field that is zero or
empty is left out. Source: etcd's rpc.proto, the same for 3.4, 3.5 and 3.6.
"""

from typing import Final, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Struct, field


class Item(NamedTuple):
    """A key that is there: `revision` is that of its last change, `lease` 0 for none."""

    key: bytes
    value: bytes
    revision: int
    lease: int


class Page(NamedTuple):
    """Keys in order, as of `revision`; `more` are there than the limit allowed."""

    items: list[Item]
    revision: int
    more: bool


class Put(NamedTuple):
    """Write a key, under a lease unless that is 0."""

    key: bytes
    value: bytes
    lease: int = 0


class Delete(NamedTuple):
    """Delete a key; with `end` all from it up to there, without that."""

    key: bytes
    end: bytes = b""


class Event(NamedTuple):
    """A key was written, or deleted where `value` is None; `previous` is what it was, if it was."""

    key: bytes
    value: bytes | None
    previous: bytes | None
    revision: int


class Told(NamedTuple):
    """All the events up to and with `revision` since the last that was told."""

    revision: int
    events: list[Event]


class Header(Struct):
    """On every answer: which cluster, and the revision that the member had reached."""

    cluster_id: int
    revision: int = 0


class Answer(Struct):
    """The answer of which only the header counts."""

    header: Header


class KeyValue(Struct, gc=False):
    """A key as etcd keeps it."""

    key: bytes = b""
    value: bytes = b""
    mod_revision: int = 0
    lease: int = 0


class RangeAnswer(Answer):
    """RangeResponse."""

    kvs: list[KeyValue] = field(default_factory=list)
    more: bool = False


class TransactionAnswer(Answer):
    """TxnResponse; `succeeded`: what was compared was so."""

    succeeded: bool = False


class LeaseAnswer(Answer):
    """LeaseGrantResponse and LeaseKeepAliveResponse."""

    TTL: int = 0


class TokenAnswer(Answer):
    """AuthenticateResponse."""

    token: str = ""


class WatchEvent(Struct, gc=False):
    """mvccpb.Event."""

    kv: KeyValue
    type: str = "PUT"
    prev_kv: KeyValue | None = None

    def event(self) -> Event:
        """Return it as callers see it."""
        value = None if self.type == "DELETE" else self.kv.value
        previous = None if self.prev_kv is None else self.prev_kv.value
        return Event(self.kv.key, value, previous, self.kv.mod_revision)


class WatchAnswer(Answer):
    """WatchResponse."""

    created: bool = False
    canceled: bool = False
    compact_revision: int = 0
    cancel_reason: str = ""
    events: list[WatchEvent] = field(default_factory=list)


Form = TypeVar("Form")


class Streamed(Struct, Generic[Form]):
    """One line of a streamed answer: a result, or an error that ends the stream."""

    result: Form | None = None


answers: Final = msgspec.json.Decoder(Answer, strict=False)
ranges: Final = msgspec.json.Decoder(RangeAnswer, strict=False)
transactions: Final = msgspec.json.Decoder(TransactionAnswer, strict=False)
leases: Final = msgspec.json.Decoder(LeaseAnswer, strict=False)
kept_alive: Final = msgspec.json.Decoder(Streamed[LeaseAnswer], strict=False)
tokens: Final = msgspec.json.Decoder(TokenAnswer, strict=False)
watched: Final = msgspec.json.Decoder(Streamed[WatchAnswer], strict=False)
