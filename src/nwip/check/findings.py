"""What is found on a port, from what holds it to what is to be thought of it. Pure."""

from enum import StrEnum
from typing import Final, NamedTuple

Row = dict[str, object]


class State(StrEnum):
    """What a port is: the first two are seen from its own machine, the others over the network."""

    FREE = "free"
    HELD = "held"
    OPEN = "open"
    CLOSED = "closed"
    FILTERED = "filtered"
    SILENT = "open|filtered"
    """Nothing came back, which over UDP says next to nothing."""


class Verdict(StrEnum):
    """What is to be thought of a port, in words."""

    OURS = "nwip/NetWare/IP"
    BORROWED = "another known service on a borrowed port"
    MISCONFIGURED = "misconfiguration"
    UNKNOWN = "unknown, look closer"
    FREE = "free"
    CLOSED = "closed"
    FILTERED = "filtered"
    SILENT = "open or filtered"


TO_LOOK_AT: Final = frozenset({Verdict.BORROWED, Verdict.MISCONFIGURED, Verdict.UNKNOWN})


class Process(NamedTuple):
    """A process as far as the system tells; what it does not tell is None or empty.

    `started` is UTC in ISO 8601. `deleted` says that its executable is not where it was started from;
    `package` that a package manager was asked, and which package has the executable: "" for none.
    """

    pid: int
    name: str = ""
    user: str = ""
    executable: str = ""
    command: tuple[str, ...] = ()
    parent: str = ""
    started: str = ""
    package: str | None = None
    deleted: bool = False
    temporary: bool = False
    is_nwip: bool = False

    def row(self) -> Row:
        """Return it as JSON has it."""
        return {**self._asdict(), "command": list(self.command)}


class Held(NamedTuple):
    """A socket of this machine: `pid` is None where the system does not say whose it is.

    `outgoing` is a socket that is connected to another host, so that its port is one that the system gave it.
    """

    port: int
    transport: str
    address: str
    pid: int | None = None
    outgoing: bool = False
    name: str = ""
    user: str = ""


class Family(StrEnum):
    """What a protocol has to do with the ports that are looked at."""

    OURS = "nwip"
    NETWARE = "netware"
    OTHER = "other"


class Spoken(NamedTuple):
    """A protocol that was recognised by an answer: `text` for people.

    `homes` are the ports, each with its transport, that it belongs on; none if it belongs on no such port.
    """

    text: str
    family: Family
    homes: frozenset[tuple[int, str]] = frozenset()


class Heard(NamedTuple):
    """What came of asking one port: its state, what it speaks, and a line of what else it said."""

    state: State
    spoken: Spoken | None = None
    said: str = ""


class Finding(NamedTuple):
    """One port and transport, of one holder if several share it."""

    host: str
    port: int
    transport: str
    state: State
    verdict: Verdict
    reasons: tuple[str, ...]
    address: str = ""
    process: Process | None = None
    protocol: str = ""

    @property
    def to_look_at(self) -> bool:
        """Whether somebody should look at it."""
        return self.verdict in TO_LOOK_AT

    def row(self) -> Row:
        """Return it as JSON has it."""
        return {
            "host": self.host,
            "port": self.port,
            "transport": self.transport,
            "address": self.address,
            "state": str(self.state),
            "process": self.process.row() if self.process else None,
            "protocol": self.protocol,
            "verdict": str(self.verdict),
            "reasons": list(self.reasons),
        }
