"""The door of a sealed DSS, on asyncio: whoever comes shakes hands; members and guests are let in."""

import asyncio
import contextlib
import logging
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from nwip.dss.courtesy import SLICE
from nwip.dss.framing import frame
from nwip.dss.introduction import NotLetInError, judge
from nwip.dss.messages import Reason, Refused, encode
from nwip.dss.pump import LAST_WORD_LIMIT, LetIn
from nwip.dss.sealed_connection import SealedConnection
from nwip.dss.session import Proof, Session
from nwip.security.limits import TokenBuckets
from nwip.security.membership import Membership
from nwip.security.stream import ServingStream, UnsealedError
from nwip.wire import WireError

_log = logging.getLogger(__name__)

HANDSHAKE_RATE: Final = 8.0  # a second from one address, or one IPv6 network of 64 bits
HANDSHAKE_BURST: Final = 128.0  # a whole site behind one address that comes back at once
TOTAL_RATE: Final = 200.0  # a second from everywhere: a tenth of the processor that carries packets too
TOTAL_BURST: Final = 512.0  # a whole domain that comes back at once

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
        self._handshakes = TokenBuckets(HANDSHAKE_RATE, HANDSHAKE_BURST)
        self._total = TokenBuckets(TOTAL_RATE, TOTAL_BURST, 1)

    async def let_in(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> LetIn | None:
        """Return who has come, with whom the session may go on; None when it is over."""
        refusal = session.refusal
        if refusal is None:
            refusal = self._objection(_source(session.peer), _now())
        if refusal is None:
            try:
                async with asyncio.timeout(self._limit):
                    return await self._shake_hands(reader, writer)
            except UnsealedError:
                refusal = Refused(Reason.SEALED, SEALED_TEXT)
            except NotLetInError as error:
                refusal = error.refusal
            except WireError as error:
                refusal = Refused(Reason.NOT_ADMITTED, str(error))
            except TimeoutError:
                refusal = Refused(Reason.LATE, "no handshake came in time")
            except OSError:
                writer.transport.abort()
                return None
            except BaseException:
                writer.transport.abort()
                raise
            _log.info("%s: not let in: %s", session.name, refusal.text)
        await _last_word(refusal, reader, writer)
        return None

    def _objection(self, source: str, now: float) -> Refused | None:
        if not self._handshakes.allow(source, now):
            return Refused(Reason.FULL, "too many handshakes come from this address: wait a little")
        if not self._total.allow("", now):
            return Refused(Reason.FULL, "too many handshakes come from everywhere: wait a little")
        return None

    async def _shake_hands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> LetIn:
        membership = self._membership
        proofs: list[Proof] = []

        def choose(public: bytes, payload: bytes) -> bytes:
            psk, proof = judge(membership, public, payload, _now(), only_dss=self._only_dss)
            proofs.append(proof)
            return psk

        epoch, _ = membership.secrets.current or (0, b"")
        stream = ServingStream(membership.key, membership.domain, epoch, choose)
        connection = SealedConnection(stream, reader, writer)
        await connection.shake_hands()
        return LetIn(connection, proofs[0])


async def _last_word(refusal: Refused, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say in plain why a connection ends, and read on for a moment, else TCP would not deliver it."""
    try:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(LAST_WORD_LIMIT):
                writer.write(frame(encode(refusal)))
                writer.write_eof()
                while await reader.read(SLICE):
                    pass
    finally:
        writer.transport.abort()


def _source(ip: str) -> str:
    """Return by what handshakes are counted: one host may have all addresses of an IPv6 network."""
    address = ip_address(ip)
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), 64), strict=False))
    return ip


def _now() -> float:
    return asyncio.get_running_loop().time()
