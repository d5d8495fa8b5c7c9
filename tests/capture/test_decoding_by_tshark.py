"""Every packet of the recorded captures, decoded by us and by tshark, which is the judge."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.tshark import fields
from nwip.capture.decoding import Decoder, Row
from nwip.capture.encapsulation import Ports
from nwip.capture.pcap import read_capture

pytestmark = pytest.mark.real("shared", "tshark")

CAPTURES = ["tcpdump-ipx.pcap", "netware-ethernet-ii.pcap", "netware-802.3-raw.pcap", "dosbox-clients.pcapng"]
PORT = 21300  # of the DOSBox server
AS_IPX = ("-d", f"udp.port=={PORT},ipx")

PROTOCOLS = {  # tshark's column: ours
    "IPX RIP": {"rip"},
    "IPX SAP": {"sap"},
    "NCP": {"ncp"},
    "NDS": {"ncp"},
    "NBIPX": {"netbios"},
    "BROWSER": {"netbios", "nmpi"},
    "IPX": {"ping", "ipx"},
    "ICMPv6": {"other"},
}


def rows_of(path: Path) -> list[Row]:
    decoder = Decoder(Ports(tunnel=frozenset({PORT})))
    with path.open("rb") as stream:
        return [decoder.decode(number, packet) for number, packet in enumerate(read_capture(stream), 1)]


def number(text: str) -> int:
    """Read a number as tshark prints it, decimal or hexadecimal."""
    return int(text, 0)


@pytest.mark.parametrize("name", CAPTURES)
def test_headers_and_protocols_are_those_that_tshark_sees(name: str, shared: Path) -> None:
    path = shared / "captures" / name
    rows = rows_of(path)
    seen = fields(
        path,
        *("_ws.col.Protocol", "ipx.src", "ipx.dst", "ipx.src.socket", "ipx.dst.socket"),
        *("ipx.packet_type", "ipx.hops", "ipx.len", "_ws.malformed"),
        arguments=AS_IPX,
    )
    assert len(rows) == len(seen)
    decoded = 0
    for row, columns in zip(rows, seen, strict=True):
        protocol, source, destination, from_socket, to_socket, packet_type, hops, length, malformed = columns
        assert row["protocol"] in PROTOCOLS[protocol] or "error" in row, row
        if not source:
            assert row["src"] is None or (malformed and "error" in row), row
            continue
        decoded += 1
        assert row["src"] == f"{source.upper()}.{number(from_socket):04X}"
        assert row["dst"] == f"{destination.upper()}.{number(to_socket):04X}"
        assert [row["type"], row["hops"], row["length"]] == [*map(number, (packet_type, hops, length))]
        assert "error" not in row, "nothing that tshark reads is malformed to us"
    assert decoded


@pytest.mark.parametrize("name", CAPTURES[:3])
def test_routes_and_services_are_those_that_tshark_sees_in_each_packet(name: str, shared: Path) -> None:
    path = shared / "captures" / name
    seen = fields(
        path,
        *("ipxrip.packet_type", "ipxrip.route_vector", "ipxrip.hops", "ipxrip.ticks"),
        *("ipxsap.packet_type", "ipxsap.server.type", "ipxsap.server.name", "ipxsap.server.network"),
        *("ipxsap.server.node", "ipxsap.server.socket", "ipxsap.server.intermediate_networks"),
    )
    operations = {"1": "request", "2": "response"}
    judged = 0
    for row, (operation, networks, hops, ticks, sap, *service) in zip(rows_of(path), seen, strict=True):
        rip = row.get("rip")
        if isinstance(rip, dict):
            judged += 1
            assert rip["operation"] == operations[operation]
            assert [entry["network"] for entry in rip["entries"]] == [
                f"{number(network):08X}" for network in networks.split(",")
            ]
            if operation == "2":
                assert [(entry["hops"], entry["ticks"]) for entry in rip["entries"]] == [
                    *zip(map(number, hops.split(",")), map(number, ticks.split(",")), strict=True)
                ]
        read = row.get("sap")
        if isinstance(read, dict):
            judged += 1
            assert list(told(read)) == list(heard(sap, service))
    assert judged == sum(bool(columns[0] or columns[4]) for columns in seen)


def told(sap: Row) -> Iterator[tuple[object, ...]]:
    """Yield what we say of a SAP packet."""
    if "entries" not in sap:
        yield (sap["operation"], sap["type"])
        return
    entries = sap["entries"]
    assert isinstance(entries, list)
    for entry in entries:
        yield (sap["operation"], entry["type"], entry["name"], entry["address"], entry["hops"])


def heard(operation: str, columns: list[str]) -> Iterator[tuple[object, ...]]:
    """Yield what tshark says of it; it reads no more of a specific query (14) than the type."""
    names = {1: "general query", 2: "general response", 3: "nearest query", 4: "nearest response"}
    word = names.get(number(operation), "specific query")
    types, *rest = ([part for part in column.split(",") if part] for column in columns)
    if number(operation) not in (2, 4):
        yield (word, number(types[0]))
        return
    for kind, name, network, node, socket, hops in zip(types, *rest, strict=True):
        address = f"{number(network):08X}.{node.replace(':', '').upper()}.{number(socket):04X}"
        yield (word, number(kind), name, address, number(hops))


@pytest.mark.parametrize("name", CAPTURES[1:3])
def test_headers_of_ncp_are_those_that_tshark_sees(name: str, shared: Path) -> None:
    path = shared / "captures" / name
    seen = fields(
        path,
        *("ncp.type", "ncp.seq", "ncp.connection", "ncp.task"),
        *("ncp.func", "ncp.completion_code", "ncp.connection_status"),
    )
    judged = 0
    for row, (kind, sequence, connection, task, function, completion, status) in zip(
        rows_of(path), seen, strict=True
    ):
        ncp = row.get("ncp")
        assert isinstance(ncp, dict) == bool(kind)
        if not isinstance(ncp, dict):
            continue
        judged += 1
        assert [ncp["type"], ncp["sequence"], ncp["connection"], ncp["task"]] == [
            *map(number, (kind, sequence, connection, task))
        ]
        if completion:
            assert [ncp["completion"], ncp["status"]] == [number(completion), number(status)]
        elif function:
            assert ncp["function"] == number(function)
    assert judged > 300


def test_names_of_netbios_are_those_that_tshark_sees(shared: Path) -> None:
    path = shared / "captures" / "tcpdump-ipx.pcap"
    seen = fields(path, "netbios.nb_name", "netbios.nb_name_type")
    judged = 0
    for row, (names, types) in zip(rows_of(path), seen, strict=True):
        read = row.get("netbios", row.get("nmpi"))
        if not isinstance(read, dict):
            assert not names
            continue
        judged += 1
        ours = [read[key] for key in ("name", "sender") if key in read]
        pairs = zip(names.split(","), types.split(","), strict=True)
        assert ours == [f"{name}<{number(kind):02x}>" for name, kind in pairs]
    assert judged > 20
