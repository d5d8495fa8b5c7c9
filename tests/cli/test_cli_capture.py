"""`nwip capture`: how it writes, stops and ends, against a node with canned packets."""

import asyncio
import base64
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.running_node import RunningNode, nwip
from fixtures.captured import NOON, packet
from nwip.capture.pcap import Captured, read_capture
from nwip.cli import recorder
from nwip.cli.main import cli
from nwip.control import Answer, Conversation, begin, hung_up

LINKS = [
    {"name": name, "kind": name, "network": "4E574950", "how": "joined"} for name in ("virtual", "dosbox")
]


def line(number: int, link: str = "dosbox") -> bytes:
    content = packet(bytes([number])).encode()
    seen = {
        "link": link,
        "out": bool(number % 2),
        "time": NOON + number,
        "node": "7E010A000001",
        "hop": "0251F04DDD35",
        "packet": base64.b64encode(content).decode(),
    }
    return json.dumps(seen).encode() + b"\n"


class Canned:
    """A capture of some packets; then waits for the asker, or hangs up. With `ends` False, for ever."""

    def __init__(
        self,
        packets: int = 3,
        *,
        dropped: int = 0,
        hangs_up: bool = False,
        ends: bool = True,
        nonsense: bytes = b"",
    ) -> None:
        self._ends = ends
        self.asked: Mapping[str, object] = {}
        self.sent = threading.Event()
        self._packets, self._dropped, self._hangs_up, self._nonsense = packets, dropped, hangs_up, nonsense

    async def hold(
        self, request: Mapping[str, object], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.asked = request
        if request.get("link") == "none":
            raise Answer(2, "this node has no link 'none'; it has virtual, dosbox")
        begin(writer, links=LINKS)
        writer.write(b"".join(line(number) for number in range(self._packets)) + self._nonsense)
        await writer.drain()
        self.sent.set()
        if self._hangs_up:
            return
        await hung_up(reader)
        if not self._ends:
            await asyncio.get_running_loop().create_future()
        last = {"packets": self._packets, "dropped": {"dosbox": self._dropped} if self._dropped else {}}
        writer.write(json.dumps(last).encode() + b"\n")


def captured(path: Path) -> list[Captured]:
    with path.open("rb") as stream:
        return list(read_capture(stream))


def running(tmp_path: Path, canned: Canned) -> RunningNode:
    return RunningNode(tmp_path / "control.sock", {"capture": Conversation(canned.hold)})


def test_a_count_ends_it_with_just_so_many_packets(tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    with running(tmp_path, Canned(5)) as museum:
        result = museum.nwip("capture", str(out), "--count", "2")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "2 packets captured\n")
    assert [(seen.interface, seen.comment, seen.timestamp) for seen in captured(out)] == [
        ("dosbox", "in dosbox from 0251F04DDD35", NOON),
        ("dosbox", "out dosbox to 0251F04DDD35", NOON + 1),
    ]


def test_seconds_end_it_and_json_is_the_summary(tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    canned = Canned(3, dropped=4)
    with running(tmp_path, canned) as museum:
        result = museum.nwip("capture", str(out), "--seconds", "0.3", "--link", "dosbox", "--json")
    assert result.exit_code == 0
    assert canned.asked == {"ask": "capture", "link": "dosbox"}
    summary = json.loads(result.stdout)
    assert summary.pop("seconds") >= 0.3
    assert summary == {
        "schema": 1,
        "file": str(out),
        "packets": 3,
        "octets": 93,
        "dropped": 4,
        "links": [{"name": "dosbox", "in": 2, "out": 1, "dropped": 4}],
    }
    assert len(captured(out)) == 3


def test_what_was_dropped_is_told(tmp_path: Path) -> None:
    with running(tmp_path, Canned(2, dropped=7)) as museum:
        result = museum.nwip("capture", str(tmp_path / "out"), "--count", "2")
    assert (
        result.stderr == "2 packets captured; 7 more were dropped, they came faster than they were written\n"
    )


def test_standard_output_gets_the_capture_and_nothing_else(tmp_path: Path) -> None:
    with running(tmp_path, Canned(2)) as museum:
        result = museum.nwip("capture", "-", "--count", "2", "--json")
    assert len(list(read_capture(io.BytesIO(result.stdout_bytes)))) == 2
    assert json.loads(result.stderr)["packets"] == 2


def test_a_refusal_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "precious"
    out.write_text("text")
    with running(tmp_path, Canned()) as museum:
        result = museum.nwip("capture", str(out), "--link", "none")
    assert (result.exit_code, result.stderr) == (
        2,
        "nwip: this node has no link 'none'; it has virtual, dosbox\n",
    )
    assert out.read_text() == "text"


def test_a_node_that_goes_leaves_a_whole_file_and_exit_code_3(tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    with running(tmp_path, Canned(3, hangs_up=True)) as museum:
        result = museum.nwip("capture", str(out))
    assert result.exit_code == 3
    assert result.stderr.splitlines() == [
        "3 packets captured",
        "nwip: the node has ended the capture: it has stopped, or does not answer",
    ]
    assert len(captured(out)) == 3


def test_a_node_that_does_not_come_to_an_end_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "PATIENCE", 0.2)
    out = tmp_path / "out.pcapng"
    with running(tmp_path, Canned(3, ends=False)) as museum:
        result = museum.nwip("capture", str(out), "--count", "2")
    assert result.exit_code == 3
    assert result.stderr.startswith("2 packets captured\n")
    assert len(captured(out)) == 2


@pytest.mark.parametrize(
    "nonsense", [b"rubbish\n", b'{"packet": 7}\n', b"\xff\n", line(0).replace(b"7E", b"zz")]
)
def test_an_answer_that_makes_no_sense_is_said_to_make_none(tmp_path: Path, nonsense: bytes) -> None:
    with running(tmp_path, Canned(1, nonsense=nonsense)) as museum:
        result = museum.nwip("capture", str(tmp_path / "out"))
    assert result.exit_code == 3
    assert "makes no sense" in result.stderr


def test_without_a_node_it_says_where_it_looked(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = nwip("capture", str(out), "--control", str(tmp_path / "absent"))
    assert result.exit_code == 3
    assert "no nwip node is running here" in result.stderr
    assert not out.exists()


def test_a_file_that_cannot_be_made_is_usage(tmp_path: Path) -> None:
    with running(tmp_path, Canned()) as museum:
        result = museum.nwip("capture", str(tmp_path / "absent" / "out"))
    assert result.exit_code == 2
    assert "No such file" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_the_usual_end_and_the_file_is_whole(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "out.pcapng"
    canned = Canned(3)
    command = [sys.executable, "-m", "nwip", "capture", str(out), "--control", str(tmp_path / "control.sock")]
    with running(tmp_path, canned), subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            assert canned.sent.wait(30)
            os.kill(process.pid, number)
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, said) == (0, b"3 packets captured\n")
    assert len(captured(out)) == 3


@pytest.mark.real("tshark")
def test_a_pipe_into_tshark_shows_the_packets_live(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nwip", "capture", "-", "--control", str(tmp_path / "control.sock")]
    with (
        running(tmp_path, Canned(3)),
        subprocess.Popen([*command, "--count", "3"], stdout=subprocess.PIPE) as capturing,
    ):
        shown = subprocess.run(
            ["tshark", "-n", "-l", "-i", "-", "-T", "fields", "-e", "ipx.src", "-e", "frame.comment"],
            stdin=capturing.stdout,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert capturing.wait(30) == 0
    assert shown.stdout.splitlines() == [
        f"0000ab12.00001b2c3d4e\t{way} 0251F04DDD35"
        for way in ("in dosbox from", "out dosbox to", "in dosbox from")
    ]


def test_a_pipe_into_decode_is_decoded(tmp_path: Path) -> None:
    with running(tmp_path, Canned(2)) as museum:
        result = museum.nwip("capture", "-", "--count", "2")
    decoded = CliRunner().invoke(cli, ["decode", "-", "--filter", "out"], input=result.stdout_bytes)
    assert "out dosbox   0000AB12.00001B2C3D4E.4000" in decoded.stdout
    assert len(decoded.stdout.splitlines()) == 1
