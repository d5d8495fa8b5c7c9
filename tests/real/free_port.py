"""A port for a program that cannot be told to choose one itself."""

import socket


def free_udp_port() -> int:
    """Return a UDP port of the loopback interface that nobody has just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
