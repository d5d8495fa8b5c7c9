"""The door of a sealed DSS, on asyncio: whoever comes shakes hands; members and guests are let in."""

import asyncio
import contextlib
from typing import Final

from nwip.dss.courtesy import SLICE
from nwip.dss.framing import frame
from nwip.dss.handshake_limits import HandshakeLimits
from nwip.dss.introduction import NotLetInError, judge
from nwip.dss.messages import Reason, Refused, encode
from nwip.dss.pump import LAST_WORD_LIMIT, LetIn
from nwip.dss.sealed_connection import SealedConnection
from nwip.dss.session import Proof, Session
from nwip.security.membership import Membership
from nwip.security.stream import ServingStream, UnsealedError
from nwip.wire import WireError

WAITING_LIMIT: Final = 256  # connections that have shown no key yet: the oldest makes room
LAST_WORDS: Final = 256  # connections at a time that are told why they end; more end without a word

SEALED_TEXT: Final = "this domain is sealed: join it with an invitation, nwip join TOKEN"


class Door:
    """Takes the handshakes of the streams that come to one port.

    `only_dss`: only other DSSs are let in. `limit` is the seconds that a handshake may take. Whoever is not
    let in is told why in one plain Refused, the only message that ever goes out unsealed.
    """

    def __init__(self, membership: Membership, *, only_dss: bool, limit: float) -> None:
        self._membership = membership
        self._only_dss = only_dss
        self._limit = limit
        self._limits = HandshakeLimits()
        self._waiting: dict[asyncio.WriteTransport, None] = {}
        self._last_words = 0

    async def let_in(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> LetIn | Refused | None:
        """Return who has come, or why it is turned away; None when it has gone."""
        refusal = session.refusal or self._limits.objection(session.peer, _now())
        if refusal is not None:
            return refusal
        self._wait(writer.transport)
        try:
            async with asyncio.timeout(self._limit):
                return await self._shake_hands(reader, writer)
        except UnsealedError:
            return Refused(Reason.SEALED, SEALED_TEXT)
        except NotLetInError as error:
            return error.refusal
        except WireError as error:
            return Refused(Reason.NOT_ADMITTED, str(error))
        except TimeoutError:
            return Refused(Reason.LATE, "no handshake came in time")
        except OSError:
            writer.transport.abort()
            return None
        except BaseException:
            writer.transport.abort()
            raise
        finally:
            self._waiting.pop(writer.transport, None)

    def spoken(self, session: Session) -> None:
        """Learn that whoever was let in has spoken, which a copy of somebody's handshake cannot."""
        self._limits.proved(session.peer)

    async def turn_away(
        self, refusal: Refused, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Say in plain why a connection ends, and read on for a moment, else TCP would not deliver it."""
        self._last_words += 1
        try:
            if self._last_words <= LAST_WORDS:
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(LAST_WORD_LIMIT):
                        writer.write(frame(encode(refusal)))
                        writer.write_eof()
                        while await reader.read(SLICE):
                            pass
        finally:
            self._last_words -= 1
            writer.transport.abort()

    def _wait(self, transport: asyncio.WriteTransport) -> None:
        self._waiting[transport] = None
        if len(self._waiting) > WAITING_LIMIT:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.abort()

    async def _shake_hands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> LetIn:
        membership = self._membership
        proofs: list[Proof] = []

        def choose(public: bytes, payload: bytes) -> bytes:
            psk, proof = judge(membership, public, payload, _now(), only_dss=self._only_dss)
            proofs.append(proof)
            return psk

        epoch, _ = membership.secrets.current or (0, b"")
        statement = membership.roster.signed_of(membership.identity) or b""
        stream = ServingStream(membership.key, membership.domain, epoch, choose, statement)
        connection = SealedConnection(stream, reader, writer)
        await connection.shake_hands()
        return LetIn(connection, proofs[0])


def _now() -> float:
    return asyncio.get_running_loop().time()
