"""Looks around on this machine: thin I/O, one function for each kind of facts. Nothing is changed."""

import contextlib
import ctypes
import errno
import getpass
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from nwip.binding import expanded
from nwip.config import Config
from nwip.control import NodeRefused, NodeUnreachable, ask
from nwip.dataplane.buffers import RECEIVE_BUFFER, enlarge, granted
from nwip.doctor.facts import Buffers, Clock, Ephemeral, Listening, Privileges, Row
from nwip.prebinding import wanted_ports

PATIENCE: Final = 5.0  # seconds for a program or the node to answer
FILES: Final = 1000  # of the state directory whose times are looked at
CLOCK_ERROR: Final = 5  # TIME_ERROR of adjtimex(2): nothing keeps the clock
TIMEX: Final = 512  # octets, more than struct timex has

PROC: Final = Path("/proc")
_IPV4: Final = PROC / "sys/net/ipv4"


def node_answers(control: Path, question: str) -> list[Row] | None:
    """Return the rows that the node behind a control socket answers with, None where it does not."""
    try:
        answer = ask(control, {"ask": question}, PATIENCE)
    except (NodeUnreachable, NodeRefused):
        return None
    return answer if isinstance(answer, list) else None


def runs(control: Path) -> bool:
    """Say whether a node answers behind a control socket, be it that it has not joined yet."""
    try:
        ask(control, {"ask": "links"}, PATIENCE)
    except NodeRefused:
        return True
    except NodeUnreachable:
        return False
    return True


def clock(state: Path) -> Clock:
    """Look at the time of day, and at the node's files for when it was later."""
    newest = 0.0
    with contextlib.suppress(OSError), os.scandir(state) as entries:
        for _, entry in zip(range(FILES), entries, strict=False):
            with contextlib.suppress(OSError):
                newest = max(newest, entry.stat(follow_symlinks=False).st_mtime)
    return Clock(time.time(), newest, _is_synchronised())


def _is_synchronised() -> bool | None:
    if sys.platform != "linux":
        return None
    told: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX))
    return None if told < 0 else told != CLOCK_ERROR


def privileges() -> Privileges:
    """Look at who this process is, and what it may do."""
    status = _text(PROC / "self/status")
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    mask = int(effective[1], 16) if effective else (-1 if os.geteuid() == 0 else 0)
    held = frozenset(number for number in range(64) if mask >> number & 1)
    return Privileges(_user(), held, _number(_IPV4 / "ip_unprivileged_port_start", 1024))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user of whom the machine knows no name
        return f"user {os.geteuid()}"


def ports(config: Config, data_port: int) -> list[Listening]:
    """Try each place where the node listens, by binding and letting go at once."""
    found = [
        Listening(
            "TCP" if wanted.kind == socket.SOCK_STREAM else "UDP",
            wanted.port,
            address,
            _key(wanted.name, wanted.place.table),
            wanted.place.port is None,
            _bind_error(wanted.kind, address, wanted.port),
        )
        for wanted in wanted_ports(config)
        if wanted.name != "peers" or config.dss.peers  # else nobody comes there, and a node does without it
        for address in wanted.place.listen
    ]
    address = config.node.address or "0.0.0.0"
    error = _bind_error(socket.SOCK_DGRAM, address, data_port)
    return [*found, Listening("UDP", data_port, address, "node.port", False, error)]


def _key(name: str, table: str) -> str:
    return "dss.peer-port" if name == "peers" else f"{table}.port"


def _bind_error(kind: socket.SocketKind, address: str, port: int) -> int:
    """Return the errno of binding there; a wildcard of UDP at each address, as the node does."""
    for each in expanded([address]) if kind == socket.SOCK_DGRAM else [address]:
        family = socket.AF_INET6 if ":" in each else socket.AF_INET
        with socket.socket(family, kind) as sock:
            if kind == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((each, port))
            except OSError as error:
                return error.errno or errno.EINVAL
    return 0


def ephemeral() -> Ephemeral:
    """Look at the ports that the kernel gives away; none of them where it does not say."""
    low, _, high = _text(_IPV4 / "ip_local_port_range").strip().partition("\t")
    if not low.isdecimal() or not high.isdecimal():
        return Ephemeral(0, 0, "")
    return Ephemeral(int(low), int(high), _text(_IPV4 / "ip_local_reserved_ports").strip())


def buffers() -> Buffers:
    """Try how large a receive buffer a socket is given."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        enlarge(sock)
        return Buffers(granted(sock), RECEIVE_BUFFER)


def rules() -> tuple[str, str]:
    """Return the rules of nftables as nft writes them in JSON, and why there are none."""
    program = shutil.which("nft", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        return "", "this machine has no nft"
    if os.geteuid() != 0:
        return "", "only root may"
    return _output([program, "-j", "list", "ruleset"])


def unit() -> dict[str, str]:
    """Return what systemd tells of nwip.service; nothing where it does not run the machine."""
    program = shutil.which("systemctl")
    if program is None or not Path("/run/systemd/system").is_dir():
        return {}
    asked = "LoadState,ActiveState,SubState,UnitFileState,NRestarts,Result"
    text, _ = _output([program, "show", "nwip.service", f"--property={asked}"])
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _output(command: list[str]) -> tuple[str, str]:
    """Return what a program writes, and why it has written nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except subprocess.CalledProcessError as error:
        return "", (error.stderr.strip().splitlines() or [f"{command[0]} has failed"])[0]
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    return done.stdout, ""


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""


def _number(path: Path, usual: int) -> int:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else usual
