"""The guide to a domain in etcd, typed from top to bottom on three machines: namespaces on one switch."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from guide_pages import Block, Command, blocks
from real.guide_machines import PATIENCE, Machine
from real.namespaces import ip

PAGE: Final = "large-domain.md"
NAMES: Final = ("dss1", "dss2", "dss3")
COPIED: Final = ("ca.crt", "etcd.crt", "etcd.key", "etcd-password")  # as the page says, to the other two
EVERYWHERE: Final = "each DSS"
SAYS: Final = {
    ("dss1", "nwip dss status"): ["primary: it owns", "etcd at https://192.0.2."],
    ("dss3", "nwip dss status"): ["secondary", "shared with 2 other DSSs"],
    ("dss3", "nwip --config nwip.toml doctor"): ["https://192.0.2.2:2379 answers and can write, version 3."],
    ("dss1", "etcdctl endpoint health --cluster"): ["https://192.0.2.3:2379 is healthy"],
}


class Host(Machine):
    """A machine that may run an etcd; the page's folders are in its own."""

    def __init__(self, namespace: str, folder: Path) -> None:
        super().__init__(namespace, folder)
        self._exported: dict[str, str] = {}
        self._etcd: subprocess.Popen[bytes] | None = None

    def __exit__(self, *reason: object) -> None:
        try:
            super().__exit__(*reason)
        finally:
            if self._etcd is not None:
                self._etcd.kill()
                self._etcd.wait()

    def local(self, text: str) -> str:
        return super().local(text).replace("/etc/nwip/", f"{self.folder}/").replace("/var/lib/", "")

    def export(self, words: list[str]) -> None:
        self._exported |= dict(word.split("=", 1) for word in words)

    def start_etcd(self, line: str) -> None:
        with (self.folder / "etcd.log").open("ab") as log:
            self._etcd = subprocess.Popen(
                self._inside(f"exec {self.local(line)} --logger zap --log-level error"),
                cwd=self.folder,
                env=self._environment(),
                stdout=log,
                stderr=log,
            )

    def _environment(self) -> Mapping[str, str]:
        return {**super()._environment(), **self._exported}


@contextlib.contextmanager
def three_hosts(folder: Path) -> Iterator[dict[str, Host]]:
    """Give three machines, 192.0.2.1 to 192.0.2.3, on one switch."""
    switch = f"nwip-{os.getpid()}-sw"
    spaces = {name: f"nwip-{os.getpid()}-{name}" for name in NAMES}
    with contextlib.ExitStack() as stack:
        for space in (switch, *spaces.values()):
            ip("netns", "add", space)
            stack.callback(ip, "netns", "delete", space)
        ip("-n", switch, "link", "add", "name", "switch", "type", "bridge")
        ip("-n", switch, "link", "set", "switch", "up")
        for number, (name, space) in enumerate(spaces.items(), 1):
            ip(*f"-n {space} link add eth0 type veth peer name {name} netns {switch}".split())
            ip("-n", switch, "link", "set", name, "master", "switch", "up")
            ip(*f"-n {space} address add 192.0.2.{number}/24 brd + dev eth0".split())
            for interface in ("lo", "eth0"):
                ip("-n", space, "link", "set", interface, "up")
        yield {name: stack.enter_context(Host(space, folder / name)) for name, space in spaces.items()}


def save(block: Block, hosts: Mapping[str, Host]) -> None:
    for name in NAMES if block.machine == EVERYWHERE else (block.machine,):
        (hosts[name].folder / block.file_name).write_text(hosts[name].local(block.text), "utf-8")


def typed(command: Command, host: Host) -> None:
    words = command.parts[0]
    if words[0] == "export":
        host.export(words[1:])
    elif words[0] == "etcd":
        host.start_etcd(command.line)
    elif words[0] == "nwip" and words[-1] == "up":
        host.start(words)
        host.wait_for_node()
    else:
        until_it_does(command, host)


def until_it_does(command: Command, host: Host) -> None:
    end = time.monotonic() + PATIENCE
    wanted = SAYS.get((command.machine, command.line), [])
    while True:
        outcome = host.run(command.line)
        lacking = [text for text in wanted if text not in outcome.output]
        if not outcome.code and not lacking:
            return
        assert time.monotonic() < end, (
            f"{command.machine}$ {command.line}\nexit code {outcome.code}, lacks {lacking} in\n"
            f"{outcome.output}\n{host.log if host.node else ''}"
        )
        time.sleep(0.3)


def until_moved(hosts: Mapping[str, Host]) -> None:
    """Wait until the DSS at the cluster is the primary of what the old one had."""
    wanted = {
        "dss1": ("lab.example.org", "secondary", "sqlite"),
        "dss2": ("lab.example.org", "primary", "etcd"),
    }
    end = time.monotonic() + PATIENCE
    while True:
        rows = {
            name: json.loads(hosts[name].run("nwip dss status --json").output)["status"][0] for name in wanted
        }
        found = {name: (row["domain"], row["role"], row["store"]["kind"]) for name, row in rows.items()}
        if found == wanted and all(row["records"]["node"] == 2 for row in rows.values()):
            return
        assert time.monotonic() < end, rows
        time.sleep(0.3)


@pytest.mark.timeout(300)
@pytest.mark.real("root", "netns", "etcd", "openssl")
def test_what_the_guide_tells_to_type_makes_a_cluster_and_moves_a_domain() -> None:
    with tempfile.TemporaryDirectory(prefix="nwip-large-") as folder, three_hosts(Path(folder)) as hosts:
        for block in blocks(PAGE):
            if block.untried:
                continue
            if block.kind == "toml":
                save(block, hosts)
            for command in block.commands if block.kind == "console" else ():
                typed(command, hosts[command.machine])
                if command.line.startswith("chmod"):
                    for name, file in ((name, file) for name in NAMES[1:] for file in COPIED):
                        shutil.copy(hosts[NAMES[0]].folder / file, hosts[name].folder)
        assert (hosts["dss1"].folder / "backup.db").stat().st_size
        until_moved(hosts)
