"""The dissector for Wireshark, run by tshark on the vectors of the protocol and on anything else."""

import json
import random
import re
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from fixtures.captured import capture_file, in_udp, packet
from fixtures.tshark import fields, tshark
from nwip.cli.main import cli
from nwip.dss.framing import frame

pytestmark = pytest.mark.real("tshark")

REPOSITORY = Path(__file__).resolve().parent.parent.parent
VECTORS = json.loads((REPOSITORY / "docs" / "protocol-vectors.json").read_bytes())
SCRIPT = REPOSITORY / "src" / "nwip" / "capture" / "wireshark" / "nwip.lua"
WITH_SCRIPT = ("-X", f"lua_script:{SCRIPT}")
FAULTS = "nwip.malformed || _ws.malformed || _ws.lua.error"


def segments(octets: bytes, size: int = 1400, port: int = 396, client: int = 40000) -> list[bytes]:
    """Cut octets into the TCP segments of one connection, in Ethernet frames."""
    frames, sequence = [], 1
    for start in range(0, len(octets), size):
        part = octets[start : start + size]
        tcp = struct.pack(">HHIIBBHHH", client, port, sequence, 1, 0x50, 0x18, 65535, 0, 0) + part
        ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, 0x0A000001, 0x0A000002)
        frames.append(bytes(12) + b"\x08\x00" + ip + tcp)
        sequence += len(part)
    return frames


def file_of(directory: Path, frames: Sequence[bytes]) -> Path:
    path = directory / "tcp.pcapng"
    path.write_bytes(capture_file(frames))
    return path


def one_a_connection(messages: Sequence[bytes]) -> list[bytes]:
    return [segments(octets, client=40000 + number)[0] for number, octets in enumerate(messages)]


