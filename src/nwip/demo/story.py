"""What the demonstration's players do: find each other, talk, and find a service, through two gateways."""

import statistics
import time
from typing import Final, NamedTuple

from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.numbers import THIS_NETWORK, PacketType, ServiceType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse
from nwip.links.dosbox.player import DosboxPlayer

GAME_SOCKET: Final = 0x869C  # DOOM's
WORKSTATION_SOCKET: Final = 0x4003
ROUND_TRIPS: Final = 200
SERVICE_NAME: Final = "DEMO-LOBBY"


class Told(NamedTuple):
    """What came out of it. Times are seconds."""

    pings: list[tuple[bytes, float]]
    broadcast: Packet
    round_trips: list[float]
    lost: int
    found: SapEntry | None

    @property
    def median(self) -> float:
        """The median round trip."""
        return statistics.median(self.round_trips) if self.round_trips else 0.0


async def play(anna: DosboxPlayer, ben: DosboxPlayer) -> Told:
    """Let two registered players behind different gateways use all that IPX programs use."""
    pings = await anna.ping(timeout=2.0, answers=1)
    broadcast = await _broadcast(anna, ben)
    round_trips, lost = await _round_trips(anna, ben)
    found = await _find_service(anna, ben)
    return Told(pings, broadcast, round_trips, lost, found)


async def _broadcast(anna: DosboxPlayer, ben: DosboxPlayer) -> Packet:
    everyone = Address(THIS_NETWORK, BROADCAST_NODE, GAME_SOCKET)
    anna.send(Packet(everyone, anna.address._replace(socket=GAME_SOCKET), payload=b"Who is there?"))
    return await ben.receive(2.0)


async def _round_trips(anna: DosboxPlayer, ben: DosboxPlayer) -> tuple[list[float], int]:
    """Send packets to and fro, one at a time; return the times, and how many were lost."""
    here, there = (player.address._replace(socket=GAME_SOCKET) for player in (anna, ben))
    times: list[float] = []
    for number in range(ROUND_TRIPS):
        start = time.perf_counter()
        payload = number.to_bytes(2, "big") + bytes(98)
        try:
            anna.send(Packet(there, here, payload=payload))
            ben.send(Packet(here, there, payload=(await ben.receive(1.0)).payload))
            if (await anna.receive(1.0)).payload == payload:
                times.append(time.perf_counter() - start)
        except TimeoutError:
            continue
    return times, ROUND_TRIPS - len(times)


async def _find_service(anna: DosboxPlayer, ben: DosboxPlayer) -> SapEntry | None:
    """Let Ben announce a service by SAP, as NetWare servers do, and Anna ask for the nearest of its type."""
    lobby = SapEntry.of(ServiceType.JOB_SERVER, SERVICE_NAME, ben.address._replace(socket=GAME_SOCKET), 1)
    announcement = SapResponse(SapOperation.GENERAL_RESPONSE, (lobby,)).encode()
    everyone = Address(THIS_NETWORK, BROADCAST_NODE, Socket.SAP)
    ben.send(Packet(everyone, ben.address._replace(socket=Socket.SAP), PacketType.PEP, announcement))
    query = SapQuery(SapOperation.NEAREST_QUERY, ServiceType.JOB_SERVER).encode()
    question = Packet(everyone, anna.address._replace(socket=WORKSTATION_SOCKET), PacketType.PEP, query)
    for _ in range(10):
        anna.send(question)
        try:
            answer = await anna.receive(0.2)
        except TimeoutError:
            continue
        response = SapResponse.decode(answer.payload)
        return response.entries[0]
    return None
