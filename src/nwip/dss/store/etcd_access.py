"""How a cluster of etcd is reached: its endpoints, and what they and we show each other."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from nwip.dss.store.etcd_errors import EtcdError, plain

PROBES: Final = 3  # keep-alives of TCP without an answer, a second apart


class Access(Struct, frozen=True):
    """How to reach a cluster: URLs of its members, and what they want to see.

    `user` and `password` are etcd's own; `ca` is the authority that signed the servers' certificates (else
    those that this machine trusts count), `certificate` and `key` are the client's: PEM files all.
    """

    endpoints: tuple[str, ...]
    user: str = ""
    password: str = ""
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __repr__(self) -> str:
        return f"Access({self.endpoints!r}, user={self.user!r})"  # whatever prints it, prints no password

    def tls(self) -> ssl.SSLContext:
        """Return the context of https endpoints. Raises `EtcdError` where a file is not good."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except OSError as error:  # an ssl.SSLError is one
            files = ", ".join(str(file) for file in (self.ca, self.certificate, self.key) if file is not None)
            raise EtcdError(
                f"etcd cannot be used ({files}: {plain(str(error))}); see ca, certificate and key of [etcd]"
            ) from None
        return context


def watchful_sockets(patience: float) -> Callable[[tuple[Any, ...]], socket.socket]:
    """Return a maker of sockets on which the kernel finds out that the other end is gone without a word."""
    options = {"TCP_KEEPIDLE": max(1, round(patience)), "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": PROBES}

    def make(address: tuple[Any, ...]) -> socket.socket:
        family, type_, protocol, *_ = address
        made = socket.socket(family, type_, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in options.items():
            if hasattr(socket, name):  # each system has its own
                made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        return made

    return make
