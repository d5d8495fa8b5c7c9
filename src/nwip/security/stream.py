"""A sealed stream over TCP: a handshake, then records, in both directions. Pure.

    client -> NWS1                   four octets; what begins otherwise is not sealed
    client -> empty record           which DSS are you? May be left out where that is known
    server <- record of 36 to 1060   its public key, the epoch of its domain secret (big-endian), and what the
                                     domain's authority has said of it: a signed statement
    client -> record of 101 or 113   the first message of the handshake; its payload says who comes
    server <- record of 48           the second
    both      records.py

The server's answer is only a hint: `choose` says whether such a key may be a DSS's.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from nwip.security.keys import KEY_SIZE, KeyPair
from nwip.security.noise import FIRST_OVERHEAD, SECOND_OVERHEAD, Initiator, Keys, Responder
from nwip.security.records import SEALED_LENGTHS, TEXT_LIMIT, RecordCutter, RecordKey, record
from nwip.security.statements import STATEMENT_LIMIT
from nwip.wire import WireError

MAGIC: Final = b"NWS1"
PROLOGUE: Final = b"nwip stream 1"
MARK_SIZE: Final = 16
EPOCH_SIZE: Final = 4

_MEMBER: Final = b"\0"
_GUEST: Final = b"\1"
_PLAIN: Final = b"\0\0"  # how a plain frame below 64 KiB begins, and no record of a server
_HINT: Final = range(KEY_SIZE + EPOCH_SIZE, KEY_SIZE + EPOCH_SIZE + STATEMENT_LIMIT + 1)
_FIRST: Final = (FIRST_OVERHEAD + 1 + EPOCH_SIZE, FIRST_OVERHEAD + 1 + MARK_SIZE)
_QUESTION_OR_FIRST: Final = (0, *_FIRST)
_SECOND: Final = (SECOND_OVERHEAD,)


class UnsealedError(WireError):
    """The other side does not speak sealed; `octets` are what has come of it."""

    def __init__(self, octets: bytes) -> None:
        super().__init__("what has come is not sealed")
        self.octets = octets


class Hint(NamedTuple):
    """What a server says of itself before anything is proven; only its key, where the client knows it."""

    public: bytes
    epoch: int | None = None
    statement: bytes = b""


class Choice(NamedTuple):
    """How a client introduces itself: the payload of the first message, and the key shared beforehand."""

    payload: bytes
    psk: bytes


def of_member(epoch: int) -> bytes:
    """Return the payload of a member that knows the domain secret of an epoch (0 to 2^32 - 1)."""
    return _MEMBER + epoch.to_bytes(EPOCH_SIZE, "big")


def of_guest(mark: bytes) -> bytes:
    """Return the payload of a guest with the invitation of a mark, 16 octets."""
    return _GUEST + mark


def read_payload(payload: bytes) -> int | bytes:
    """Return the epoch that a member names, or the mark of a guest's invitation. Raises `WireError`."""
    kind, rest = payload[:1], payload[1:]
    if kind == _MEMBER and len(rest) == EPOCH_SIZE:
        return int.from_bytes(rest, "big")
    if kind == _GUEST and len(rest) == MARK_SIZE:
        return rest
    raise WireError("neither a member nor a guest")


class SealedStream:
    """What both sides have in common. `remote` is the other's public key, once it is known.

    `established` from the end of the handshake on. `ended` once the other side has said that nothing more
    comes; a connection that ends without was cut.
    """

    def __init__(self, key: KeyPair, domain: str) -> None:
        self.remote = b""
        self.ended = False
        self._key = key
        self._prologue = PROLOGUE + domain.encode()
        self._octets = RecordCutter()
        self._outbox = bytearray()
        self._seal: RecordKey | None = None
        self._open: RecordKey | None = None
        self._failed = False

    @property
    def established(self) -> bool:
        """Whether `send` may be used."""
        return self._seal is not None

    def receive(self, data: bytes) -> Iterator[bytes]:
        """Take octets that arrived, then yield the texts in them, each as soon as it is proven.

        Raises `WireError`, behind the texts before it, for what is not the next octet of this stream; from
        then on for everything. There may be something to `take` after each call, also after an error.
        """
        if self._failed:
            raise WireError("this stream has failed before")
        self._octets.feed(data)
        try:
            while self._open is None:
                if not self._shake_hands():
                    return
            while (sealed := self._octets.next(() if self.ended else SEALED_LENGTHS)) is not None:
                text = self._open.open(sealed)
                if text:
                    yield text
                self.ended = not text
        except WireError:
            self._failed = True
            raise

    def send(self, text: bytes) -> None:
        """Seal octets, in as many records as they need. Raises `ValueError` before the handshake's end."""
        if self._seal is None:
            raise ValueError("nothing can be sealed before the end of the handshake")
        for start in range(0, len(text), TEXT_LIMIT):
            self._outbox += self._seal.seal(text[start : start + TEXT_LIMIT])

    def end(self) -> None:
        """Say that nothing more comes, where that can be said."""
        if self._seal is not None:
            self._outbox += self._seal.seal(b"")

    def take(self) -> bytes:
        """Return what is to be sent now."""
        octets = bytes(self._outbox)
        self._outbox.clear()
        return octets

    def _shake_hands(self) -> bool:
        """Do the next step of the handshake; False when its octets are not there yet."""
        raise NotImplementedError

    def _begin(self, keys: Keys) -> None:
        self._seal, self._open = RecordKey(keys.send), RecordKey(keys.receive)


