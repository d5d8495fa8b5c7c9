"""One session as the DSS sees it: who it is, what waits to be sent, what it is subscribed to. Pure."""

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from nwip.directory.table import Directory
from nwip.dss.difference import Difference
from nwip.dss.framing import HELLO_LIMIT, Splitter, frame
from nwip.dss.messages import Delta, Goodbye, Hello, Message, Reason, Refused, encode
from nwip.dss.subscription import Kinds, Snapshot

if TYPE_CHECKING:
    from nwip.security.invitations import Pending

OUTBOX_LIMIT: Final = (
    4 << 20
)  # octets that may wait for one reader; a snapshot is not counted, it waits unmade


class Proof(NamedTuple):
    """Whose key the other side of a sealed session has shown; of a guest the key and its invitation."""

    identity: bytes
    public: bytes = b""
    invitation: "Pending | None" = None


class Session:
    """The state of one session; only the engine changes it.

    `peer` is the IP address at the other end. `closing` is True once nothing more is to be read: what
    waits is sent, then the connection is closed. `has_place` says that it counts among those that are held,
    `is_here` that the other end is on the machine of the DSS.
    `proof` is there in a sealed domain only; `introduction` is what a new member is told, message by message:
    a Goodbye in it is the last one.
    """

    __slots__ = (
        "_outbox",
        "_waiting",
        "closing",
        "difference",
        "has_place",
        "hello",
        "introduction",
        "is_here",
        "kinds",
        "peer",
        "proof",
        "refusal",
        "registered",
        "renewed_at",
        "skipped",
        "snapshot",
        "splitter",
    )

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.has_place = self.is_here = False
        self.splitter = Splitter(HELLO_LIMIT)
        self.hello: Hello | None = None
        self.proof: Proof | None = None
        self.introduction: Iterator[Message] | None = None
        self.kinds: Kinds = frozenset()
        self.snapshot: Snapshot | None = None
        self.difference: Difference | None = None
        self.closing = False
        self.refusal: Refused | None = None
        self.registered = False
        self.renewed_at = 0.0
        self.skipped = 0
        self._outbox: deque[bytes] = deque()
        self._waiting = 0

    @property
    def is_node(self) -> bool:
        """Whether a node holds this session, and not just a reader."""
        return self.hello is not None and self.hello.role == "node"

    @property
    def identity(self) -> bytes:
        """The identity told in Hello; empty before."""
        return self.hello.identity if self.hello else b""

    @property
    def name(self) -> str:
        """How to speak of it to people."""
        return (
            f"{self.hello.role} {self.hello.name} at {self.peer}"
            if self.hello
            else f"a session from {self.peer}"
        )

    @property
    def waiting(self) -> int:
        """Octets in the outbox."""
        return self._waiting

    def send(self, message: Message) -> None:
        """Put a message in the outbox."""
        self.send_frame(frame(encode(message)))

    def send_frame(self, data: bytes) -> None:
        """Put a whole frame in the outbox; a reader that is too slow is dropped instead."""
        if self.closing:
            return
        self._outbox.append(data)
        self._waiting += len(data)
        if self._waiting > OUTBOX_LIMIT:
            self._outbox.clear()
            self._waiting = 0
            self.refuse(Reason.SLOW, "changes came faster than they were read")

    def subscribe(self, directory: Directory, kinds: Kinds) -> None:
        """Begin a snapshot, and tell changes of these kinds from now on."""
        self.kinds = kinds
        self.snapshot = Snapshot(directory, kinds)

    def refuse(self, reason: Reason, text: str) -> None:
        """Say why the session ends, and end it."""
        if not self.closing:
            self.refusal = Refused(reason, text[:255])
            self.end(self.refusal)

    def end(self, message: Message | None = None) -> None:
        """End the session, with a last message or without."""
        self.snapshot = self.difference = self.introduction = None
        if message is not None and not self.closing:
            self._outbox.append(frame(encode(message)))
        self.closing = True

    def take(self, now: float) -> bytes:
        """Return the next slice: what waits, or a part of something long; empty if nothing."""
        if not self._outbox and self.introduction is not None:
            self._introduce(self.introduction)
        if not self._outbox and self.snapshot is not None:
            part = self.snapshot.part(now)
            if not isinstance(part, Delta):
                self.snapshot = None
            self.send(part)
        elif not self._outbox and self.difference is not None:
            missing = self.difference.part(now)
            if missing is None:
                self.difference = None
            else:
                self.send(missing)
        data = b"".join(self._outbox)
        self._outbox.clear()
        self._waiting = 0
        return data

    def _introduce(self, introduction: Iterator[Message]) -> None:
        message = next(introduction, None)
        if message is None:
            self.introduction = None
        elif isinstance(message, Goodbye):
            self.end(message)
        else:
            self.send(message)
