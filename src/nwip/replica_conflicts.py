"""Contradictions in a node's replica, where no DSS runs that would tell of them. Pure."""

from collections.abc import Sequence
from itertools import islice

from nwip.directory.parameters import Parameters
from nwip.directory.records import Change, Kind
from nwip.directory.table import Directory
from nwip.dss.conflict_watch import ConflictWatch, NewsListener, ParametersListener, RemovalListener
from nwip.dss_status import LISTED, alarm_of
from nwip.routing.alarms import Alarm


class ReplicaConflicts:
    """What a `ConflictWatch` needs, from a replica and its changes."""

    def __init__(self, directory: Directory, parameters: Parameters) -> None:
        self.directory = directory
        self.parameters = parameters
        self.listeners: list[NewsListener] = []
        self.removal_listeners: list[RemovalListener] = []
        self.parameter_listeners: list[ParametersListener] = []
        self._watch = ConflictWatch(self)

    def take(self, changes: Sequence[Change]) -> None:
        """Take in changes of the replica, which holds them already."""
        claims = [change for change in changes if change.record.key[0] in (Kind.ROUTE, Kind.SERVICE)]
        for listener in self.removal_listeners if claims else ():
            listener(claims)

    def take_parameters(self, parameters: Parameters) -> None:
        """Take the domain's new parameters."""
        self.parameters = parameters
        for listener in self.parameter_listeners:
            listener(parameters)

    def alarms(self, now: float) -> list[Alarm]:
        """Return an alarm for each conflict."""
        self._watch.advance(now)
        return [alarm_of(conflict, self.directory) for conflict in islice(self._watch.standing(), LISTED)]
