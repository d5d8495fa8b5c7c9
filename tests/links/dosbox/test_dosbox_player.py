"""The client: what DOSBox does, done alike."""

import pytest

from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.packet import Packet
from nwip.ipx.ping import NODE_WANTED, registration_reply
from nwip.links.dosbox.client import Answered, DosboxClient, Received, Registered

NETWORK = 0x00ABCD01
NODE = b"\2mynod"
OTHER = b"\2other"


def registered() -> DosboxClient:
    client = DosboxClient()
    client.register(0.0)
    client.receive_datagram(registration_reply(NETWORK, NODE).encode(), 0.1)
    client.datagrams_to_send()
    assert client.events() == [Registered(Address(NETWORK, NODE, 0))]
    return client


def test_its_registration_is_dosboxs_octet_for_octet() -> None:
    client = DosboxClient()
    client.register(0.0)
    assert client.datagrams_to_send() == [bytes.fromhex("ffff001e" + "0000" + 2 * ("00" * 10 + "0002"))]


def test_it_asks_for_its_own_number_as_dosbox_x_does() -> None:
    client = DosboxClient(OTHER)
    client.register(0.0)
    (data,) = client.datagrams_to_send()
    assert data[4] == NODE_WANTED
    assert data[30:] == OTHER


def test_it_registers_again_until_it_is_answered() -> None:
    client = DosboxClient()
    client.register(0.0)
    client.advance(0.5)
    assert len(client.datagrams_to_send()) == 1
    assert client.next_deadline() == 1.0
    client.advance(1.0)
    assert len(client.datagrams_to_send()) == 1
    client.receive_datagram(registration_reply(NETWORK, NODE).encode(), 1.1)
    assert client.next_deadline() is None


def test_it_puts_its_own_address_into_the_source() -> None:
    client = registered()
    client.send(Packet(Address(0, OTHER, 9), Address(5, OTHER, 8)))
    (data,) = client.datagrams_to_send()
    assert Packet.decode(data).source == Address(NETWORK, NODE, 8)


def test_before_it_is_registered_it_cannot_send() -> None:
    with pytest.raises(RuntimeError, match="not registered"):
        DosboxClient().send(Packet(Address(0, OTHER, 9), Address(0, OTHER, 8)))


def test_it_answers_a_broadcast_ping_and_no_other() -> None:
    client = registered()
    ping = Packet(Address(0, BROADCAST_NODE, 2), Address(7, OTHER, 2))
    client.receive_datagram(ping.encode(), 1.0)
    (answer,) = client.datagrams_to_send()
    assert Packet.decode(answer).destination == Address(0, OTHER, 2)
    assert Packet.decode(answer).source[1:] == (NODE, 2)
    client.receive_datagram(ping._replace(destination=Address(0, NODE, 2)).encode(), 1.0)
    assert client.datagrams_to_send() == []


def test_it_measures_its_ping() -> None:
    client = registered()
    client.ping(5.0)
    client.receive_datagram(Packet(Address(0, NODE, 2), Address(0, OTHER, 2)).encode(), 5.25)
    assert client.events() == [Answered(OTHER, 0.25)]


def test_a_ping_of_one_node_cannot_be_taken_for_an_answer() -> None:
    client = registered()
    client.ping(5.0, OTHER)
    ping = Packet.decode(client.datagrams_to_send()[0])
    assert (ping.destination, ping.source) == (Address(0, OTHER, 2), Address(NETWORK, NODE, 0x4000))


def test_packets_are_handed_on_and_rubbish_is_not() -> None:
    client = registered()
    packet = Packet(Address(NETWORK, NODE, 9), Address(NETWORK, OTHER, 9), payload=b"x")
    client.receive_datagram(b"rubbish", 1.0)
    client.receive_datagram(packet.encode(), 1.0)
    assert client.events() == [Received(packet)]
