"""Which of a domain's gateways on one LAN is active: one is, the others stand by and take over. Pure.

Everybody says hello every `HELLO_INTERVAL` and believes the others for `DEAD_INTERVAL` after their last one:
three hellos and some delay. The rules are these; `docs/links/sharing-a-lan.md` tells them with their times.

- A gateway listens first, for one dead interval, unless it hears an active one before. A shorter time would
  not tell a LAN without a gateway from one whose gateway's hellos were lost.
- The active one stays so, whoever comes.
- When none is active any more, the one that stands by with the highest (priority, identity) takes over. Its
  *turn* is one more than the highest that it has heard of.
- Of two that are active, which a mended cable makes of one each, the one with the higher (turn, priority,
  identity) stays. If their turns were the same it takes another, so that the directory, which knows turns
  and owners, comes to the same end.
- Whose cable is out is not active; when it is in again it listens first, but not for long: the active one's
  next hello comes within the time between two.
- Two links of one node on one medium are a loop, and so is a link whose hello a star link of the domain
  answers: the link with the higher nonce, and the link that leads back, is blocked.
- From an active gateway of priority 0, one that would rather not, any other that stands by takes over.
"""

from collections.abc import Hashable, Iterator
from math import inf
from typing import Final, NamedTuple

from nwip.ipx.hello import MOST_TURNS, Hello, HelloState, domain_mark
from nwip.routing.neighbours import DEAD_INTERVAL, Neighbour, Neighbours, Strangers

HELLO_INTERVAL: Final = 0.7  # seconds: the third hello comes before the dead interval ends
HELLO_GAP: Final = 0.1  # seconds at least between hellos that others have called forth
SETTLE: Final = 0.3  # seconds that who ends listening leaves to a better one that listens too
TAKEOVER_LIMIT: Final = 3.0  # seconds without an active gateway at most, on a LAN that loses nothing
CABLE_LISTEN: Final = 0.8  # seconds that who gets a cable back listens: an active one says hello within them
LOOP_HOLD: Final = 10.0  # seconds that a link which led back into the domain stays blocked
ANSWERS_TAKEN: Final = 8  # a server's answer to an older hello of ours than that is a copy
DEFAULT_PRIORITY: Final = 100
UNFIT: Final = 0  # the priority of who would rather not

_ACTIVE, _STANDING_BY, _LISTENING = HelloState.ACTIVE, HelloState.STANDING_BY, HelloState.LISTENING
_BLOCKED, _LEAVING = HelloState.BLOCKED, HelloState.LEAVING


class Turned(NamedTuple):
    """The state on the link, or the turn of who stays active, is now another; `why` is one sentence."""

    state: HelloState
    turn: int
    why: str


class Alarm(NamedTuple):
    """Something that an operator should know, in one sentence."""

    text: str


