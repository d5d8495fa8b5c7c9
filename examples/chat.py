"""A chat on the virtual network: whoever runs it hears what the others type.

    python examples/chat.py ANNA

It ends with the input (Ctrl-D). Each line is a broadcast of UTF-8 text, `NAME: TEXT`, on socket 5543.
"""
# ruff: noqa: INP001, T201 - a program of its own, which prints

import asyncio
import sys

import nwip

CHAT = 0x5543
LONGEST_LINE = 1000  # octets: with name and header it fits what DOSBox takes


def printable(octets: bytes) -> str:
    """Return text from the network without anything that could command a terminal."""
    text = octets.decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)


async def hear(sock: nwip.IpxSocket) -> None:
    """Print what the others say."""
    async for packet in sock:
        print(printable(packet.payload), flush=True)


async def speak(sock: nwip.IpxSocket, name: str) -> None:
    """Broadcast what is typed."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        text = line.strip()[:LONGEST_LINE]
        if text:
            await sock.broadcast(name.encode() + b": " + text)


async def chat(name: str) -> None:
    """Hear and speak until the input ends."""
    async with nwip.open_socket(CHAT, shared=True) as sock:  # several may chat on one machine
        print(f"You are {name} at {sock.address}; type, and end with Ctrl-D.", flush=True)
        both = {asyncio.create_task(hear(sock)), asyncio.create_task(speak(sock, name))}
        ended, other = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in other:
            task.cancel()
        ended.pop().result()  # says why, when the node has gone


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: chat.py NAME")
    try:
        asyncio.run(chat(sys.argv[1]))
    except (nwip.NodeUnreachable, nwip.NodeRefused) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
