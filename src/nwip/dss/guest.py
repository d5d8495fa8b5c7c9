"""Joins a sealed domain with an invitation, on asyncio."""

import asyncio
import os
from typing import Final, NamedTuple

from nwip.directory.records import Endpoint, endpoint_text
from nwip.dss.connecting import Connection, NotSealedError, connect
from nwip.dss.conversation import CONNECT_LIMIT, reason_of
from nwip.dss.courtesy import SLICE
from nwip.dss.framing import Splitter, frame
from nwip.dss.introduction import guest_seal
from nwip.dss.messages import (
    VERSION,
    DomainSecret,
    Goodbye,
    Hello,
    Joined,
    Refused,
    Roster,
    decode,
    encode,
)
from nwip.dss.reader import DssRefused, DssUnreachable
from nwip.security.invitations import Invitation
from nwip.security.keys import KeyPair
from nwip.wire import WireError

JOIN_LIMIT: Final = 20.0  # seconds for all that a guest is told, once it has been let in


class Welcome(NamedTuple):
    """What a guest is told: its own statement, all that are known (signed), and the domain's secret."""

    statement: bytes
    statements: list[bytes]
    epoch: int
    secret: bytes


async def join_domain(invitation: Invitation, key: KeyPair, name: str = "") -> Welcome:
    """Make the holder of a key a member of the domain that invites it; `name` is what people call it.

    Asks the servers of the invitation in turn. One whose answer was lost may ask again with the same key.
    Raises `DssRefused` when the DSS lets nobody in by it, and `DssUnreachable` when none was reached.
    """
    silent = ""
    for server in invitation.servers:
        try:
            async with asyncio.timeout(CONNECT_LIMIT):
                connection = await connect(server, None, guest_seal(invitation, key))
        except NotSealedError as error:
            if error.refusal is not None:
                raise DssRefused(f"{endpoint_text(server)}: {error}") from None
            silent = f"{endpoint_text(server)}: {error}"
        except TimeoutError:
            silent = f"{endpoint_text(server)} does not answer"
        except OSError as error:
            silent = f"{endpoint_text(server)} cannot be reached: {reason_of(error)}"
        else:
            return await _be_welcomed(connection, server, invitation.domain, key, name)
    raise DssUnreachable(silent)


async def _be_welcomed(
    connection: Connection, server: Endpoint, domain: str, key: KeyPair, name: str
) -> Welcome:
    hello = Hello(VERSION, domain, key.identity, os.urandom(16), "reader", name)
    try:
        async with asyncio.timeout(JOIN_LIMIT):
            connection.writer.write(frame(encode(hello)))
            return await _read(connection)
    except (OSError, WireError, TimeoutError) as error:
        reason = str(error) or "no answer"
        raise DssUnreachable(f"{endpoint_text(server)} broke off: {reason}") from None
    finally:
        connection.writer.transport.abort()


async def _read(connection: Connection) -> Welcome:
    splitter = Splitter()
    statement = b""
    statements: list[bytes] = []
    secret: DomainSecret | None = None
    while data := await connection.reader.read(SLICE):
        for octets in splitter.feed(data):
            match decode(octets):
                case Joined(statement=own):
                    statement = own
                case Roster(statements=more):
                    statements += more
                case DomainSecret() as told:
                    secret = told
                case Refused(text=text):
                    raise DssRefused(f"the DSS refused: {text}")
                case Goodbye() if statement and secret is not None:
                    return Welcome(statement, statements, secret.epoch, secret.secret)
    raise ConnectionError("the conversation ended too early")
