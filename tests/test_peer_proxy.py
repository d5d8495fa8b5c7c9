"""The proxies between the members of a cluster: closed, they leave nothing behind."""

import gc
import socket
import sys

import pytest

from etcd_cluster import free_ports
from peer_proxy import PeerProxy


def test_a_connection_that_comes_while_the_proxy_closes_is_closed_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: left.append(unraisable.exc_value))
    with socket.create_server(("127.0.0.1", 0)) as member:
        for _ in range(20):
            (port,) = free_ports(1)
            proxy = PeerProxy([port], [member.getsockname()[1]], lambda _: 0)
            proxy.open()
            guests = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
            proxy.close()
            del proxy
            for guest in guests:
                guest.close()
    gc.collect()
    assert left == []
