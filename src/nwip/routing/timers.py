"""The times and bounds of RIP and SAP, each with its reason; docs/routing.md has them in one table. Pure.

Sources: [RS] Novell, IPX Router Specification, chapters 3 and 4; [NW6] NetWare 6 manuals as quoted in the
facts about RIP (10.5) and SAP (10.7).
"""

from typing import Final

from nwip.ipx.numbers import UNREACHABLE_HOPS

UPDATE_INTERVAL: Final = 60.0  # seconds between updates of a link [RS][NW6]

AGE_LIMIT: Final = 240.0
"""Seconds that what was heard is believed: four intervals. With three, the third update of a neighbour would
race against the ageing when two were lost, and a busy LAN loses more than one in a row."""

PACKET_GAP: Final = 0.055  # seconds between packets of one kind on one link: a tick [RS]

SETTLING: Final = 5.0
"""Seconds in which a router passes the word of a loss on. It does so at once; what takes time is the gap
between packets, and five seconds are 90 of them, with 4,500 networks."""

HOLD_DOWN: Final = SETTLING * UNREACHABLE_HOPS  # the longest wait for a way that may be an echo of our own

REPEAT: Final = 2.0  # seconds until the word of a loss is said again
REPEATS: Final = 2  # times that it is, besides what the next periodic update says

REGISTRATION_HOLD_DOWN: Final = AGE_LIMIT
"""Seconds after a withdrawal in which a longer way is not registered: by then the last router on any LAN has
heard of the loss, or has aged out what it heard before. The first plan said 180 s, but a gateway that dies
without a word is believed for longer by its neighbours; the simulation found what came of it."""

LISTENING: Final = UPDATE_INTERVAL + SETTLING
"""Seconds after which who listens to the active gateway of a LAN has heard all that it tells there."""

START_DELAY: Final = 0.5  # seconds after a link was attached: until then it may not be open
QUESTION_REPEATS: Final = (1.0, 2.0)  # seconds until a start's question that nobody answers is repeated
ASK_AGAIN: Final = 10.0  # seconds between questions for the network number of a LAN

ENTRIES_LIMIT: Final = 20_000  # heard from one link, networks and services; more are not learned
PLAYER_LIMIT: Final = 128  # of one station of a star, where each is somebody's own: no player is a backbone
TOLD_LIMIT: Final = 20_000  # networks, and as many services, that one link is told of by itself
