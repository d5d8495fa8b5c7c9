"""What tests say to the engines of a sealed DSS, and hear of them."""

from __future__ import annotations

from dss.simulated_domain import PARAMETERS, messages
from nwip.dss.framing import frame
from nwip.dss.messages import (
    VERSION,
    Hello,
    Message,
    Reason,
    Refused,
    Role,
    encode,
)
from nwip.dss.server_engine import ServerEngine
from nwip.dss.session import Proof, Session
from nwip.security.membership import Membership

DSSS = ("dss", "dss2", "dss3")


def engine_of(membership: Membership) -> ServerEngine:
    return ServerEngine(
        PARAMETERS, identity=membership.identity, boot=b"0" * 16, admit=lambda _: True, membership=membership
    )


def come(server: ServerEngine, proof: Proof | None, *, role: Role = "node", identity: bytes = b"") -> Session:
    session = server.open("127.0.0.1", 0.0)
    session.proof = proof
    claimed = identity or (proof.identity if proof else b"x" * 16)
    send_hello = Hello(VERSION, "", claimed, b"B" * 16, role, "x")
    server.receive(session, frame(encode(send_hello)), 0.0)
    return session


def told(session: Session, now: float = 0.0) -> list[Message]:
    found: list[Message] = []
    while data := session.take(now):
        found += messages(data)
    return found


def last_reason(session: Session) -> Reason:
    last = told(session)[-1]
    assert isinstance(last, Refused)
    return Reason(last.reason)
