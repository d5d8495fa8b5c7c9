"""Takes in and gives out much in small slices, and lets packets go first between them.

A whole directory costs a second of work in the same loop that carries packets. While there are packets it is
better to leave the processor alone for a moment than to take every turn: who always works has to wait for the
others on the machine when a packet comes.
"""

import asyncio
from typing import Final

from nwip.dataplane.traffic import traffic

SLICE: Final = 4096  # octets taken in at a time: at most 64 records, about half a millisecond
PAUSE_PER_PACKET: Final = 50e-6  # seconds: some four times of what a packet costs
LONGEST_PAUSE: Final = 0.01


async def let_others_run() -> None:
    """Return when others have had their turn; if packets came in it, after a pause, the longer the more."""
    before = traffic.datagrams
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # asyncio hears of packets behind what was ready before: they come in this turn
    if came := traffic.datagrams - before:
        await asyncio.sleep(min(came * PAUSE_PER_PACKET, LONGEST_PAUSE))
