"""Fresh processes with fresh caches: what is loaded there came through the server."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .repositories import Account
from .server import HubServer

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
CHILD = HERE / "child"

WRITE, READ, OTHER = "hf_write" + 24 * "w", "hf_read" + 24 * "r", "hf_other" + 24 * "o"
"""Tokens: ada's, with which she may write or only read; bob's."""


@dataclass(frozen=True)
class Child:
    """What a process left."""

    status: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """The JSON that it printed last, on a line of its own."""
        assert self.status == 0, self.err
        return json.loads(self.out.splitlines()[-1])


def environment(endpoint: str, home: Path, token: str | None = None, **changes: str) -> dict:
    """The variables of a child: as ours, but for everything about the Hub."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HF_", "TRANSFORMERS_", "LMCOURSE_", "HUGGING"))
    }
    kept |= {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",  # the server keeps large files by LFS
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_UPDATE_DOWNLOAD_COUNTS": "0",
        "NO_PROXY": "127.0.0.1",
        "OMP_NUM_THREADS": "1",  # bit for bit needs one order of additions
        "PYTHONPATH": os.pathsep.join([str(CHILD), str(REPOSITORY)]),
        "LMCOURSE_CACHE": str(home / "tokens"),
        "LMCOURSE_KERNELS": "0",  # code of a repository is Python alone, and has no kernel
    }
    if token is not None:
        kept["HF_TOKEN"] = token
    return kept | changes


@contextmanager
def loopback_hub() -> Iterator[HubServer]:
    """A Hub where ada, who is also in the organization course, and bob have accounts."""
    server = HubServer()
    server.hub.accounts = {
        WRITE: Account("ada", organizations=("course", "Salesforce", "karpathy")),
        READ: Account("ada", role="read"),
        OTHER: Account("bob"),
    }
    try:
        yield server
    finally:
        server.close()


def python(*words: object, env: dict[str, str], cwd: Path | None = None, stdin: str = "") -> Child:
    """`python` with these words, in a folder of its own unless one is named."""
    command = [sys.executable, *map(str, words)]
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            command,
            env=env,
            cwd=cwd or empty,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
        )
    return Child(done.returncode, done.stdout, done.stderr)
