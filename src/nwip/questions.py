"""All that a running node tells and does through its control socket, by the name of the question."""

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from nwip.node import RunningNode


def questions(node: "RunningNode", watchman: Watchman, state: State) -> dict[str, Handler | Conversation]:
    """Return what answers each question to a node, which is watched and keeps its state."""
    views = Views(node)
    parts = (
        views,
        AboutViews(node),
        WatchViews(node, watchman),
        BanViews(node, state),
        DssViews(node),
        LinkViews(node),
        MembershipViews(node),
        Programs(node),
        TraceViews(node, views),
    )
    return {name: handler for part in parts for name, handler in part.handlers().items()}
