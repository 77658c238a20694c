"""Two networks of this machine, joined by a link of a given speed, in place of two machines."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["INTERFACE", "enter", "linked_networks"]

INTERFACE = "veth0"
"""Name of the network interface, in either network."""
_CLONE_NEWNET = 0x40000000


@contextmanager
def linked_networks(rate: str, number: int = 0) -> Iterator[tuple[str, str]]:
    """Two network namespaces, 10.0.0.1 and 10.0.0.2, each of which sends at most at a rate.

    Args:
        rate: As `tc` reads it, for example "1gbit", which is 10⁹ bits a second.
        number: Another one for each pair that this process has at the same time.

    Yields:
        The names of the two, for `enter`.

    Raises:
        OSError: It cannot be made here: that takes the root of a Linux, and `ip` and `tc` of
            iproute2.
    """
    pair = f"lmcourse-{os.getpid()}-{number}"  # of this process: another may measure as well
    networks = first, second = f"{pair}-a", f"{pair}-b"
    try:
        _run(f"ip netns add {first}")
        _run(f"ip netns add {second}")
        _run(f"ip -n {first} link add {INTERFACE} type veth peer name {INTERFACE} netns {second}")
        for host, network in enumerate(networks, 1):
            _run(f"ip -n {network} address add 10.0.0.{host}/24 dev {INTERFACE}")
            _run(f"ip -n {network} link set lo up")
            _run(f"ip -n {network} link set {INTERFACE} up")
            # a bucket of tokens: `burst` bytes may go at once, and wait 100 ms at most
            bucket = f"tbf rate {rate} burst 256kb latency 100ms"
            _run(f"tc -n {network} qdisc add dev {INTERFACE} root {bucket}")
        yield networks
    finally:
        for network in networks:
            with suppress(OSError):
                _run(f"ip netns delete {network}")


def enter(network: str) -> None:
    """Move this thread, and the threads it starts later, into a network; gloo finds its interface.

    Args:
        network: A name that `linked_networks` gave.

    Raises:
        OSError: There is no such network, or it may not be entered.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/run/netns", network).open() as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {network}")
    os.environ["GLOO_SOCKET_IFNAME"] = INTERFACE


def _run(command: str) -> None:
    done = subprocess.run(command.split(), capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{command}: {done.stderr.strip()}")
