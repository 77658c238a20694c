"""What a child process begins with: no network but the loopback, and no package if so wished."""

import os
import socket
import sys
from typing import Any

_LOOPBACK = ("127.0.0.1", "localhost", "::1", None, "")
_connect, _getaddrinfo = socket.socket.connect, socket.getaddrinfo


def _local_connect(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in _LOOPBACK:
        raise OSError(f"a test tried to reach {address}")
    return _connect(self, address)


def _local_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    if host not in _LOOPBACK:
        raise socket.gaierror(f"a test tried to look up {host}")
    return _getaddrinfo(host, *args, **kwargs)


class _Absent:
    """Refuses to find hf_lmcourse, as where it is not installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] == "hf_lmcourse":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


socket.socket.connect = _local_connect  # type: ignore[assignment,method-assign]
socket.getaddrinfo = _local_getaddrinfo
if os.environ.get("TEST_WITHOUT_PACKAGE"):
    sys.meta_path.insert(0, _Absent())  # type: ignore[arg-type]
