"""Two DSSs compare the domain's parameters; where both have been primary, an operator should know. Pure."""

from nwip.directory.parameters import Parameters
from nwip.dss.peer_session import PeerSession
from nwip.dss.server_engine import ServerEngine


def meet_parameters(server: ServerEngine, session: PeerSession, theirs: Parameters) -> None:
    """Take a DSS's parameters; say so where it has been primary at the same time as this one."""
    ours = server.parameters
    both = server.is_primary and theirs.identity == session.identity and theirs.term == ours.term
    took = server.learn_parameters(theirs)
    if both:
        stands, yields = server.name or "this DSS", session.hello.name if session.hello else ""
        if took:
            stands, yields = yields, stands
        server.alarm(
            f"two DSSs have been primary of the domain {ours.domain} at once: {stands} stays it,"
            f" and what was set at {yields} is lost; set it again at {stands} with"
            " 'nwip dss parameters set', and promote only a DSS that hears the others"
        )
