"""`nwip decode`: what it prints, and how it ends."""

import gzip
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from fixtures import netware_server as museum
from fixtures.captured import capture_file, framed, in_udp, packet
from nwip.capture.pcapng import LinkType
from nwip.cli.main import cli

PACKETS = [
    museum.RIP_BROADCAST,
    in_udp(packet(b"NWIP").encode()),
    framed(packet(b"\0\x07", destination=0x0453)),
    bytes(12) + b"\x08\x06" + bytes(28),
]


def decode(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(
        cli, ("decode", *arguments), input=stdin, prog_name="nwip", catch_exceptions=False
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lan.pcapng"
    path.write_bytes(capture_file(PACKETS))
    return path


def test_each_packet_is_one_line_whatever_it_is(file: Path) -> None:
    result = decode(str(file))
    assert result.exit_code == 0
    assert result.stderr == ""
    rip, game, broken, other = result.stdout.splitlines()
    assert "response 2E5A0001 hops 1 ticks 2 [Ethernet_802.2]" in rip
    assert "type 0, 34 octets [NetWare/IP]" in game
    assert "MALFORMED: 7 is not a RIP operation" in broken
    assert other.endswith("other       [ARP]")
    assert [line.split()[:2] for line in (rip, other)] == [["1", "0.000000"], ["4", "3.000000"]]


def test_with_json_each_packet_is_one_object(file: Path) -> None:
    rows = [json.loads(line) for line in decode(str(file), "--json").stdout.splitlines()]
    assert [row["number"] for row in rows] == [1, 2, 3, 4]
    assert [row["protocol"] for row in rows] == ["rip", "ipx", "rip", "other"]
    assert {row["link"] for row in rows} == {"lan"}
    assert ["error" in row for row in rows] == [False, False, True, False]


def test_gzipped_files_and_pipes_are_read_too(file: Path) -> None:
    expected = decode(str(file)).stdout
    zipped = file.with_suffix(".gz")
    zipped.write_bytes(gzip.compress(file.read_bytes()))
    assert decode(str(zipped)).stdout == expected
    assert decode("-", stdin=zipped.read_bytes()).stdout == expected
    assert decode("-", stdin=file.read_bytes()).stdout == expected


def test_filters_choose_and_all_of_them_must_fit(file: Path) -> None:
    assert len(decode(str(file), "--filter", "rip,ipx").stdout.splitlines()) == 3
    result = decode(str(file), "--filter", "rip", "--filter", "!error", "--json")
    assert [json.loads(line)["number"] for line in result.stdout.splitlines()] == [1]


def test_a_filter_that_is_none_is_usage(file: Path) -> None:
    result = decode(str(file), "--filter", "zorro")
    assert result.exit_code == 2
    assert "'zorro' is no filter" in result.stderr


def test_the_count_is_by_protocol(file: Path) -> None:
    assert decode(str(file), "--count").stdout.splitlines() == [
        "PROTOCOL  PACKETS",
        "rip             2",
        "ipx             1",
        "other           1",
    ]
    assert json.loads(decode(str(file), "--count", "--filter", "!other", "--json").stdout) == {
        "schema": 1,
        "packets": 3,
        "protocols": [{"protocol": "rip", "packets": 2}, {"protocol": "ipx", "packets": 1}],
    }


def test_ports_name_what_else_holds_ipx_and_may_take_a_usual_one(file: Path) -> None:
    octets = packet(b"NWIP").encode()
    path = file.with_name("ports.pcapng")
    path.write_bytes(
        capture_file([in_udp(octets, ("10.0.0.1", 5000), ("10.0.0.2", port)) for port in (7, 213)])
    )

    def frames(*arguments: str) -> list[str]:
        return [
            json.loads(line)["frame"] for line in decode(str(path), "--json", *arguments).stdout.splitlines()
        ]

    assert frames() == ["UDP", "DOSBox"]
    assert frames("--dosbox-port", "7") == ["DOSBox", "DOSBox"]
    assert frames("--data-port", "7", "--data-port", "213") == ["NetWare/IP", "NetWare/IP"]
    assert decode(str(path), "--data-port", "70000").exit_code == 2


def test_nothing_to_show_is_the_answer_no(file: Path) -> None:
    for arguments in (("--filter", "doom"), ("--filter", "doom", "--count")):
        result = decode(str(file), *arguments)
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", "nwip: no packets found\n")


def test_of_a_file_that_is_cut_short_the_packets_before_are_shown(file: Path) -> None:
    path = file.with_name("cut.pcapng")
    path.write_bytes(file.read_bytes()[:-30])
    result = decode(str(path))
    assert result.exit_code == 2
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr == f"nwip: {path} ends badly after packet 3: the file ends 26 octets too early\n"


@pytest.mark.parametrize("octets", [b"", b"GIF89a", b"\x1f\x8b", gzip.compress(b"text")])
def test_what_is_no_capture_is_said_in_one_sentence(octets: bytes) -> None:
    result = decode("-", stdin=octets)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("nwip: standard input is no capture: ")
    assert result.stderr.count("\n") == 1


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", capture_file(PACKETS)[:-9], capture_file([])]),
    st.booleans(),
)
def test_any_octets_are_read_or_refused_in_one_sentence(anything: bytes, start: bytes, as_json: bool) -> None:
    result = decode("-", *(["--json"] if as_json else []), stdin=start + anything)
    assert result.exit_code in (0, 1, 2)
    assert result.stderr.count("\n") == (result.exit_code != 0)


def test_an_absent_file_is_usage(tmp_path: Path) -> None:
    result = decode(str(tmp_path / "absent"))
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_what_a_capture_says_cannot_command_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "evil.pcapng"
    path.write_bytes(capture_file([museum.RIP_BROADCAST], name="\x1b]0;evil\x07", comment="\x1b[2J"))
    for arguments in ((), ("--json",)):
        assert "\x1b" not in decode(str(path), *arguments).stdout


@pytest.mark.real("pty")
def test_on_a_terminal_a_large_file_shows_its_progress(tmp_path: Path) -> None:
    path = tmp_path / "large.pcapng"
    path.write_bytes(capture_file([bytes(12) + b"\x12\x34" + bytes(60_000)] * 100))
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "nwip", "decode", str(path), "--count"], stdout=subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:
            pass  # the other side has been closed
        os.close(ours)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"decoding" in shown
    assert output.split() == [b"PROTOCOL", b"PACKETS", b"other", b"100"]


def test_link_types_of_cooked_captures_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "any.pcapng"
    octets = bytes(14) + b"\x81\x37" + packet(b"NWIP").encode()
    path.write_bytes(capture_file([octets], LinkType.LINUX_SLL, name="any"))
    assert "[Ethernet_II]" in decode(str(path)).stdout
