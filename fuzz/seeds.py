"""Writes the first inputs of each target into `corpus/`: what real programs and engines say to each other.

Run it when a format has changed: `python fuzz/seeds.py`.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec.msgpack import encode
from targets import TARGETS
from targets.edges import NETWORK, NODE
from targets.sealed import AUTHORITY, DOMAIN, HERE, OURS, THEIRS, THERE, stranger
from targets.sessions import PARAMETERS
from targets.steps import Step, script

from nwip.capture.pcapng import LinkType, PcapngWriter
from nwip.directory.filters import Filter
from nwip.directory.grants import Grant
from nwip.directory.parameters import Parameters
from nwip.directory.records import Host, Kind, Node, Route, Service
from nwip.discovery import nearest
from nwip.discovery.dhcp import information
from nwip.discovery.dhcp.information import Information
from nwip.discovery.dhcp.message import inform
from nwip.dss.client_engine import ClientEngine
from nwip.dss.framing import LENGTH_SIZE
from nwip.dss.replication_engine import ReplicationEngine
from nwip.dss.server_engine import ServerEngine
from nwip.ipx.address import BROADCAST_NODE, Address
from nwip.ipx.diagnostics import AttachedNetwork, Component, DiagnosticsRequest, DiagnosticsResponse
from nwip.ipx.frames import Frame, FrameType
from nwip.ipx.hello import Hello, HelloState, domain_mark
from nwip.ipx.ncp import NcpBurst, NcpPacket
from nwip.ipx.netbios import NetbiosPacket, NmpiPacket
from nwip.ipx.packet import Packet
from nwip.ipx.ping import ping, ping_answer, registration
from nwip.ipx.rip import RipEntry, RipOperation, RipPacket
from nwip.ipx.sap import SapEntry, SapOperation, SapQuery, SapResponse, SapSpecificQuery
from nwip.ipx.spx import SpxPacket
from nwip.ipx.type20 import PropagatedPayload
from nwip.links.lan.length_framing import prefixed
from nwip.programs import frames
from nwip.routing.numbering import node_number
from nwip.security.cookies import ProofNumbers
from nwip.security.invitations import Invitation
from nwip.security.sealed import contents
from nwip.security.sealed.contents import Envelope
from nwip.security.sealed.splitting import split
from nwip.security.statements import SIGNATURE_SIZE, Member, Revocation
from nwip.security.stream import CallingStream, Choice, ServingStream, of_member

ROOT: Final = Path(__file__).resolve().parent
HOST: Final = bytes.fromhex("02000000000b")
MAC: Final = bytes.fromhex("525400000001")
PACKET_OF_ALL: Final = Packet(
    Address(NETWORK, BROADCAST_NODE, 0x4003), Address(NETWORK, HOST, 0x4003)
).encode()

LISTED: Final = msgspec.structs.replace(
    PARAMETERS,
    networks="listed",
    grants=(Grant((0xB1, 0xB2), "n*", "192.0.2.0/24"), Grant((0xB3,))),
    filters=(Filter("deny", "service", types=(4,), name="A*"),),
)
"""Parameters with something in each of their lists, by which network A1 is not granted."""

Seeds = dict[str, list[bytes]]


def packets() -> list[Packet]:
    """Return IPX packets of every kind that something is done about."""
    here, all_ = Address(NETWORK, HOST, 0x4003), Address(NETWORK, BROADCAST_NODE, 0x4003)
    entry = SapEntry.of(4, "SERVER", Address(0xA1, b"\0\0\0\0\0\1", 0x451), 1)
    to_rip, to_sap, to_all = (all_._replace(socket=socket) for socket in (0x453, 0x452, 0x455))
    rip, sap = here._replace(socket=0x453), here._replace(socket=0x452)
    return [
        Packet(all_, here, payload=b"hello"),
        Packet(Address(NETWORK, NODE, 0x4003), here, packet_type=4, payload=bytes(20)),
        Packet(to_rip, rip, 1, RipPacket.request().encode()),
        Packet(
            to_rip,
            rip,
            1,
            RipPacket(RipOperation.RESPONSE, (RipEntry(0xA1, 1, 2),)).encode(),
        ),
        Packet(to_sap, sap, 0, SapQuery(SapOperation.GENERAL_QUERY, 4).encode()),
        Packet(to_sap, sap, 0, SapQuery(SapOperation.NEAREST_QUERY, 4).encode()),
        Packet(to_sap, sap, 0, SapResponse(SapOperation.GENERAL_RESPONSE, (entry,)).encode()),
        Packet(
            to_all,
            here._replace(socket=0x455),
            20,
            PropagatedPayload.of(b"NETBIOS").encode(),
        ),
        ping(Address(0, HOST, 2)),
        ping_answer(ping(Address(0, HOST, 2)), Address(0, NODE, 2)),
    ]


def decoders() -> Seeds:
    """Return one or a few of each format."""
    vectors = json.loads((ROOT.parent / "docs" / "protocol-vectors.json").read_text("utf-8"))
    told = Information(
        "fuzz.test", preferred_dss=("192.0.2.1",), autoretries=2, nwip_1_1=True, primary_dss="192.0.2.2"
    )
    area, spilled = information.encode_spilled(told)
    options = information.encode_domain("fuzz.test") + information.encode(told)
    hello = Hello(domain_mark("fuzz.test"), b"I" * 16, b"N" * 8, HelloState.ACTIVE, 1, 2, 3)
    networks = (AttachedNetwork(0, 0xA1, NODE),)
    return {
        "packet": [packet.encode() for packet in packets()],
        "rip": [packet.payload for packet in packets() if packet.destination.socket == 0x453],
        "sap": [p.payload for p in packets() if p.destination.socket == 0x452]
        + [SapSpecificQuery.of(4, "SERVER").encode()],
        "type20": [b"\x02" + PropagatedPayload.of(b"DATA", (0xA1, 0xA2)).encode()],
        "hello": [hello.encode()],
        "ncp": [
            NcpPacket(0x2222, 1, 1, 1, 23, None, b"\0\1").encode(),
            NcpPacket(0x3333, 1, 1, 1, 0, 0).encode(),
            NcpBurst(0, 2, 1, 2, 3, 4, 5, 6, 8, 0, 8, 0, bytes(8)).encode(),
        ],
        "spx": [
            SpxPacket(0x40, 0, 1, 0xFFFF, 0, 0, 1).encode(),
            SpxPacket(0x4C, 0, 1, 2, 0, 0, 1, 576).encode(),
        ],
        "netbios": [NetbiosPacket(0, 1, (b"NAME".ljust(16),)).encode()],
        "nmpi": [NmpiPacket(0xF1, 1, 2, b"NAME".ljust(16), b"ME".ljust(16)).encode()],
        "diagnostics-request": [DiagnosticsRequest((NODE,)).encode()],
        "diagnostics-response": [
            DiagnosticsResponse(1, 1, 0x4001, (Component(0), Component(6, networks))).encode()
        ],
        "frame": [Frame.of(BROADCAST_NODE, MAC, kind, packets()[0].encode()).encode() for kind in FrameType],
        "session-message": [bytes.fromhex(vector["frame"])[LENGTH_SIZE:] for vector in vectors["messages"]],
        "dhcp-message": [
            inform(1, "192.0.2.9", MAC, bytes((62, 63)))[:236]
            + b"\x63\x82\x53\x63\x35\x01\x05"
            + options
            + b"\xff",
            bytes(44) + spilled + b"\x63\x82\x53\x63\x35\x01\x05\x34\x01\x03" + area + b"\xff",
        ],
        "dhcp-options": [b"\x09fuzz.test" + information.encode(told)[2:]],
        "nearest-query": [
            nearest.query(HOST),
            nearest.answer(nearest.query(HOST), ("192.0.2.1", 396), PARAMETERS) or b"",
        ],
    }


def texts() -> Seeds:
    """Return files as people have them."""
    stream = io.BytesIO()
    writer = PcapngWriter(stream)
    card = writer.add_interface(LinkType.ETHERNET, "eth0")
    for packet in packets():
        writer.write(
            card,
            1_000_000_000,
            Frame.of(BROADCAST_NODE, MAC, FrameType.ETHERNET_II, packet.encode()).encode(),
        )
    lease = (
        b'lease {\n  interface "eth0";\n  fixed-address 192.0.2.9;\n  option nwip-domain "fuzz.test";\n'
        b"  option nwip-suboptions 2:0:5:1:1;\n  expire never;\n}\n"
    )
    asked = frames.service(frames.ADVERTISE, 4, "OURS").encode()
    sent = frames.Frame(frames.PACKET, packets()[0].encode()).encode()
    cut = [Frame.of(BROADCAST_NODE, MAC, kind, packets()[0].encode()).encode() for kind in FrameType]
    return {
        "capture": [stream.getvalue()],
        "config": [
            (ROOT.parent / "src" / "nwip" / "config" / "example.toml").read_bytes()[:4096],
            (
                b'[domain]\nname = "fuzz.test"\n[[link]]\nkind = "dosbox"\nport = 213\n'
                b'[[filter]]\naction = "deny"\nname = "A*"\n'
            ),
        ],
        "leases": [lease, b"ADDRESS=192.0.2.9\nOPTION_62=66757a7a\nOPTION_63=0200050101\n"],
        "capture-filter": [b"sap or (rip and not host 00C0FFEE.020000000001)", b"socket 0452 and net C0FFEE"],
        "domain-filter": [b"A*B*C\nAXXBYYC"],
        "peer-list": [b"192.0.2.1 # one\ngateway.example.org\n"],
        "addresses": [b"00C0FFEE.020000000001.0451", b"C0FFEE", b"02-00-00-00-00-01"],
        "program-frames": [script(Step(0, 0, 0, asked), Step(0, 0, 0, sent))],
        "qemu-stream": [script(*(Step(0, 0, 0, prefixed(frame)) for frame in cut))],
    }


def edges() -> Seeds:
    """Return conversations with links."""
    numbers = ProofNumbers(b"K" * 16)
    own = numbers.node_number(("198.51.100.1", 214))
    sent = [packet._replace(source=packet.source._replace(node=own)).encode() for packet in packets()]
    said = [Step(1, 9, 1, data) for data in (registration().encode(), *sent)]
    chosen = [Step(2, 9, 1, data) for data in (registration(HOST).encode(), packets()[0].encode())]
    peer = bytes((0, 0, 198, 51, 100, 1))
    tunnelled = [packet._replace(source=packet.source._replace(node=peer)).encode() for packet in packets()]
    replied = Packet(Address(NETWORK, HOST, 2), Address(1, BROADCAST_NODE, 2)).encode()
    cut = [
        Frame.of(BROADCAST_NODE, HOST, FrameType.ETHERNET_802_3, packet.encode()).encode()
        for packet in packets()
    ]
    return {
        "dosbox": [script(*said), script(*chosen), script(*said, *chosen, *said)],
        "rfc1234": [script(*(Step(1, 0, 1, data) for data in tunnelled))],
        "uplink": [
            script(
                Step(0, 4, 1, replied),
                *(Step(0, 4 - index % 2 * 4, 1, p.encode()) for index, p in enumerate(packets())),
            )
        ],
        "virtual": [
            script(*(Step(host, 0, 0, packet.encode()) for host in (1, 2) for packet in packets())),
            script(Step(9, 0, 0, nearest.query(HOST))),
        ],
        "lan": [script(*(Step(0, 0, 1, frame) for frame in cut))],
        "questions": [script(*(Step(1, 0, 0, packet.encode()) for packet in packets()[2:6]))],
        "proven-questions": [script(*(Step(1, 0, 0, packet.encode()) for packet in packets()[2:6]))],
    }


def sessions() -> Seeds:
    """Return what two engines say to each other, from either side."""
    conversations = [[*zip(*_node_and_dss(each), strict=True)] for each in (PARAMETERS, LISTED)]
    one, other = zip(*_two_dss(), strict=True)
    return {
        "node-sessions": [
            script(*(Step(1, 15, 1, data) for data in said if data)) for said, _ in conversations
        ],
        "client-session": [
            script(*(Step(1, 15, 1, data) for data in heard if data)) for _, heard in conversations
        ],
        "peer-sessions": [
            script(*(Step(1, 15, 1, data) for data in one if data)),
            script(*(Step(9, 15, 1, data) for data in other if data)),
        ],
    }


def sealed() -> Seeds:
    """Return what is said in sealed domains, and before."""
    member = Member(THEIRS.public, "node", "museum", (0xA1,), 7)
    signed = [AUTHORITY.sign(each, DOMAIN) for each in (member, Revocation(THEIRS.identity, 8, "museum"))]
    line = Invitation(
        domain=DOMAIN,
        servers=[HERE],
        dss_key=OURS.public,
        authority=AUTHORITY.public,
        secret=b"s" * 16,
        peers=[THERE],
    )
    said = [
        PACKET_OF_ALL,
        *split(PACKET_OF_ALL * 20, 400, 1),
        contents.probe(1232),
        contents.answer_to_probe(contents.probe(1232)),
        contents.WHERE_ARE_WE,
        contents.seen_at(THERE),
        Envelope(THEIRS.identity, bytes(48)).to_relay(),
        Envelope(THEIRS.identity, bytes(48)).from_relay(),
        bytes((contents.QUESTION,)) + PACKET_OF_ALL,
    ]
    caller = stranger()
    caller.send(OURS.public, [PACKET_OF_ALL], 1000.0)
    first = [data for data, _ in caller.datagrams_to_send()]
    choice = Choice(of_member(1), b"p" * 32)
    calling = CallingStream(THEIRS, DOMAIN, lambda _hint: choice, OURS.public, lambda: THEIRS)
    began = calling.take()
    serving, asked = (
        ServingStream(OURS, DOMAIN, 1, lambda _public, _payload: b"p" * 32, generate=lambda: OURS)
        for _ in range(2)
    )
    list(serving.receive(began))
    list(asked.receive(began[:4] + bytes(2)))
    return {
        "statement": [each[:-SIGNATURE_SIZE] for each in signed],
        "invitation": [line.encode().encode(), encode(line)],
        "sealed-contents": [*said, *first],
        "tunnel-strangers": [script(*(Step(1, 0, 0, data) for data in first))],
        "tunnel-member": [script(*(Step(1, 0, 0, data) for data in said))],
        "question-strangers": [script(*(Step(1, 0, 0, data) for data in (*first, PACKET_OF_ALL)))],
        "stream-server": [script(Step(0, 0, 0, began)), script(Step(0, 0, 0, began[:4] + bytes(2)))],
        "stream-client": [script(Step(0, 0, 0, each.take())) for each in (serving, asked)],
    }


def _node_and_dss(parameters: Parameters) -> Iterator[tuple[bytes, bytes]]:
    """Yield what a node and a DSS say, a second a turn, until both have said what there is.

    Of what the node offers the DSS denies a host with a node's number, and what `parameters` do not grant.
    """
    server = _server(b"D" * 16, parameters)
    session = server.open("192.0.2.1", 1000.0)
    engine = ClientEngine("fuzz.test", b"N" * 16, "node", boot=b"B" * 16, kinds=tuple(Kind))
    engine.offer(Service(4, "OURS", 0xA1, bytes(6), 0x451, 0))
    engine.offer(Route(0xA1, 0, 1))
    at = ("192.0.2.1", 43981)
    engine.offer(Host(b"\x7e\x06HOST", 0))
    engine.offer(Node(node_number(at, PARAMETERS, b"N" * 16), "node", [at]))
    engine.connected(1000.0)
    for second in range(1000, 1012):
        now = float(second)
        said = engine.take()
        server.receive(session, said, now)
        heard = session.take(now)
        engine.receive(heard, now)
        engine.advance(now)
        server.advance(now)
        yield said, heard


def _two_dss() -> Iterator[tuple[bytes, bytes]]:
    """Yield what two DSSs say, the caller first."""
    first, second = _server(b"C" * 16), _server(b"E" * 16)
    caller, called = ReplicationEngine(first, 1000.0), ReplicationEngine(second, 1000.0)
    out, into = (
        caller.open("192.0.2.2", 1000.0, calling=True),
        called.open("192.0.2.1", 1000.0, calling=False),
    )
    for tick in range(1000, 1016):
        now = float(tick)
        said = out.take(now)
        called.receive(into, said, now)
        answered = into.take(now)
        caller.receive(out, answered, now)
        for engine in (caller, called):
            engine.advance(now)
        yield said, answered


def _server(identity: bytes, parameters: Parameters = LISTED) -> ServerEngine:
    return ServerEngine(
        parameters, identity=identity, boot=identity, admit=lambda _: True, name=identity.decode()
    )


def main() -> None:
    """Write them, each target's in a directory of its own."""
    found = {**decoders(), **texts(), **edges(), **sessions(), **sealed()}
    for target in TARGETS:
        folder = ROOT / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for index, data in enumerate(found[target]):
            (folder / f"seed-{index:02}").write_bytes(data)


if __name__ == "__main__":
    main()