class CallingStream(SealedStream):
    """The client's side.

    `choose(hint)` says how to introduce oneself to whoever says this of itself; it raises `WireError` for a
    key that is no DSS's. `server` is the public key where it is known. `generate` makes the ephemeral key.
    """

    def __init__(
        self,
        key: KeyPair,
        domain: str,
        choose: Callable[[Hint], Choice],
        server: bytes | None = None,
        generate: Callable[[], KeyPair] = KeyPair.generate,
    ) -> None:
        super().__init__(key, domain)
        self._choose = choose
        self._generate = generate
        self._noise: Initiator | None = None
        self._outbox += MAGIC
        if server is None:
            self._outbox += record(b"")
        else:
            self._introduce(Hint(server))

    def _shake_hands(self) -> bool:
        if self._octets.peek(len(_PLAIN)) == _PLAIN:
            raise UnsealedError(self._octets.peek(len(self._octets)))
        if self._noise is None:
            hint = self._octets.next(_HINT)
            if hint is None:
                return False
            epoch, statement = hint[KEY_SIZE : _HINT.start], hint[_HINT.start :]
            self._introduce(Hint(hint[:KEY_SIZE], int.from_bytes(epoch, "big"), statement))
            return True
        second = self._octets.next(_SECOND)
        if second is None:
            return False
        self._noise.second(second)
        self._begin(self._noise.keys())
        return True

    def _introduce(self, hint: Hint) -> None:
        choice = self._choose(hint)
        self.remote = hint.public
        self._noise = Initiator(self._key, hint.public, choice.psk, self._prologue, self._generate)
        self._outbox += record(self._noise.first(choice.payload))


class ServingStream(SealedStream):
    """The server's side, which knows the secret of `epoch`; `statement` is what was signed about its key.

    `choose(public, payload)` returns the key that is shared beforehand with whoever has this public key and
    introduces itself so; it raises `WireError` for whom it does not let in. That the other has both keys is
    shown by the first record. `generate` makes the ephemeral key.
    """

    def __init__(
        self,
        key: KeyPair,
        domain: str,
        epoch: int,
        choose: Callable[[bytes, bytes], bytes],
        statement: bytes = b"",
        *,
        generate: Callable[[], KeyPair] = KeyPair.generate,
    ) -> None:
        super().__init__(key, domain)
        self._choose = choose
        self._generate = generate
        self._hint = key.public + epoch.to_bytes(EPOCH_SIZE, "big") + statement
        self._is_sealed = self._has_asked = False

    def _shake_hands(self) -> bool:
        if not self._is_sealed:
            beginning = self._octets.peek(len(MAGIC))
            if not MAGIC.startswith(beginning):
                raise UnsealedError(beginning)
            if beginning != MAGIC:
                return False
            self._octets.skip(len(MAGIC))
            self._is_sealed = True
        first = self._octets.next(_FIRST if self._has_asked else _QUESTION_OR_FIRST)
        if first is None:
            return False
        if not first:
            self._has_asked = True
            self._outbox += record(self._hint)
            return True
        noise = Responder(self._key, self._prologue, self._generate)
        payload = noise.first(first)
        self._outbox += record(noise.second(self._choose(noise.remote, payload)))
        self.remote = noise.remote
        self._begin(noise.keys())
        return True
