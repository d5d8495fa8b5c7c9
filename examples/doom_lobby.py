"""Who wants to play DOOM? Listens where its network driver, IPXSETUP, looks for players.

    python examples/doom_lobby.py

While it gathers players the driver broadcasts on socket 869C every second. In the payload, little-endian:

    offset  octets  field
         0       4  time, FFFFFFFF while players are looked for
         4       2  number of the game
         6       2  1 for a drone, which only looks on
         8       2  players found so far
        10       2  players wanted

Source: fragglet/vanilla-utilities, `net/ipxnet.h`. Of other games only who and how much is shown.
"""
# ruff: noqa: INP001, T201 - a program of its own, which prints

import asyncio
import struct
import sys

import nwip

DOOM = 0x869C
LOOKING = struct.Struct("<ihhhh")


def what(payload: bytes) -> str:
    """Say in words what a broadcast is."""
    if len(payload) >= LOOKING.size:
        time, game, drone, found, wanted = LOOKING.unpack_from(payload)
        if time == -1:
            who = "a drone" if drone else "a player"
            return f"{who} of game {game}, with {found} of {wanted} found"
    return f"{len(payload)} octets of another kind"


async def listen() -> None:
    """Print each new thing that somebody says, until Ctrl-C."""
    last: dict[nwip.Address, str] = {}
    async with nwip.open_socket(DOOM, shared=True) as sock:
        print(f"Listening at {sock.address}", flush=True)
        async for packet in sock:
            text = what(packet.payload)
            if last.get(packet.source) != text:
                if len(last) >= 1000:  # of the many that may come by, the oldest is forgotten
                    del last[next(iter(last))]
                last[packet.source] = text
                print(f"{packet.source}: {text}", flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(listen())
    except (nwip.NodeUnreachable, nwip.NodeRefused) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