class Standby:
    """The gateway's part on one link. Times are seconds of one monotonic clock.

    `identity` is the node's, 16 octets; `nonce` is 8 random octets for this link and start; `priority` is 0
    to 255, the higher takes over first. `state` is what it is now (never `SERVER`), `why` the reason in one
    sentence; `turn` counts up with every takeover on the LAN and means something while it is active.
    `echoes` counts hellos of our own that came back, `repeated` those that came twice or too late.
    """

    def __init__(self, domain: str, identity: bytes, nonce: bytes, priority: int, now: float) -> None:
        self.domain = domain_mark(domain)
        self.identity = identity
        self.nonce = nonce
        self.priority = priority
        self.state = _LISTENING
        self.why = "listens for other gateways"
        self.turn = 0
        self.neighbours = Neighbours()
        self.echoes = 0
        self.repeated = 0
        self._highest = 0
        self._raised = False
        self._plugged = True
        self._number = 0
        self._said_at = -inf
        self._hello_due = now
        self._quiet_until = now + DEAD_INTERVAL
        self._leads_back_until = -inf
        self._decide_at = self._quiet_until
        self.strangers = Strangers()
        self._outbox: list[Hello] = []
        self._events: list[Turned | Alarm] = []

    def hear(self, hello: Hello, hop: Hashable, now: float) -> None:
        """Take in a hello that came from `hop` of the link."""
        if self.state is _LEAVING:
            return
        self._wake(now)
        if hello.domain != self.domain:
            alarm = self.strangers.hear(hello, hop, now)
            self._events += [Alarm(alarm)] if alarm else []
        elif hello.state is HelloState.SERVER:
            self._take_answer(hello, now)
        elif (hello.identity, hello.nonce) == (self.identity, self.nonce):
            self.echoes += 1
        else:
            newcomer = self.neighbours.find(hello.identity, hello.nonce, now) is None
            if not self.neighbours.hear(hello, hop, now):
                self.repeated += 1
                return
            self._highest = max(self._highest, hello.turn)
            self._decide(now)
            if newcomer and self.state is _ACTIVE:
                self._hello_due = min(self._hello_due, max(now, self._said_at + HELLO_GAP))

    def learn_turn(self, turn: int, now: float) -> None:
        """Learn the highest turn that another owner has in the directory on this LAN: ours is to be above it.

        Once a takeover at most an active gateway takes another turn for it: the owner may be alive behind a
        cut cable, and learn ours in the same way.
        """
        self._highest = max(self._highest, min(turn, MOST_TURNS))
        if self.state is _ACTIVE and not self._raised and self.turn <= turn:
            self._raised = True
            self._take_turn("the directory had a higher turn", now)

    def set_priority(self, priority: int, now: float) -> None:
        """Take another priority, 0 to 255."""
        self.priority = priority
        self._decide(now)

    def unplug(self) -> None:
        """Learn that the cable is out: there is nobody to serve, and nobody to hear, until `plug`."""
        if self.state is not _LEAVING:
            self._plugged = False
            self._leads_back_until = -inf
            self._quiet_until = self._decide_at = self._hello_due = inf
            self._note(_LISTENING, "the cable is out")

    def plug(self, now: float) -> None:
        """Learn that it is in again."""
        if not self._plugged and self.state is not _LEAVING:
            self._plugged = True
            self._listen("the cable is in again, listens", now, CABLE_LISTEN)

    def leave(self, now: float) -> None:
        """Stop: say goodbye, twice, so that another takes over at once. The last call before the end."""
        if self.state is not _LEAVING:
            self._turn(_LEAVING, "this gateway stops", now)
            self._say(now)

    def advance(self, now: float) -> None:
        """Do what is due."""
        if self.state is _LEAVING:
            return
        self._wake(now)
        self._decide(now)
        if self._hello_due <= now:
            self._say(now)

    def next_deadline(self) -> float | None:
        """Return when `advance` must be called next."""
        return None if self.state is _LEAVING else min(self._hello_due, self._decide_at)

    def hellos_to_send(self) -> list[Hello]:
        """Return, once, the hellos to broadcast on the link, in order."""
        hellos, self._outbox = self._outbox, []
        return hellos

    def take_events(self) -> list[Turned | Alarm]:
        """Return, once, what has happened, in order."""
        events, self._events = self._events, []
        return events

    # What others say.

    def _take_answer(self, hello: Hello, now: float) -> None:
        if hello.nonce != self.nonce or not self._number - ANSWERS_TAKEN < hello.number <= self._number:
            self.repeated += 1
            return
        self._leads_back_until = now + LOOP_HOLD
        self._decide(now)

    # What follows from it.

    def _others(self, now: float, state: HelloState) -> Iterator[Neighbour]:
        return (n for n in self.neighbours.alive(now, state) if n.hello.identity != self.identity)

    def _decide(self, now: float) -> None:
        if not self._plugged:
            return
        obstacle = self._obstacle(now)
        if obstacle and self.state is not _BLOCKED:
            self._turn(_BLOCKED, obstacle, now)
        elif not obstacle:
            self._take_part(now)
        self._decide_at = self._next_decision(now)

    def _obstacle(self, now: float) -> str:
        if now < self._leads_back_until:
            return "leads back into the domain: a DOSBox or websocket link of it has answered here"
        twins = self.neighbours.alive(now, _LISTENING, _STANDING_BY, _ACTIVE)
        if any(n.hello.identity == self.identity and n.hello.nonce < self.nonce for n in twins):
            return "another link of this node is on the same LAN (or another node has a copy of its identity)"
        return ""

    def _take_part(self, now: float) -> None:
        if self.state is _BLOCKED:
            led_back, self._leads_back_until = self._leads_back_until > -inf, -inf
            if led_back:
                self._listen("is not known to lead back any more, listens", now)
            else:  # it has heard all the time who else is there
                self._turn(_STANDING_BY, "no other link of this node is on this LAN any more", now)
        rivals = list(self._others(now, _ACTIVE))
        fit = self.state is _STANDING_BY and self.priority != UNFIT
        if rivals and not (fit and all(rival.hello.priority == UNFIT for rival in rivals)):
            self._face(max(rivals, key=lambda rival: rival.rank), now)
        elif self.state is _STANDING_BY or (self.state is _LISTENING and self._has_listened(now)):
            self._succeed(now)

    def _face(self, rival: Neighbour, now: float) -> None:
        """Stand by if somebody else is active, or see which of two stays."""
        if self.state is not _ACTIVE:
            if self.state is not _STANDING_BY:
                self._turn(_STANDING_BY, f"{rival} is active", now)
        elif rival.rank > (self.turn, self.priority, self.identity):
            self._turn(_STANDING_BY, f"{rival} is active too, and has precedence", now)
        elif rival.hello.turn == self.turn < MOST_TURNS:
            self._take_turn(f"{rival} was active too, with the same turn", now)

    def _has_listened(self, now: float) -> bool:
        """Say whether it has been quiet for long enough; a better one that listens too goes first."""
        better = any(n.claim > (self.priority, self.identity) for n in self._others(now, _LISTENING))
        return now >= self._quiet_until + (SETTLE if better else 0.0)

    def _succeed(self, now: float) -> None:
        """Take over, unless a better one stands by, which will."""
        heir = max(self._others(now, _STANDING_BY), key=lambda n: n.claim, default=None)
        if heir is not None and heir.claim > (self.priority, self.identity):
            if self.state is _LISTENING:
                self._turn(_STANDING_BY, f"{heir} goes before", now)
            return
        self._raised = False
        self.state = _ACTIVE
        self._take_turn("no other gateway is active", now)

    def _take_turn(self, why: str, now: float) -> None:
        self._highest = self.turn = min(max(self._highest, self.turn) + 1, MOST_TURNS)
        self._turn(_ACTIVE, why, now)

    def _listen(self, why: str, now: float, seconds: float = DEAD_INTERVAL) -> None:
        self._quiet_until = self._decide_at = now + seconds
        self._turn(_LISTENING, why, now)

    def _turn(self, state: HelloState, why: str, now: float) -> None:
        self._note(state, why)
        self._say(now)

    def _note(self, state: HelloState, why: str) -> None:
        self.state = state
        self.why = why
        self._events.append(Turned(state, self.turn, why))

    def _say(self, now: float) -> None:
        self._number += 1
        self._said_at = now
        self._hello_due = now + HELLO_INTERVAL
        self._outbox.append(
            Hello(self.domain, self.identity, self.nonce, self.state, self.priority, self.turn, self._number)
        )

    def _wake(self, now: float) -> None:
        """Begin anew if this process slept: the others have taken us for dead."""
        if now > self._hello_due + DEAD_INTERVAL and self.state is not _BLOCKED:
            self._listen("has not run for a while, listens", now)

    def _next_decision(self, now: float) -> float:
        if self.state is _LISTENING:
            return self._quiet_until + (SETTLE if now >= self._quiet_until else 0.0)
        if self.state is _ACTIVE:
            return inf
        times = (self.neighbours.next_death(now), self._leads_back_until)
        return min((time for time in times if time is not None and time > now), default=inf)