def seen(path: Path, *names: str, arguments: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    return fields(path, *names, arguments=(*WITH_SCRIPT, *arguments))


def test_every_vector_is_decoded_to_its_message_and_nothing_in_it_is_unknown(tmp_path: Path) -> None:
    vectors = VECTORS["messages"]
    path = file_of(tmp_path, one_a_connection([bytes.fromhex(each["frame"]) for each in vectors]))
    assert tshark(path, *WITH_SCRIPT, "-Y", FAULTS) == ""
    rows = seen(path, "_ws.col.Protocol", "nwip.message", "_ws.col.Info", "nwip.other")
    assert rows == [("NWIP", each["type"], each["type"], "") for each in vectors]


def test_the_fields_of_records_can_be_filtered(tmp_path: Path) -> None:
    (vector,) = (each for each in VECTORS["messages"] if each["name"] == "register every kind")
    path = file_of(tmp_path, segments(bytes.fromhex(vector["frame"])))
    ((names, types, networks, node, endpoint, counter),) = seen(
        path,
        *("nwip.service.name", "nwip.service.type", "nwip.route.network"),
        *("nwip.host.node", "nwip.endpoint.address", "nwip.record.counter"),
        arguments=("-Y", 'nwip.service.name == "MUSEUM" && nwip.node.name == "museum"'),
    )
    assert names == "MUSEUM,DRÜCKER"
    assert types == "0x0004,0x0047"
    assert networks == "0x00abcd01"
    assert node == "02:00:5e:00:01:07"
    assert endpoint == "10.0.0.1,2001:db8::1"
    assert counter == "1,2,3,4,5"


def test_the_largest_numbers_are_shown_whole(tmp_path: Path) -> None:
    (vector,) = (each for each in VECTORS["messages"] if each["name"] == "renew at the largest counters")
    path = file_of(tmp_path, segments(bytes.fromhex(vector["frame"])))
    assert seen(path, "nwip.renew.incarnation", "nwip.renew.renewal") == [(f"{2**63 - 1}",) * 2]


def test_what_a_later_version_adds_is_shown_and_is_no_fault(tmp_path: Path) -> None:
    later = [
        "an acknowledge with two elements too many",
        "a message of an unknown type",
        "a hello of version 2",
    ]
    vectors = [*VECTORS["extended"], *(each for each in VECTORS["wrong"] if each["name"] in later)]
    assert len(vectors) == len(later)
    path = file_of(tmp_path, one_a_connection([bytes.fromhex(each["frame"]) for each in vectors]))
    assert tshark(path, *WITH_SCRIPT, "-Y", FAULTS) == ""
    rows = dict(
        zip((each["name"] for each in vectors), seen(path, "nwip.message", "nwip.other"), strict=True)
    )
    assert rows[later[0]] == ("Acknowledge", "a56c61746572,9101")
    assert rows[later[1]] == ("Unknown message 99", "01,02,03")
    assert rows[later[2]][0] == "Hello"


MALFORMED = [
    (bytes(4), "a length of 0 is not 1 to 1048576"),
    (bytes.fromhex("00100001"), "a length of 1048577 is not 1 to 1048576"),
    (frame(b"\xc1"), "C1 is no MessagePack"),
    (frame(b"\x80"), "a message is an array that begins with its tag"),
    (frame(b"\x91\xa0"), "the tag of a message is no number"),
    (frame(b"\x93\x05\x07"), "the message ends too early"),
    (frame(b"\x92\x05\x07"), "Acknowledge has no refused"),
    (frame(b"\x93\x05\x07\x00\x00"), "1 octets behind the message"),
    (frame(b"\x93\x05\xff\x00"), "request is of another type"),
    (frame(b"\x93\x0f\x00\xc4\x01\x00"), "digest has not 8 octets"),
    (frame(b"\x92\x09\xdd\x7f\xff\xff\xff"), "the message ends too early"),
    (frame(b"\x92\x63" + b"\x91" * 40 + b"\x00"), "arrays in arrays, too deep"),
    (frame(b"\x93\x02\xce\x00\x01\x00\x00\xa0"), "reason is too large"),
]


def test_what_is_malformed_is_said_to_be_and_why(tmp_path: Path) -> None:
    path = file_of(tmp_path, one_a_connection([octets for octets, _ in MALFORMED]))
    rows = seen(path, "_ws.expert.message", "nwip.malformed")
    for (said, mark), (_, expected) in zip(rows, MALFORMED, strict=True):
        assert expected in said
        assert mark
    assert tshark(path, *WITH_SCRIPT, "-Y", "_ws.lua.error") == ""


def test_messages_that_are_cut_into_segments_or_share_one_are_found(tmp_path: Path) -> None:
    vectors = VECTORS["messages"]
    stream = b"".join(bytes.fromhex(each["frame"]) for each in vectors)
    for size in (7, 1400):
        path = file_of(tmp_path, segments(stream, size))
        assert tshark(path, *WITH_SCRIPT, "-Y", FAULTS) == ""
        found = [name for row in seen(path, "nwip.message") for name in row[0].split(",") if name]
        assert found == [each["type"] for each in vectors]
    assert seen(path, "_ws.col.Info")[0][0].endswith("more")


def test_a_sealed_stream_is_named_and_is_no_fault(tmp_path: Path) -> None:
    (vector,) = (each for each in VECTORS["streams"]["vectors"] if each["asks"])
    octets = b"".join(bytes.fromhex(turn["octets"]) for turn in vector["turns"])
    plain = bytes.fromhex(VECTORS["messages"][0]["frame"])
    path = file_of(tmp_path, [*segments(octets, size=100), *segments(plain, client=41000)])
    assert tshark(path, *WITH_SCRIPT, "-Y", FAULTS) == ""
    *sealed, last = seen(path, "_ws.col.Protocol", "_ws.col.Info")
    assert set(sealed) == {("NWIP", "Sealed")}
    assert last == ("NWIP", "Hello")


def test_no_octets_make_the_script_fail(tmp_path: Path) -> None:
    chance = random.Random(4)  # noqa: S311 - nothing is kept secret here
    messages = []
    for vector in VECTORS["messages"] * 12:
        octets = bytearray.fromhex(vector["frame"])
        for _ in range(chance.randint(1, 4)):
            octets[chance.randrange(4, len(octets))] = chance.randrange(256)
        messages.append(bytes(octets))
    messages += [frame(chance.randbytes(chance.randint(1, 60))) for _ in range(400)]
    path = file_of(tmp_path, one_a_connection(messages))
    text = tshark(path, *WITH_SCRIPT, "-O", "nwip")
    assert "Lua Error" not in text
    assert 300 < text.count("(Error/Malformed)") < len(messages)


@pytest.mark.parametrize("port", [396, 10396, 43981])
def test_ipx_in_udp_goes_to_wiresharks_own_dissector(port: int, tmp_path: Path) -> None:
    octets = packet(b"\0\x03\0\x04", destination=0x452).encode()
    path = file_of(tmp_path, [in_udp(octets, ("10.0.0.1", 5000), ("10.0.0.2", port))])
    assert seen(path, "ipx.dst.socket", "ipxsap.packet_type", "udp.dstport") == [("0x0452", "3", str(port))]


def test_other_ports_can_be_set(tmp_path: Path) -> None:
    vector = bytes.fromhex(VECTORS["messages"][0]["frame"])
    octets = packet(b"\0\x03\0\x04", destination=0x452).encode()
    udp = in_udp(octets, ("10.0.0.1", 5000), ("10.0.0.2", 20043))
    path = file_of(tmp_path, [*segments(vector, port=20396), udp, *segments(vector, port=2010, client=41000)])
    names = ("nwip.message", "ipxsap.packet_type")
    assert seen(path, *names) == [("", ""), ("", ""), ("Hello", "")]
    options = ("-o", "nwip.tcp_ports:20396", "-o", "nwip.udp_ports:20043")
    assert seen(path, *names, arguments=options) == [("Hello", ""), ("", "3"), ("", "")]


def members_on_the_page(text: str) -> list[str]:
    """Return the names in the first column of a table; a row may hold several."""
    cells = re.findall(r"^\| ([\w, ]+) \|", text, re.MULTILINE)
    return [name for cell in cells if cell not in ("field", "element") for name in cell.split(", ")]


def members_in_the_script(opening: str) -> list[str]:
    """Return the names in a table of the script: those of the braces within its own."""
    script = SCRIPT.read_text()
    start = script.index(opening) + len(opening)
    depth, end = 1, start
    while depth:
        depth += {"{": 1, "}": -1}.get(script[end], 0)
        end += 1
    return re.findall(r'{ "(\w+)"', script[start:end])


def test_the_tables_of_the_script_are_those_of_the_protocols_page() -> None:
    page = (REPOSITORY / "docs" / "protocol.md").read_text()
    sections = re.findall(r"^###? (?:(\d+) )?(\w+)\n(.*?)(?=^##|\Z)", page, re.DOTALL | re.MULTILINE)
    judged = []
    for tag, name, text in sections:
        if tag:
            known = members_in_the_script(f'[{tag}] = {{ "{name}"')
        elif re.search(rf"^    {name} = {{", SCRIPT.read_text(), re.MULTILINE):
            known = members_in_the_script(f"    {name} = {{")
        else:
            continue
        judged.append(name)
        assert known == members_on_the_page(text), name
    records = [
        "Record",
        "Lease",
        "Withdrawal",
        "Service",
        "Route",
        "Host",
        "Node",
        "Dss",
        "Parameters",
        "Filter",
        "Grant",
    ]
    assert judged[-len(records) :] == records
    assert len(judged) == 21 + len(records)


def test_the_command_tells_where_the_script_is_and_prints_it() -> None:
    where = CliRunner().invoke(cli, ["dissector"])
    assert (where.exit_code, Path(where.stdout.strip()).read_bytes()) == (0, SCRIPT.read_bytes())
    printed = CliRunner().invoke(cli, ["dissector", "--print"])
    assert printed.stdout_bytes == SCRIPT.read_bytes()
