"""Real etcd processes on the loopback interface, which a test may kill, stop, and cut from each other."""

import asyncio
import contextlib
import json
import shutil
import signal
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from peer_proxy import PeerProxy

READY_LIMIT = 30.0  # seconds until every member that runs is ready
LOOK_EVERY = 0.05


class EtcdCluster:
    """`count` members, numbered from 0, with their data in `folder`.

    `options` are further ones for every etcd. With `peer_proxy` the members speak to each other through
    proxies, so that one can be cut off while its clients still reach it. With `tls` clients need TLS and a
    certificate: ca.pem, client.pem and client.key are made in `folder`.
    """

    def __init__(
        self,
        folder: Path,
        count: int = 3,
        *,
        peer_proxy: bool = False,
        tls: bool = False,
        options: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._options = tuple(options)
        self._tls = tls
        ports = free_ports(3 * count)
        scheme = "https" if tls else "http"
        self.endpoints = tuple(f"{scheme}://127.0.0.1:{port}" for port in ports[:count])
        self._listen = [f"http://127.0.0.1:{port}" for port in ports[count : 2 * count]]
        self._advertise = self._listen
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * count
        self._proxy: PeerProxy | None = None
        if peer_proxy:
            self._advertise = [f"http://127.0.0.1:{port}" for port in ports[2 * count :]]
            self._proxy = PeerProxy(ports[2 * count :], ports[count : 2 * count], self._member_at)

    async def __aenter__(self) -> Self:
        """Start every member and wait until the cluster works."""
        if self._tls:
            certificates(self._folder)
        if self._proxy is not None:
            self._proxy.open()
        try:
            for member in range(len(self.endpoints)):
                self.start(member)
            await self.ready()
        except BaseException:
            self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill every member."""
        self._end()

    def start(self, member: int) -> None:
        """Start a member, new or again with the data that it had; `ready` waits for it."""
        name = f"n{member}"
        cluster = ",".join(f"n{number}={url}" for number, url in enumerate(self._advertise))
        command = [
            *("etcd", "--name", name, "--data-dir", str(self._folder / name)),
            *("--listen-client-urls", self.endpoints[member]),
            *("--advertise-client-urls", self.endpoints[member]),
            *("--listen-peer-urls", self._listen[member]),
            *("--initial-advertise-peer-urls", self._advertise[member]),
            *("--initial-cluster", cluster, "--initial-cluster-state", "new"),
            *("--pre-vote", "--logger", "zap", "--log-level", "error"),
            *self._options,
        ]
        if self._tls:
            command += ["--cert-file", str(self._folder / "server.pem")]
            command += ["--key-file", str(self._folder / "server.key")]
            command += ["--client-cert-auth", "--trusted-ca-file", str(self._folder / "ca.pem")]
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[member] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, member: int) -> None:
        """Kill a member without warning, and wait until it is gone."""
        process = self._process(member)
        process.kill()
        process.wait()
        self._processes[member] = None

    def stop(self, member: int) -> None:
        """Hold a member: its sockets stay open and it says nothing."""
        self._process(member).send_signal(signal.SIGSTOP)

    def resume(self, member: int) -> None:
        """Let a held member go on."""
        self._process(member).send_signal(signal.SIGCONT)

    def cut(self, member: int) -> None:
        """Cut a member from the others; what it sends and is sent waits. Its clients still reach it."""
        assert self._proxy is not None, "make the cluster with peer_proxy=True"
        self._proxy.cut(member)

    def mend(self, member: int) -> None:
        """Undo `cut`."""
        assert self._proxy is not None, "make the cluster with peer_proxy=True"
        self._proxy.mend(member)

    async def ready(self) -> None:
        """Wait until every member that runs answers with a majority behind it."""
        async with asyncio.timeout(READY_LIMIT):
            for member, process in enumerate(self._processes):
                while process is not None and not await asyncio.to_thread(self._healthy, member):
                    assert process.poll() is None, (self._folder / f"n{member}.log").read_text()
                    await asyncio.sleep(LOOK_EVERY)

    async def leader(self) -> int:
        """Return the member that leads, as soon as there is one."""
        async with asyncio.timeout(READY_LIMIT):
            while True:
                states = await asyncio.gather(*map(self._state, self._running()))
                leaders = [
                    (int(state["raftTerm"]), member)
                    for member, state in states
                    if state and state.get("leader") == state["header"]["member_id"]
                ]
                if leaders:
                    return max(leaders)[1]
                await asyncio.sleep(LOOK_EVERY)

    async def compact(self, revision: int) -> None:
        """Compact the history up to a revision."""
        await self.ctl("compaction", str(revision), "--physical")

    async def restore(self, member: int, backup: Path) -> None:
        """Start a member that was killed with the data of a backup (`ctl("snapshot", "save", ...)`)."""
        name = f"n{member}"
        shutil.rmtree(self._folder / name)
        await self.ctl(
            *("snapshot", "restore", str(backup), "--name", name, "--data-dir", str(self._folder / name)),
            *("--initial-cluster", f"{name}={self._advertise[member]}"),
            *("--initial-advertise-peer-urls", self._advertise[member]),
        )
        self.start(member)

    async def ctl(self, *arguments: str, user: str = "") -> str:
        """Run etcdctl over the members that run; `user` is NAME:PASSWORD. Returns what it printed."""
        endpoints = ",".join(self.endpoints[member] for member in self._running())
        command = ["etcdctl", *(["--endpoints", endpoints] if endpoints else []), *arguments]
        if user:
            command += ["--user", user]
        if self._tls:
            for option, file in (("cacert", "ca.pem"), ("cert", "client.pem"), ("key", "client.key")):
                command += [f"--{option}", str(self._folder / file)]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
        return output.decode()

    async def _state(self, member: int) -> tuple[int, dict[str, Any]]:
        return member, await asyncio.to_thread(self._ask, member, "v3/maintenance/status", b"{}")

    def _healthy(self, member: int) -> bool:
        return self._ask(member, "health").get("health") == "true"

    def _ask(self, member: int, path: str, body: bytes | None = None) -> dict[str, Any]:
        context = None
        if self._tls:
            context = ssl.create_default_context(cafile=self._folder / "ca.pem")
            context.load_cert_chain(self._folder / "client.pem", self._folder / "client.key")
        request = urllib.request.Request(f"{self.endpoints[member]}/{path}", data=body)  # noqa: S310 - ours
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(  # noqa: S310 - ours
                request, timeout=2, context=context
            ) as answer,
        ):
            state: dict[str, Any] = json.load(answer)
            return state
        return {}

    def _process(self, member: int) -> subprocess.Popen[bytes]:
        process = self._processes[member]
        assert process is not None, f"member {member} does not run"
        return process

    def _running(self) -> list[int]:
        return [member for member, process in enumerate(self._processes) if process is not None]

    def _member_at(self, port: int) -> int | None:
        """Return the member that has a connection from this port of its own."""
        local = f":{port:04X}"
        lines = (line for line in Path("/proc/net/tcp").read_text().splitlines() if local in line)
        inodes = {f"socket:[{fields[9]}]" for fields in map(str.split, lines) if fields[1].endswith(local)}
        for member in self._running():
            for descriptor in Path(f"/proc/{self._process(member).pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(descriptor.readlink()) in inodes:
                        return member
        return None

    def _end(self) -> None:
        for member in self._running():
            self.kill(member)
        if self._proxy is not None:
            self._proxy.close()


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody has just now."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def certificates(folder: Path) -> None:
    """Make an authority (ca.pem), a server's certificate for 127.0.0.1 and a client's, by openssl."""
    openssl(
        folder,
        "req",
        "-x509",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=ca",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    )
    for name, usage in (("server", "serverAuth"), ("client", "clientAuth")):
        openssl(
            folder, "req", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr"
        )
        more = folder / f"{name}.ext"
        more.write_text(f"subjectAltName=IP:127.0.0.1\nextendedKeyUsage={usage},clientAuth\n")
        openssl(
            folder,
            *(
                "x509",
                "-req",
                "-days",
                "2",
                "-in",
                f"{name}.csr",
                "-out",
                f"{name}.pem",
                "-extfile",
                more.name,
            ),
            *("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        )


def openssl(folder: Path, *arguments: str) -> None:
    """Run openssl in a folder."""
    if "-nodes" in arguments:
        arguments += ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, timeout=30, check=True)
