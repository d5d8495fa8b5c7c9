"""Why a DSS may not begin a session with another one. Pure."""

from nwip.dss.messages import Hello, Message, Reason, Refused
from nwip.dss.peer_session import PeerSession
from nwip.dss.server_engine import ServerEngine


def objection(server: ServerEngine, session: PeerSession, message: Message) -> Refused | None:
    """Say what is wrong with a peer's first message; None when it may come in."""
    if not isinstance(message, Hello):
        return Refused(Reason.EXPECTED_HELLO, "the first message must be a hello")
    if message.role != "dss":
        return Refused(Reason.ROLE, "only sessions between dss are held on this port")
    if message.domain.casefold() != server.parameters.domain.casefold():
        return Refused(Reason.DOMAIN, f"this is the domain {server.parameters.domain}")
    if message.identity == server.identity:
        return Refused(Reason.SELF, "this dss has called itself")
    no = server.members.objection(session, message) if server.members is not None else None
    if server.members is not None and no is not None:
        server.members.prove_revoked(session)
    return no
