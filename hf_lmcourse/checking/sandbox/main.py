"""The supervisor: start the command, watch its limits, and end everything that it has started.

It reads the job as JSON from its standard input, and writes the ending as JSON to its standard
output. What the command prints goes to standard error, up to the limit.
"""

import fcntl
import json
import os
import select
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from .isolation import (
    adopt_orphans,
    end_with_parent,
    enter_namespaces,
    give_up_rights,
    namespaces_work,
    set_limits,
)
from .limits import Ending, Limits
from .processes import end_descendants
from .watch import Watch

_CHUNK, _LOOK_SECONDS = 65536, 0.1


def main(arguments: list[str]) -> None:
    """Run the job that is read from standard input."""
    job = json.load(sys.stdin)
    limits, folder = Limits(**job["limits"]), Path(job["folder"])
    for number in (signal.SIGTERM, signal.SIGINT):  # the latter from the terminal
        signal.signal(number, lambda *_: sys.exit(1))
    isolated = namespaces_work()
    if isolated:
        enter_namespaces()
    adopt_orphans()
    end_with_parent(signal.SIGTERM)
    output, written = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(job, limits, written, isolated)
    try:
        os.close(written)
        ending = _supervise(child, output, limits, folder, isolated)
    finally:
        end_descendants(child)
    sys.stdout.write(json.dumps(asdict(ending)))


def _supervise(child: int, output: int, limits: Limits, folder: Path, isolated: bool) -> Ending:
    """Watch until the command ends or a limit is exceeded; then end everything."""
    fcntl.fcntl(output, fcntl.F_SETFL, os.O_NONBLOCK)
    watch, next_look, left, status = Watch(limits, folder), 0.0, limits.output, None
    while status is None and not watch.exceeded:
        left = _pass_on(output, left)
        status = _status(child)
        if time.monotonic() >= next_look:
            watch.look()
            next_look = time.monotonic() + _LOOK_SECONDS
    end_descendants(child)
    while (now := _pass_on(output, left)) != left:  # what is still in the pipe
        left = now
    if status is None:
        return Ending(-signal.SIGKILL, watch.exceeded, isolated)
    if isolated and status > 128:  # reported by the first process of the namespace
        status = 128 - status
    exceeded = "processor time" if status == -signal.SIGXCPU else ""
    return Ending(status, exceeded, isolated)


def _status(child: int) -> int | None:
    """Return the exit status of the command if it has ended, and forget orphans that have."""
    while (ended := os.waitpid(-1, os.WNOHANG))[0]:
        if ended[0] == child:
            return os.waitstatus_to_exitcode(ended[1])
    return None


def _pass_on(output: int, left: int) -> int:
    """Show what the command has printed, up to a number of bytes; return what is left of it."""
    if not select.select([output], [], [], 0.02)[0]:
        return left
    try:
        text = os.read(output, _CHUNK)
    except BlockingIOError:
        return left
    if not text:  # closed, but the command goes on
        time.sleep(0.02)
    if text and left:
        os.write(2, text[:left])
        if len(text) >= left:
            os.write(2, b"\n[more was printed than is shown]\n")
    return max(0, left - len(text))


def _be_child(job: Mapping[str, Any], limits: Limits, written: int, isolated: bool) -> NoReturn:
    """Become the command; or the first process of the namespace, which starts it."""
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in enumerate((nothing, written, written)):
            os.dup2(source, target)
        os.closerange(3, 256)
        if isolated:
            end_with_parent(signal.SIGKILL)
            if child := os.fork():
                _be_first_process(child)
        os.setsid()
        os.chdir(job["working_folder"])
        set_limits(limits)
        give_up_rights()
        os.execve(job["command"][0], job["command"], job["environment"])
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(127)


def _be_first_process(child: int) -> NoReturn:
    """Wait for the command, and end: with it, the kernel ends all processes of the namespace."""
    os.closerange(0, 3)
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
