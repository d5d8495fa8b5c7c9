"""Whether a replayed conversation went through routers as the recorded one went over one cable."""

from fixtures.recording import Exchange, Recording, rewritten
from nwip.ipx import sap
from nwip.ipx.address import Address
from nwip.ipx.numbers import PacketType, Socket
from nwip.ipx.packet import Packet
from nwip.ipx.rip import RipEntry, RipPacket
from nwip.ipx.sap import SapEntry, SapOperation, SapResponse
from real.replay import ReplayClient, ReplayServer

ROUTERS = 2  # between the two LANs; the server is one more, before its internal network


def judge(recording: Recording, server: ReplayServer, client: ReplayClient, network: int) -> None:
    """Compare everything that the two have heard with the recording; the client's LAN is `network`.

    RIP and SAP place the server further away than it is on its own LAN, by each router between.
    """
    assert [exchange for exchange, _ in client.answered] == recording.exchanges
    for exchange, replies in client.answered:
        expected = (_answer_to_specific(exchange, recording),) if exchange.is_specific else exchange.replies
        for recorded, reply in zip(expected, replies, strict=True):
            if exchange.is_ncp:
                to = rewritten(recorded.destination, recording.network, network)
                hops = recorded.transport_control + ROUTERS
                assert reply == recorded._replace(destination=to, transport_control=hops)
            else:
                _judge_answer_of_router(exchange, recorded, reply, Address(network, client.mac, 0))
    assert server.asked == [_arrived(each, recording.network, network) for each in recording.conversation]
    assert server.astray == []
    assert recording.address.network not in server.ways  # nobody tells a server of itself
    assert server.told == []
    assert (server.strange, client.strange) == ([], [])
    foreign = {packet.destination.socket for packet in server.foreign + client.foreign}
    assert foreign <= {Socket.RIP}  # the questions of a link that looks for its frame type


def _arrived(exchange: Exchange, before: int, network: int) -> Packet:
    """Return a request as it is when it has come to the server."""
    source = rewritten(exchange.request.source, before, network)
    return exchange.request._replace(source=source, transport_control=ROUTERS)


def _answer_to_specific(exchange: Exchange, recording: Recording) -> Packet:
    """Return what the server would have answered, had it known this query: ncpfs reads it like the others."""
    said = recording.announced()[1].entries[0]
    entry = SapEntry.of(said.service_type, said.name, said.address, said.hops)  # no rubbish behind its name
    payload = SapResponse(SapOperation.SPECIFIC_RESPONSE, (entry,)).encode()
    source = Address(recording.network, recording.server, Socket.SAP)
    return Packet(exchange.request.source, source, PacketType.PEP, payload)


def _judge_answer_of_router(exchange: Exchange, recorded: Packet, reply: Packet, client: Address) -> None:
    """Compare what our router says of the server with what the server said, but for the distance."""
    assert reply.destination == client._replace(socket=exchange.request.source.socket)
    assert (reply.source.network, reply.source.socket) == (client.network, recorded.source.socket)
    assert (reply.packet_type, reply.transport_control) == (recorded.packet_type, 0)
    if exchange.request.destination.socket == Socket.RIP:
        told, said = RipPacket.decode(reply.payload), RipPacket.decode(recorded.payload)
        assert told.operation == said.operation
        for ours, theirs in zip(told.entries, said.entries, strict=True):
            assert ours == RipEntry(theirs.network, theirs.hops + ROUTERS, ours.ticks)
            assert theirs.ticks < ours.ticks < 20  # each crossing costs some
    else:
        here, there = sap.decode(reply.payload), sap.decode(recorded.payload)
        assert isinstance(here, SapResponse)
        assert isinstance(there, SapResponse)
        moved = tuple(entry._replace(hops=entry.hops + ROUTERS) for entry in there.entries)
        assert here == there._replace(entries=moved)
