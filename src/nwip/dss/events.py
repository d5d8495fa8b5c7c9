"""What a session tells its node. Pure."""

from typing import NamedTuple

from nwip.directory.parameters import Parameters
from nwip.directory.records import Change
from nwip.dss.messages import Hello


class Opened(NamedTuple):
    """A DSS has let this node in, under these names."""

    hello: Hello


class ParametersLearned(NamedTuple):
    """The parameters of the domain are known, or have changed."""

    parameters: Parameters


class DirectoryChanged(NamedTuple):
    """The replica has changed."""

    changes: list[Change]


class SnapshotRead(NamedTuple):
    """Everything that the DSS knew has been merged."""


Event = Opened | ParametersLearned | DirectoryChanged | SnapshotRead
