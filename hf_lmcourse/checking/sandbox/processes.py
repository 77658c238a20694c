"""The descendants of this process, as /proc shows them; none where there is no /proc."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process.

    Attributes:
        pid: Its number.
        parent: That of its parent.
        threads: The number of its threads.
    """

    pid: int
    parent: int
    threads: int


def descendants() -> list[Process]:
    """Return all descendants of this process."""
    children: dict[int, list[Process]] = {}
    for process in filter(None, map(_read, _pids())):
        children.setdefault(process.parent, []).append(process)
    found, waiting = [], [os.getpid()]
    while waiting:
        of_one = children.get(waiting.pop(), [])
        found += of_one
        waiting += (process.pid for process in of_one)
    return found


def memory_of(process: Process) -> int:
    """Return the bytes of memory of a process, without the mapped files; 0 if it has ended."""
    try:
        lines = (_PROC / str(process.pid) / "status").read_text("ascii", "replace").splitlines()
    except OSError:
        return 0
    values = dict(line.partition(":")[::2] for line in lines)
    kinds = [values.get(name, "0 kB").split() for name in ("RssAnon", "RssShmem")]
    return sum(int(number) * 1024 for number, _ in kinds)


def threads_of_user() -> int:
    """Return the number of threads of this user."""
    total = 0
    for pid in _pids():
        with suppress(OSError):
            if (_PROC / pid).stat().st_uid == os.getuid() and (process := _read(pid)):
                total += process.threads
    return total


def end_descendants(group: int) -> None:
    """Kill all descendants until none is left; those of an ended one have become our children.

    Where there is no /proc, the process group is killed, and what has left it is not found.
    """
    while True:
        if not _PROC.exists():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        for process in descendants():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def _pids() -> list[str]:
    try:
        return [name for name in os.listdir(_PROC) if name.isdecimal()]
    except OSError:
        return []


def _read(pid: str) -> Process | None:
    try:
        text = (_PROC / pid / "stat").read_text("ascii", "replace")
    except OSError:  # it has ended
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may have any characters
    return Process(int(pid), int(fields[1]), int(fields[17]))
