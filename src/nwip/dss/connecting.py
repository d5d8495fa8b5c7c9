"""Calls a DSS over TCP, plain or sealed, on asyncio."""

import asyncio
from typing import TYPE_CHECKING, NamedTuple, Protocol

from nwip.directory.records import Endpoint
from nwip.dss.framing import LENGTH_SIZE
from nwip.dss.messages import Reason, Refused, decode
from nwip.wire import WireError

if TYPE_CHECKING:
    from nwip.dss.introduction import Seal


class Reader(Protocol):
    """What a session reads from: an `asyncio.StreamReader`, or what does as it does."""

    async def read(self, n: int) -> bytes:
        """Return up to n octets as they come; none at the end. Raises `OSError` for what is no right end."""
        ...


class Writer(Protocol):
    """What a session writes to: an `asyncio.StreamWriter`, or what does as it does."""

    @property
    def transport(self) -> asyncio.WriteTransport:
        """The connection below."""
        ...

    def write(self, data: bytes) -> None:
        """Send octets."""
        ...

    async def drain(self) -> None:
        """Return when there is room for more."""
        ...

    def write_eof(self) -> None:
        """Say that nothing more comes."""
        ...

    def close(self) -> None:
        """Close, behind what was written."""
        ...


class Connection(NamedTuple):
    """Both ends of a stream; in a sealed domain the identity of the key that the other side has shown."""

    reader: Reader
    writer: Writer
    proven: bytes = b""


class NotSealedError(ConnectionError):
    """A sealed stream could not be had; one sentence for people.

    `refusal` is what a DSS has said in plain, so anybody on the way may have said it.
    """

    def __init__(self, text: str, refusal: Refused | None = None) -> None:
        super().__init__(text)
        self.refusal = refusal


async def connect(server: Endpoint, local: Endpoint | None, seal: "Seal | None" = None) -> Connection:
    """Return a connection with a DSS: sealed with a seal, and then with the handshake done.

    `local` is the address to come from. Raises `OSError`; a `NotSealedError` when only the seal is to blame.
    The caller sets the time limit.
    """
    reader, writer = await asyncio.open_connection(*server, local_addr=local)
    if seal is None:
        return Connection(reader, writer)
    from nwip.dss.sealed_connection import SealedConnection  # noqa: PLC0415 - plain domains need no ciphers
    from nwip.security.keys import identity_of  # noqa: PLC0415
    from nwip.security.stream import CallingStream, UnsealedError  # noqa: PLC0415

    try:
        try:
            stream = CallingStream(*seal)
            sealed = SealedConnection(stream, reader, writer)
            await sealed.shake_hands()
        except UnsealedError as error:
            raise _unsealed(error.octets) from None
        except WireError as error:
            raise NotSealedError(str(error)) from None
    except BaseException:
        writer.transport.abort()
        raise
    return Connection(sealed, sealed, identity_of(stream.remote))


def _unsealed(octets: bytes) -> NotSealedError:
    """Read what a DSS says in plain before the handshake's end: it may say nothing but Refused."""
    try:
        message = decode(octets[LENGTH_SIZE:])
    except WireError:
        message = None
    if not isinstance(message, Refused):
        return NotSealedError("what answers there speaks no sealed streams")
    if message.reason == Reason.MALFORMED:
        return NotSealedError("the DSS there speaks no sealed streams: its domain is open", message)
    return NotSealedError(f"the DSS there says, unproven: {message.text}", message)
