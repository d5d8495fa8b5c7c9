"""What a session may say: only of itself, and only addresses that it has. Pure."""

from ipaddress import ip_address

from nwip.directory.records import Node, Record
from nwip.dss.messages import Complete, Message, Register, Withdraw
from nwip.dss.session import Session
from nwip.security.admission import admission

is_private = admission(["private"])


def objection(session: Session, message: Message) -> str:
    """Return why a session may not send this message, empty when it may.

    A node speaks only of records that it owns, and names as its own only the IP address that its session
    comes from; any, from the machine of the DSS. A member of a sealed domain may name private ones behind it,
    at which others behind its NAT find it: whom they find there its key says. A reader registers nothing.
    """
    if not isinstance(message, Register | Withdraw | Complete):
        return ""
    if not session.is_node:
        return "only a node registers anything"
    if isinstance(message, Withdraw):
        strange = any(withdrawal.owner != session.identity for withdrawal in message.withdrawals)
        return "a withdrawal names another owner" if strange else ""
    if isinstance(message, Register):
        return next((problem for record in message.records if (problem := _of_record(session, record))), "")
    return ""


def _of_record(session: Session, record: Record) -> str:
    if record.owner != session.identity:
        return f"{record.value} names another owner"
    peer = ip_address(session.peer)
    if isinstance(record.value, Node) and not peer.is_loopback and not session.is_here:
        for place, (address, _) in enumerate(record.value.endpoints):
            may_be_inside = session.proof is not None and place > 0 and is_private(address)
            if ip_address(address) != peer and not may_be_inside:
                return f"{record.value} claims the address {address}, but its session comes from {peer}"
    return ""
