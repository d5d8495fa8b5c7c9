"""The questions of `nwip ban`: who is kept out of this node's links, of its DSS, and of its data port."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from nwip.control import Answer
from nwip.dss.server import DssServer
from nwip.gateway.gateway import NodeGateway
from nwip.ipx.address import format_node
from nwip.links.dosbox.serving import ServerLink
from nwip.rows import Row
from nwip.security.audit import audit
from nwip.security.bans import Ban, Bans, subject
from nwip.state import State
from nwip.views import number
from nwip.wire import WireError

FILE: Final = "bans.json"
LONGEST: Final = 100 * 366 * 86400.0  # seconds
LONGEST_REASON: Final = 200
LONGEST_WAIT: Final = 3600.0  # seconds: the clock that bans end by may be set meanwhile

Question = Mapping[str, object]

_log = logging.getLogger(__name__)


class Guarded(Protocol):
    """What bans are about. `gateway`, and `inside`, that of the links, are None until the node has joined."""

    bans: Bans
    dss: DssServer | None
    gateway: NodeGateway | None
    inside: NodeGateway | None


class BanViews:
    """The answers. Bans are kept in the state directory, and taken from there at once."""

    def __init__(self, node: Guarded, state: State) -> None:
        self._node = node
        self._state = state
        self._ending: asyncio.TimerHandle | None = None
        try:
            kept = state.read(FILE)
            if kept:
                node.bans.restore(kept)
        except WireError as error:
            self._put_aside(str(error))
        except OSError as error:
            _log.warning("the bans of earlier runs cannot be read, and do not hold: %s", error.strerror)
        self._wait()

    def handlers(self) -> dict[str, Callable[[Question], Awaitable[object]]]:
        """Return the answer to each question by its name."""
        return {"ban": self.ban, "ban-lift": self.lift, "ban-list": self.bans}

    async def ban(self, question: Question) -> Row:
        """Ban an IP address, a network or a node number; that of a player here stands for his IP address."""
        seconds = question.get("seconds")
        if seconds is not None:
            seconds = number(question, "seconds", 0.0, 1.0, LONGEST)
        why = str(question.get("why", ""))[:LONGEST_REASON]
        made = []
        try:
            for what in self._subjects(str(question.get("what", ""))):
                made.append(self._node.bans.add(what, seconds, why))
                audit("banned", what, what=what, seconds=seconds, why=why or None)
        except ValueError as error:
            raise Answer(2, _sentence(question, error)) from None
        kept = self._keep()
        return {"bans": [self._row(ban) for ban in made], "gone": self._expel(), "kept": kept}

    async def lift(self, question: Question) -> Row:
        """End a ban."""
        try:
            what = subject(str(question.get("what", "")))
        except ValueError as error:
            raise Answer(2, _sentence(question, error)) from None
        if not self._node.bans.lift(what):
            raise Answer(1, f"{what} is not banned here; 'nwip ban --list' shows who is")
        audit("ban-lifted", what, what=what)
        self._apply()
        return {"what": what, "kept": self._keep()}

    async def bans(self, _: Question) -> list[Row]:
        """Return the bans that hold."""
        return [self._row(ban) for ban in self._node.bans.all()]

    def _subjects(self, text: str) -> list[str]:
        """Return what is to be banned: for a player here his IP address, and his number if he chose it."""
        what = subject(text)
        for link in self._links():
            for client in link.clients():
                if format_node(client.node) == what:
                    return [subject(client.address[0]), *([what] if client.chose_node else [])]
        return [what]

    def _expel(self) -> int:
        bans = self._node.bans
        gone = sum(link.expel(bans.covers) for link in self._links())
        if self._node.dss is not None:
            gone += self._node.dss.expel()
        self._apply()
        return gone

    def _apply(self) -> None:
        """Have the bans that hold now hold everywhere, and do so again when the next one ends."""
        for gateway in {self._node.gateway, self._node.inside}:
            if gateway is not None:
                gateway.bans_changed()
        self._wait()

    def _wait(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
        end = self._node.bans.next_end()
        if end is not None:
            wait = min(max(end, 0.01), LONGEST_WAIT)
            self._ending = asyncio.get_running_loop().call_later(wait, self._apply)

    def _links(self) -> list[ServerLink]:
        links = self._node.inside.links if self._node.inside is not None else ()
        return [link for link in links if isinstance(link, ServerLink)]

    def _keep(self) -> bool:
        try:
            self._state.write(FILE, self._node.bans.encode() + "\n")
        except OSError as error:
            _log.warning("bans cannot be kept (%s): they last until this program ends", error.strerror)
            return False
        return True

    def _put_aside(self, why: str) -> None:
        try:
            self._state.put_aside(FILE, why)
        except OSError as error:
            _log.warning("%s: %s", FILE, error.strerror)

    @staticmethod
    def _row(ban: Ban) -> Row:
        return {
            "what": ban.what,
            "since": ban.since,
            "until": ban.until,
            "why": ban.why,
            "kept_out": ban.kept_out,
        }


def _sentence(question: Question, error: ValueError) -> str:
    text = str(error)
    if text.startswith("there are"):
        return text
    return (
        f"{str(question.get('what', ''))!r} cannot be banned: write an IP address, a network such as"
        " 203.0.113.0/24, or a node number of 12 hexadecimal digits"
    )
