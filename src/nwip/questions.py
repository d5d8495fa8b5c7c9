"""All that a running node tells and does through its control socket, by the name of the question."""

from typing import Protocol

from nwip import ban_views, dss_views, link_views, membership_views, trace_views, views, watch_views
from nwip.about_views import AboutViews
from nwip.ban_views import BanViews
from nwip.control import Conversation, Handler
from nwip.dss_views import DssViews
from nwip.link_views import LinkViews
from nwip.membership_views import MembershipViews
from nwip.programs.conversation import Programs
from nwip.state import State
from nwip.trace_views import TraceViews
from nwip.views import Views
from nwip.watch_views import WatchViews
from nwip.watchman import Watchman


class Asked(  # type: ignore[misc]  # each sees of the memberships what it needs
    views.Running,
    ban_views.Guarded,
    dss_views.Running,
    link_views.Linked,
    membership_views.Running,
    trace_views.Running,
    watch_views.Running,
    Protocol,
):
    """What there is to see and to change of a node: what all its questions take."""


def questions(node: Asked, watchman: Watchman, state: State) -> dict[str, Handler | Conversation]:
    """Return what answers each question to a node, which is watched and keeps its state."""
    seen = Views(node)
    parts = (
        seen,
        AboutViews(node),
        WatchViews(node, watchman),
        BanViews(node, state),
        DssViews(node),
        LinkViews(node),
        MembershipViews(node),
        Programs(node),
        TraceViews(node, seen),
    )
    return {name: handler for part in parts for name, handler in part.handlers().items()}
