"""Ports of the loopback interface."""

import socket


def free_port() -> int:
    """A port that nobody listens to."""
    with socket.create_server(("localhost", 0)) as server:
        return int(server.getsockname()[1])
